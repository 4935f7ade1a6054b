"""Finding events of the book without walking it: the time that a question names becomes a range of numbers."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, QuerySet

from releases.models import Environment, Event, Service


@dataclass(frozen=True, slots=True)
class Period:
    """A time; without ends, all of it."""

    since: datetime | None = None
    until: datetime | None = None
    """The first moment that no longer belongs to it."""

    @property
    def open(self) -> bool:
        return self.since is None and self.until is None

    def events(self) -> QuerySet[Event]:
        """Return what was written in it."""
        found = Event.objects.all()
        if self.since is not None:
            found = found.filter(at__gte=self.since)
        if self.until is not None:
            found = found.filter(at__lt=self.until)
        return found


ALWAYS = Period()


@dataclass(frozen=True, slots=True)
class Within:
    """How many events the book has in a time, and between which numbers they lie.

    Times need not follow the numbers, since clocks are set; so both are asked for. The numbers keep a list that is
    read from its newest end from passing everything that was written later.
    """

    count: int
    first: int
    last: int

    def events_of(self, period: Period) -> QuerySet[Event]:
        found = period.events()
        return found if period.open else found.filter(seq__gte=self.first, seq__lte=self.last)


def within(period: Period) -> Within:
    """Count the events of a time. Reads an index alone."""
    if period.open:
        newest = Event.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
        return Within(newest, 1, newest)  # numbered without a gap, or the chain is broken
    found = period.events().aggregate(count=Count("seq"), first=Min("seq"), last=Max("seq"))
    return Within(found["count"], found["first"] or 0, found["last"] or 0)


def of_place(events: QuerySet[Event], service: str, environment: str) -> QuerySet[Event]:
    """Return those of a service and of an environment; an empty text names all."""
    if service:
        events = events.filter(service=service)
    if environment:
        events = events.filter(environment=environment)
    return events


def services_and_environments() -> tuple[list[str], list[str]]:
    """Return the keys that one can ask for, also those that left the catalogue."""
    services = list(Service.objects.order_by("key").values_list("key", flat=True))
    environments = Environment.objects.order_by("key").values_list("key", flat=True).distinct()
    return services, list(environments)
