"""Lead time for changes, as DORA's metrics name it: from a commit to production.

Of a release it begins with the oldest commit in it that no release before had, and ends with its first deployment to
production. Where whoever registered it did not say when that commit was made, it is not known.
"""

import statistics
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet

from releases.models import Deployment, Release
from releases.queries.delivery import Period
from releases.states import DeploymentKind, DeploymentStatus

_LEAD = ExpressionWrapper(F("finished_at") - F("release__committed_at"), output_field=DurationField())


@dataclass(frozen=True, slots=True)
class LeadTimes:
    """The releases that came to production for the first time in a time."""

    median: float | None
    """Seconds, of those of which it is known."""
    known: int
    releases: int


@dataclass(frozen=True, slots=True)
class LeadTime:
    """What is known of one release."""

    committed_at: datetime
    production_at: datetime | None
    """When its first deployment to production ended; None until then."""

    @property
    def seconds(self) -> float | None:
        return _seconds(self.production_at - self.committed_at) if self.production_at else None


def lead_times(period: Period, services: Collection[int] | None = None) -> LeadTimes:
    """Return how long the releases of a time took, of all services or of these."""
    sooner = Q(finished_at__lt=OuterRef("finished_at")) | Q(finished_at=OuterRef("finished_at"), pk__lt=OuterRef("pk"))
    earlier = _to_production().filter(sooner, release=OuterRef("release"))
    came = _to_production().filter(finished_at__gte=period.start, finished_at__lt=period.end).exclude(Exists(earlier))
    if services is not None:
        came = came.filter(environment__service__in=services)
    counted = came.aggregate(releases=Count("pk"), known=Count("release__committed_at"))
    return LeadTimes(median=_median(came, counted["known"]), **counted)


def lead_time_of(release: Release) -> LeadTime | None:
    """Return what is known of one release; None where nobody said when its oldest commit was made."""
    if release.committed_at is None:
        return None
    first = _to_production().filter(release=release).order_by("finished_at").values_list("finished_at", flat=True)
    return LeadTime(release.committed_at, first.first())


def _to_production() -> QuerySet[Deployment]:
    return Deployment.objects.filter(
        kind=DeploymentKind.DEPLOYMENT, status=DeploymentStatus.FINISHED, environment__production=True
    )


def _median(came: QuerySet[Deployment], count: int) -> float | None:
    """Return the one in the middle of those that are known, or the mean of the two: no others are read."""
    if not count:
        return None
    leads = came.filter(release__committed_at__isnull=False).annotate(lead=_LEAD).order_by("lead")
    return statistics.fmean(
        _seconds(lead) for lead in leads.values_list("lead", flat=True)[(count - 1) // 2 : count // 2 + 1]
    )


def _seconds(lead: timedelta) -> float:
    """Return the seconds of a lead time: a committer's clock may have been ahead of ours."""
    return max(lead.total_seconds(), 0.0)
