"""Which stable fields of an answer are not what they were in the baseline. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from releases.probes.base import Json


class Change(NamedTuple):
    """One field of one answer, then and now, in words."""

    subject: str
    field: str
    before: str
    now: str


def changes(now: Mapping[str, Json], before: Json) -> Iterator[Change]:
    """Yield what changed between two `{subject: {"fields": {name: value}}}`; nothing without a baseline."""
    if not isinstance(before, Mapping):
        return
    for subject, figures in now.items():
        here, there = _fields(figures), _fields(before.get(subject))
        if here is None or there is None:
            continue
        for field in sorted({*here, *there}):
            if here.get(field) != there.get(field):
                yield Change(subject, field, _shown(there.get(field)), _shown(here.get(field)))


def _fields(figures: Json) -> Mapping[str, Json] | None:
    fields = figures.get("fields") if isinstance(figures, Mapping) else None
    return fields if isinstance(fields, Mapping) else None


def _shown(value: Json) -> str:
    return "not there" if value is None else f'"{value}"'
