"""Events of the book as an auditor searches them: by who, about what, which action, where and when."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from releases.book import Tag
from releases.models import Event
from releases.queries.book_search import ALWAYS, Period, Within, of_place
from releases.queries.paging import Page, Position, every, page_of, read_models
from releases.queries.shown_findings import flat
from releases.queries.timeline import sentence

SUBJECTS = sorted({tag.partition(":")[0] for tag in Tag})


@dataclass(frozen=True, slots=True)
class Sought:
    """Which events somebody looks for. An empty text names all."""

    actor: str = ""
    """A part of the name."""
    names: Sequence[str] = ()
    """The names of the book that it means."""
    further: int = 0
    """How many more it means, which are not looked for."""
    object: str = ""
    action: str = ""
    """A tag, or a subject such as `rollback`: every tag of it."""
    service: str = ""
    environment: str = ""
    period: Period = ALWAYS

    @property
    def tags(self) -> Sequence[str]:
        if self.action in SUBJECTS:
            return [tag.value for tag in Tag if tag.partition(":")[0] == self.action]
        return [self.action] if self.action else []


@dataclass(frozen=True, slots=True)
class Line:
    """One event as a page shows it."""

    event: Event
    says: str
    changed: Sequence[tuple[str, str, str]]
    """Field, before, after."""
    facts: Sequence[tuple[str, str]]
    """What else it keeps."""

    def of(self, name: str) -> str:
        return str(self.event.payload.get(name, ""))


def events(sought: Sought, inside: Within, at: Position) -> Page[Line]:
    """Return one page of events, newest first."""
    return page_of(
        branches(sought, inside), read_models(Event.objects.all()), at, lambda rows: [line_of(row) for row in rows]
    )


def every_event(sought: Sought, inside: Within) -> Iterator[Line]:
    """Yield all of them, newest first, a batch at a time."""
    return every(
        branches(sought, inside), read_models(Event.objects.all()), lambda rows: [line_of(row) for row in rows]
    )


def branches(sought: Sought, inside: Within) -> list[QuerySet[Event]]:
    """Return the events that are looked for, in parts that are each read along an index."""
    found = of_place(inside.events_of(sought.period), sought.service, sought.environment)
    tags = sought.tags
    if sought.object:
        found = found.filter(object_tag=sought.object)
    if sought.actor:
        if tags:
            found = found.filter(action__in=tags)
        # A whole name is looked for even where it is none of those that are offered: there may be more.
        return [found.filter(actor=name) for name in sought.names or [sought.actor]]
    if sought.object or not tags:
        return [found.filter(action__in=tags) if tags else found]
    return [found.filter(action=tag) for tag in tags]


def line_of(event: Event) -> Line:
    details: Mapping[str, Any] = event.payload.get("details") or {}
    before, after = (dict(flat(details.get(side) or {})) for side in ("before", "after"))
    changed = [(name, before.get(name, ""), after.get(name, "")) for name in dict.fromkeys([*before, *after])]
    facts = list(flat({key: value for key, value in details.items() if key not in ("before", "after")}))
    return Line(event, sentence(event), changed, [(name, value) for name, value in facts if value])
