"""How releasing went in a time: deployments, which of them failed, how long it took until it was good again.

Of production environments, from our own rows. The words are those of the DORA metrics: deployment frequency, change
failure rate, time to restore (https://dora.dev/guides/dora-metrics-four-keys/); `lead_time` has the fourth.
"""

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import TruncWeek
from django.utils import timezone

from releases.models import ChecklistRun, Deployment, Rollback
from releases.states import (
    DeploymentKind,
    DeploymentStatus,
    Expected,
    Outcome,
    Purpose,
    RollbackStatus,
    Verdict,
)

RESTORED = (Outcome.RESTORED, Outcome.RESTORED_WITH_DIFFERENCES)
RESTORED_LIMIT = 500
"""Of how many rollbacks of a time, the newest, the parts of the time to restore are taken."""


@dataclass(frozen=True, slots=True)
class Period:
    """A time, its start included, its end not."""

    start: datetime
    end: datetime

    def before(self) -> "Period":
        """Return the time of the same length that ends where this one starts."""
        return Period(self.start - (self.end - self.start), self.start)


@dataclass(frozen=True, slots=True)
class Restored:
    """One rollback that brought it back, and the seconds that each part took; None where that is not known."""

    rollback: Rollback
    detect: float | None
    """From the end of the deployment to the first checklist that failed."""
    decide: float | None
    """From there to the press."""
    run: float | None
    """From the press to the end of the command."""
    verify: float | None
    """From there to the measured outcome."""
    total: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What a time came to."""

    deployments: int
    failed: int
    """Whose command failed, or that a rollback was run against."""
    as_expected: int
    not_as_expected: int
    restored: Sequence[Restored]

    def median(self, part: str) -> float | None:
        """Return the median seconds of `detect`, `decide`, `run`, `verify` or `total`."""
        known = [value for each in self.restored if (value := getattr(each, part)) is not None]
        return statistics.median(known) if known else None

    @property
    def failure_rate(self) -> float | None:
        return self.failed / self.deployments if self.deployments else None


@dataclass(frozen=True, slots=True)
class Week:
    """One week of a time."""

    start: datetime
    deployments: int
    failed: int


def figures(period: Period, services: Collection[int] | None = None) -> Figures:
    """Return what a time came to, of all services or of these."""
    counted = _deployments(period, services).aggregate(
        deployments=Count("pk"),
        failed=Count("pk", filter=Q(went_wrong=True)),
        as_expected=Count("pk", filter=Q(expected=Expected.AS_EXPECTED)),
        not_as_expected=Count("pk", filter=Q(expected=Expected.NOT_AS_EXPECTED)),
    )
    return Figures(**counted, restored=_restored(period, services))


def weeks(period: Period, services: Collection[int] | None = None) -> list[Week]:
    """Return the weeks of a time in which something was deployed, oldest first, as the current time zone has them."""
    found = (
        _deployments(period, services)
        .annotate(week=TruncWeek("finished_at", tzinfo=timezone.get_current_timezone()))
        .values("week")
        .annotate(deployments=Count("pk"), failed=Count("pk", filter=Q(went_wrong=True)))
        .order_by("week")
    )
    return [Week(each["week"], each["deployments"], each["failed"]) for each in found]


def _deployments(period: Period, services: Collection[int] | None) -> QuerySet[Deployment]:
    undone = Rollback.objects.filter(undone=OuterRef("pk")).exclude(
        status__in=[RollbackStatus.CANCELLED, RollbackStatus.REFUSED]
    )
    found = Deployment.objects.filter(
        kind=DeploymentKind.DEPLOYMENT,
        status__in=[DeploymentStatus.FINISHED, DeploymentStatus.FAILED],
        environment__production=True,
        finished_at__gte=period.start,
        finished_at__lt=period.end,
    ).annotate(went_wrong=Q(status=DeploymentStatus.FAILED) | Exists(undone))
    return found if services is None else found.filter(environment__service__in=services)


def _restored(period: Period, services: Collection[int] | None) -> list[Restored]:
    found = Rollback.objects.filter(
        environment__production=True,
        outcome__in=RESTORED,
        first_outcome="",  # one that was measured again hours later does not tell how long it took
        ended_at__gte=period.start,
        ended_at__lt=period.end,
    ).select_related("environment__service", "undone__release", "target__release")
    if services is not None:
        found = found.filter(environment__service__in=services)
    rollbacks = list(found.order_by("-pk")[:RESTORED_LIMIT])
    red = dict(
        ChecklistRun.objects.filter(
            deployment__in=[each.undone_id for each in rollbacks], purpose=Purpose.VERIFY, verdict=Verdict.FAIL
        )
        .values("deployment")
        .annotate(first=Min("finished_at"))
        .values_list("deployment", "first")
    )
    return [_parts(each, red.get(each.undone_id)) for each in rollbacks]


def _parts(rollback: Rollback, red: datetime | None) -> Restored:
    deployed = rollback.undone.finished_at or rollback.undone.started_at
    seen = red if red is not None and red <= rollback.pressed_at else None
    ended = rollback.ended_at
    assert ended is not None, "filtered by it"
    return Restored(
        rollback=rollback,
        detect=_between(deployed, seen),
        decide=_between(seen, rollback.pressed_at),
        run=_between(rollback.pressed_at, rollback.command_ended_at),
        verify=_between(rollback.command_ended_at, ended),
        total=(ended - deployed).total_seconds(),
    )


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start is not None and end is not None else None
