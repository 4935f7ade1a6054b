"""Pages by key: what lies before or after a row, newest first, as fast at the end of a long list as at its beginning.

Keys are issued in time order, so that an address names the same rows for ever, whatever is added.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db.models import Model, QuerySet
from django.db.models.expressions import RawSQL

PAGE = 50
"""Rows on one page."""
BATCH = 1000
"""Rows that an export reads at once."""
NUMBER_LIMIT = 2**63 - 1
"""The largest number that a key can be."""


class Keyed(Protocol):
    """A row that has a key."""

    @property
    def pk(self) -> Any: ...


M = TypeVar("M", bound=Model)
K = TypeVar("K", bound=Keyed)
T = TypeVar("T")

Read = Callable[[Sequence[QuerySet[Any, Any]], int, bool], list[K]]
"""Reads so many rows of all branches, newest first, or oldest first where the last is true."""


@dataclass(frozen=True, slots=True)
class Position:
    """Which page: the newest rows, those older than `before`, or those newer than `after`."""

    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page, newest first."""

    rows: Sequence[T]
    older: int | None
    """What `before` is on the next page; None on the last."""
    newer: int | None = None
    """What `after` is on the page before; None on the first."""


def number(text: str) -> int | None:
    """Return the number of a row that an address names; None for anything else."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        return None
    return min(int(text), NUMBER_LIMIT)


def page_of(
    branches: Sequence[QuerySet[M]], read: Read[K], at: Position, build: Callable[[list[K]], list[T]]
) -> Page[T]:
    """Return one page of all branches; `read` reads rows by their keys, `build` makes what is shown of them."""
    return as_page(_newest(branches, read, at, PAGE + 1), at, build)


def as_page(found: list[K], at: Position, build: Callable[[list[K]], list[T]]) -> Page[T]:
    """Make a page of the rows that were read from a position on, one more than it shows where there are more."""
    more, found = len(found) > PAGE, found[:PAGE]
    if at.after is not None:
        found.reverse()
        return Page(build(found), found[-1].pk if found else None, found[0].pk if more else None)
    return Page(
        build(found),
        found[-1].pk if more else None,
        found[0].pk if found and at.before is not None else None,
    )


def every(branches: Sequence[QuerySet[M]], read: Read[K], build: Callable[[list[K]], list[T]]) -> Iterator[T]:
    """Yield all rows, newest first, a batch at a time: no more memory for a long list than for a short one."""
    at = Position()
    while found := _newest(branches, read, at, BATCH):
        yield from build(found)
        at = Position(before=found[-1].pk)


def read_models(shown: QuerySet[M]) -> Read[M]:
    """Return what reads rows as the ORM does."""

    def read(branches: Sequence[QuerySet[M]], rows: int, upwards: bool) -> list[M]:
        # Made by Django from the branches; what people typed is in the parameters.
        chosen = shown.filter(pk__in=RawSQL(*together([branch.values("pk") for branch in branches])))  # noqa: S611
        return list(chosen.order_by("pk" if upwards else "-pk")[:rows])

    return read


def _newest(branches: Sequence[QuerySet[M]], read: Read[K], at: Position, rows: int) -> list[K]:
    """Read so many rows of all branches at a position: downwards, or upwards from `after`.

    Each branch is to have an index that gives its rows in the order of their keys. Only so many of each are read,
    where one query over all of them would have to read and sort every row of theirs.
    """
    upwards = at.after is not None
    try:
        ordered = [_from(branch, at).order_by("pk" if upwards else "-pk")[:rows] for branch in branches]
        return read(ordered, rows, upwards)
    except EmptyResultSet:
        return []


def _from(rows: QuerySet[M], at: Position) -> QuerySet[M]:
    if at.after is not None:
        return rows.filter(pk__gt=at.after)
    return rows.filter(pk__lt=at.before) if at.before is not None else rows


def together(branches: Sequence[QuerySet[Any, Any]]) -> tuple[str, Sequence[Any]]:
    """Return one statement for all branches, with its parameters. Django slices no part of a union on SQLite."""
    parts: list[str] = []
    params: list[Any] = []
    for place, branch in enumerate(branches):
        sql, given = branch.query.sql_with_params()
        parts.append(f"SELECT * FROM ({sql}) AS part_{place}")  # noqa: S608
        params.extend(given)
    return " UNION ALL ".join(parts), params
