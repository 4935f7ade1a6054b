"""What waits for a lead's decision, kind by kind, newest first."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from releases.models import Deployment, Environment, Freeze, Note, Release, Rollback
from releases.queries.receipts import FRESH
from releases.states import DeploymentKind, DeploymentStatus, Expected, RehearsalOutcome, RollbackStatus, Verdict

LIMIT = 20
"""How many of a kind are listed."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Waiting(Generic[T]):
    """Those of one kind that wait."""

    listed: Sequence[T]
    more: bool
    """Whether there are more than are listed."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """Everything that waits for a decision."""

    results: Waiting[Deployment]
    """Whose release promised something that no probe can tell, and nobody has said whether it came true."""
    freezes: Waiting[Freeze]
    unmeasured: Waiting[Deployment]
    """Live, with a checklist that could not measure or had too little data."""
    bad: Waiting[Release]
    """Marked bad, and nobody has written a note about it since."""
    rehearsals: Waiting[Environment]
    """Production whose service was last rehearsed too long ago, or never although it must be."""
    notes: Waiting[Rollback]
    """Ended, and nobody has written a note about it."""

    @property
    def count(self) -> int:
        return sum(len(each.listed) for each in self.all)

    @property
    def more(self) -> bool:
        return any(each.more for each in self.all)

    @property
    def all(self) -> Sequence[Waiting[Any]]:
        return (self.results, self.freezes, self.unmeasured, self.bad, self.rehearsals, self.notes)


def decisions(since: datetime, services: Collection[int] | None = None) -> Decisions:
    """Return what waits: what is so now, and of results and notes what came up since a time."""
    return Decisions(
        results=_first(_of(_results(since), "environment__service", services)),
        freezes=_first(_of(_freezes(), "environment__service", services)),
        unmeasured=_first(_of(_unmeasured(), "environment__service", services)),
        bad=_first(_of(_bad(), "service", services)),
        rehearsals=_first(_of(_rehearsals(), "service", services)),
        notes=_first(_of(_notes(since), "environment__service", services)),
    )


def _results(since: datetime) -> QuerySet[Deployment]:
    return Deployment.objects.filter(
        kind=DeploymentKind.DEPLOYMENT,
        status=DeploymentStatus.FINISHED,
        expected=Expected.TO_CONFIRM,
        environment__production=True,
        finished_at__gte=since,
    ).select_related("release", "environment__service")


def _freezes() -> QuerySet[Freeze]:
    return Freeze.objects.filter(lifted_at=None).select_related("environment__service", "rollback")


def _unmeasured() -> QuerySet[Deployment]:
    live = Environment.objects.filter(listed=True, production=True, live__isnull=False).values("live")
    unsure = [Verdict.INCONCLUSIVE, Verdict.ERROR]
    return Deployment.objects.filter(pk__in=live, verdict__in=unsure, accepted=False).select_related(
        "release", "environment__service"
    )


def _bad() -> QuerySet[Release]:
    answered = Note.objects.filter(release=OuterRef("pk"), at__gte=OuterRef("bad_since"))
    return Release.objects.filter(~Exists(answered), bad_since__isnull=False).select_related("service")


def _rehearsals() -> QuerySet[Environment]:
    proven = Q(service__environments__rehearsals__outcome=RehearsalOutcome.PROVEN)
    last = Max("service__environments__rehearsals__ended_at", filter=proven)
    old = Q(rehearsed__lt=timezone.now() - FRESH) | Q(rehearsed=None, requires_rehearsal=True)
    found = Environment.objects.filter(listed=True, production=True).annotate(rehearsed=last).filter(old)
    return found.select_related("service").order_by(F("rehearsed").desc(nulls_first=True), "-pk")


def _notes(since: datetime) -> QuerySet[Rollback]:
    written = Note.objects.filter(rollback=OuterRef("pk"))
    return Rollback.objects.filter(~Exists(written), status=RollbackStatus.DONE, ended_at__gte=since).select_related(
        "environment__service", "undone__release", "target__release"
    )


def _of(found: QuerySet[Any], path: str, services: Collection[int] | None) -> QuerySet[Any]:
    return found if services is None else found.filter(**{f"{path}__in": services})


def _first(found: QuerySet[Any]) -> Waiting[Any]:
    rows = list((found if found.query.order_by else found.order_by("-pk"))[: LIMIT + 1])
    return Waiting(rows[:LIMIT], len(rows) > LIMIT)
