"""What waits for a lead's decision, kind by kind, newest first, with what it takes to answer it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from releases.models import ChecklistRun, Deployment, Environment, Freeze, Note, Rehearsal, Release, Rollback
from releases.queries.expected_results import to_confirm
from releases.queries.receipts import FRESH, REHEARSED
from releases.queries.wayback import verified_now
from releases.states import (
    OPEN_REHEARSAL,
    DeploymentKind,
    DeploymentStatus,
    Expected,
    Purpose,
    RehearsalOutcome,
    RollbackStatus,
    RunStatus,
    Verdict,
)

LIMIT = 20
"""How many of a kind are listed."""
STAGES = 3
"""In how many environments of a service a rehearsal is offered."""
IN_HAND = timedelta(hours=1)
"""How long what was queued counts as an answer that is on its way."""

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
    """Live, with a checklist that could not measure or had too little data, and nobody has written a note since."""
    bad: Waiting[Release]
    """Marked bad, and nobody has written a note about it since."""
    rehearsals: Waiting[Environment]
    """Production whose service was last rehearsed too long ago, or never although it must be."""
    notes: Waiting[Rollback]
    """Ended, and nobody has written a note about it."""
    promised: Mapping[int, Sequence[tuple[int, str]]]
    """By release, number and text of each expected result that waits for a person's word."""
    stages: Mapping[int, Sequence[Environment]]
    """By service, where it can be rehearsed, each with the newest version that may be (`newest`)."""

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
    results = _first(_of(_results(since), "environment__service", services))
    rehearsals = _first(_of(_rehearsals(), "service", services))
    return Decisions(
        results=results,
        freezes=_first(_of(_freezes(), "environment__service", services)),
        unmeasured=_first(_of(_unmeasured(), "environment__service", services)),
        bad=_first(_of(_bad(), "service", services)),
        rehearsals=rehearsals,
        notes=_first(_of(_notes(since), "environment__service", services)),
        promised=to_confirm(deployment.release for deployment in results.listed),
        stages=_stages(environment.service_id for environment in rehearsals.listed),
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
    answered = Note.objects.filter(release=OuterRef("release"), at__gte=OuterRef("verify_run__finished_at"))
    asked_again = ChecklistRun.objects.filter(
        deployment=OuterRef("pk"), purpose=Purpose.VERIFY, created_at__gte=timezone.now() - IN_HAND
    ).exclude(status=RunStatus.DONE)
    waiting = Deployment.objects.filter(~verified_now(), ~Exists(answered), ~Exists(asked_again), pk__in=live)
    return waiting.filter(verdict__in=unsure).select_related("release", "environment__service")


def _bad() -> QuerySet[Release]:
    answered = Note.objects.filter(release=OuterRef("pk"), at__gte=OuterRef("bad_since"))
    return Release.objects.filter(~Exists(answered), bad_since__isnull=False).select_related("service")


def _rehearsals() -> QuerySet[Environment]:
    now = timezone.now()
    proven = Q(service__environments__rehearsals__outcome=RehearsalOutcome.PROVEN)
    last = Max("service__environments__rehearsals__ended_at", filter=proven)
    old = Q(rehearsed__lt=now - FRESH) | Q(rehearsed=None, requires_rehearsal=True)
    asked = Rehearsal.objects.filter(
        environment__service=OuterRef("service"), status__in=OPEN_REHEARSAL, pressed_at__gte=now - IN_HAND
    )
    found = Environment.objects.filter(~Exists(asked), listed=True, production=True)
    found = found.annotate(rehearsed=last).filter(old)
    return found.select_related("service").order_by(F("rehearsed").desc(nulls_first=True), "-pk")


def _notes(since: datetime) -> QuerySet[Rollback]:
    written = Note.objects.filter(rollback=OuterRef("pk"))
    owing = Rollback.objects.filter(~Exists(written), status=RollbackStatus.DONE, ended_at__gte=since)
    return owing.select_related("environment__service", "undone__release", "target__release").order_by("-ended_at")


def _of(found: QuerySet[Any], path: str, services: Collection[int] | None) -> QuerySet[Any]:
    return found if services is None else found.filter(**{f"{path}__in": services})


def _first(found: QuerySet[Any]) -> Waiting[Any]:
    rows = list((found if found.query.order_by else found.order_by("-pk"))[: LIMIT + 1])
    return Waiting(rows[:LIMIT], len(rows) > LIMIT)


def _stages(services: Iterable[int]) -> Mapping[int, Sequence[Environment]]:
    """Return where each service can be rehearsed: no production, both commands, and something to go back to."""
    newest = Release.objects.filter(service=OuterRef("service"), bad_since=None).exclude(pk=OuterRef("live__release"))
    places = Environment.objects.filter(service__in=set(services), listed=True, production=False, live__isnull=False)
    found: dict[int, list[Environment]] = defaultdict(list)
    for place in places.annotate(newest=Subquery(newest.order_by("-pk").values("version")[:1])).select_related(
        "service", "live__release"
    ):
        if set(REHEARSED) <= set(place.command_names) and len(found[place.service_id]) < STAGES:
            found[place.service_id].append(place)
    return found
