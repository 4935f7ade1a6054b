"""Pages by key: what lies before or after a row, newest first, as fast at the end of a long list as at its beginning.

Keys are issued in time order, so that an address names the same rows for ever, whatever is added.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.db.models.expressions import RawSQL

PAGE = 50
"""Rows on one page."""
BATCH = 1000
"""Rows that an export reads at once."""
NUMBER_LIMIT = 2**63 - 1
"""The largest number that a key can be."""

M = TypeVar("M", bound=Model)
T = TypeVar("T")


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


def newest(branches: Sequence[QuerySet[M]], shown: QuerySet[M], at: Position, rows: int) -> list[M]:
    """Return so many rows of all branches at a position, as `shown` selects them: downwards, or upwards from `after`.

    Each branch is to have an index that gives its rows in the order of their keys. Only so many keys of each are read,
    where one query over all of them would have to read and sort every row of theirs.
    """
    order = "pk" if at.after is not None else "-pk"
    found = [_from(branch, at).order_by(order) for branch in branches]
    if len(found) == 1:
        chosen = found[0] if shown is branches[0] else shown.filter(pk__in=found[0].values("pk")[:rows])
    else:
        chosen = shown.filter(pk__in=_keys_of_all(found, rows))
    return list(chosen.order_by(order)[:rows])


def page_of(
    branches: Sequence[QuerySet[M]], shown: QuerySet[M], at: Position, build: Callable[[list[M]], list[T]]
) -> Page[T]:
    """Return one page; `build` makes its rows, newest first."""
    return as_page(newest(branches, shown, at, PAGE + 1), at, build)


def as_page(found: list[M], at: Position, build: Callable[[list[M]], list[T]]) -> Page[T]:
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


def every(branches: Sequence[QuerySet[M]], shown: QuerySet[M], build: Callable[[list[M]], list[T]]) -> Iterator[T]:
    """Yield all rows, newest first, a batch at a time: no more memory for a long list than for a short one."""
    at = Position()
    while found := newest(branches, shown, at, BATCH):
        yield from build(found)
        at = Position(before=found[-1].pk)


def _from(rows: QuerySet[M], at: Position) -> QuerySet[M]:
    if at.after is not None:
        return rows.filter(pk__gt=at.after)
    return rows.filter(pk__lt=at.before) if at.before is not None else rows


def _keys_of_all(branches: Sequence[QuerySet[M]], rows: int) -> RawSQL:
    """Return the keys of the first rows of each branch, as a subquery. Django slices no part of a union on SQLite."""
    parts: list[str] = []
    params: list[Any] = []
    for place, branch in enumerate(branches):
        sql, given = branch.values("pk")[:rows].query.sql_with_params()
        parts.append(f"SELECT * FROM ({sql}) AS part_{place}")  # noqa: S608
        params.extend(given)
    # Made by Django from the branches; what people typed is in the parameters.
    return RawSQL(" UNION ALL ".join(parts), params)  # noqa: S611
