"""Deployments and releases as lists show them: a history page by page, a release's, a service's newest releases."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Generic, TypeVar

from django.db.models import JSONField, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from releases.intake import REASONS
from releases.models import Deployment, Environment, Release, Rollback, Service
from releases.queries import filtering, paging
from releases.queries.lean import Listed, Rolled, listed
from releases.queries.paging import PAGE, Page, Position
from releases.queries.standing import Progress, Standing, progress_by_deployment, rollback_of, standing
from releases.queries.timings import Timing, told
from releases.states import DeploymentStatus, Expected, RollbackStatus
from releases.wanted import Wanted

D = TypeVar("D", Deployment, Listed)

RELEASES_SHOWN = 20
RUNNING_ROWS_LIMIT = 20
"""How many rows of a history a live region asks for again."""


@dataclass(frozen=True, slots=True)
class RowOf(Generic[D]):
    """One deployment of a list."""

    deployment: D
    standing: Standing
    progress: Progress | None
    rollback: Rollback | Rolled | None
    """The rollback that this deployment is."""
    undone_by: Rolled | None = None
    """The newest rollback that set out to undo it and did not end before it began."""
    again_by: Rolled | None = None
    """The newest rollback that went back to it, so that its release is here again."""
    bracket: bool = False
    """It lies between a rollback and the deployment that this went back to, both included."""

    @property
    def active(self) -> bool:
        return self.standing.active or self.progress is not None

    @property
    def p95(self) -> Timing | None:
        """The response time that its checklist measured."""
        return told(self.deployment.response_time)

    @property
    def not_scored(self) -> str:
        """Why nothing is known yet of its expected result; empty where something is."""
        if self.deployment.expected not in ("", Expected.NOT_MEASURED):
            return ""
        if self.deployment.status == DeploymentStatus.STARTED:
            return "not finished yet"
        if self.progress is not None:
            return "not measured yet"
        if self.deployment.status == DeploymentStatus.CANCELLED:
            return "nothing ran"
        return Expected.NOT_MEASURED

    @property
    def why(self) -> str:
        """Why somebody rolled back; empty for a deployment that is no rollback."""
        if self.rollback is None:
            return ""
        reason = REASONS.get(self.rollback.reason, self.rollback.reason)
        return f"{reason}: {self.rollback.words}" if self.rollback.words else reason


Row = RowOf[Deployment]
"""A row for a page that has more to tell of the deployment."""
HistoryRow = RowOf[Listed]
"""A row of a history, which may be one of a million."""


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One release, and where it was deployed last in each environment."""

    release: Release
    deployments: Sequence[Row]


def deployments_page(wanted: Wanted, places: Sequence[int] | None, zone: tzinfo, at: Position) -> Page[HistoryRow]:
    """Return one page of the deployments that the filters leave; `places` None means everywhere."""
    return paging.page_of(filtering.deployments(wanted, places, zone), listed, at, _bracketed_rows)


def every_deployment(wanted: Wanted, places: Sequence[int] | None, zone: tzinfo) -> Iterator[HistoryRow]:
    """Yield all deployments that the filters leave, newest first."""
    return paging.every(filtering.deployments(wanted, places, zone), listed, _history_rows)


def releases_page(wanted: Wanted, zone: tzinfo, at: Position) -> Page[Release]:
    """Return one page of the releases that the filters leave."""
    return paging.page_of(filtering.releases(wanted, zone), _read_releases(), at, list)


def every_release(wanted: Wanted, zone: tzinfo) -> Iterator[Release]:
    """Yield all releases that the filters leave, newest first."""
    return paging.every(filtering.releases(wanted, zone), _read_releases(), list)


def rows_again(environment: Environment, numbers: Iterable[int]) -> list[HistoryRow]:
    """Return the rows of these deployments of an environment as they stand now; a rollback opens its bracket."""
    wanted = list(numbers)[:RUNNING_ROWS_LIMIT]
    found = [row for row in rows_of(wanted) if row.deployment.environment_id == environment.pk]
    return [replace(row, bracket=row.rollback is not None) for row in found]


def rows_of(numbers: Sequence[int]) -> list[HistoryRow]:
    """Return the rows of these deployments, newest first."""
    if not numbers:
        return []
    return _history_rows(listed([Deployment.objects.filter(pk__in=numbers)], len(numbers)))


def deployments_of(release: Release) -> list[Row]:
    """Return the newest deployments of a release."""
    return _rows(_selected().filter(release=release).order_by("-pk")[:PAGE])


def newest_releases(service: Service) -> list[ReleaseRow]:
    """Return the newest releases of a service, each with its newest deployment per environment."""
    return release_rows(list(service.releases.order_by("-pk")[:RELEASES_SHOWN]))


def release_rows(releases: Sequence[Release]) -> list[ReleaseRow]:
    """Return these releases, each with its newest deployment per environment."""
    newest = (
        Deployment.objects.filter(release__in=releases)
        .order_by()
        .values("release", "environment")
        .annotate(newest=Max("pk"))
        .values_list("newest", flat=True)
    )
    rows = _rows(_selected().filter(pk__in=list(newest)).order_by("-environment__production", "environment__key"))
    return [
        ReleaseRow(release, [row for row in rows if row.deployment.release_id == release.pk]) for release in releases
    ]


def _selected() -> QuerySet[Deployment]:
    """Return deployments with all that a release's page tells of them."""
    return _tied(
        Deployment.objects.select_related(
            "release",
            "environment__service",
            "rollback__target__release",
            "rollback__undone__release",
            "rollback__execution",
            "rehearsal",
            "baseline",
            "execution",
            "replaced__release",
        )
    )


def _tied(deployments: QuerySet[Deployment]) -> QuerySet[Deployment]:
    """Add the rollbacks that undid each deployment or went back to it."""
    return deployments.annotate(undone_by=_newest_rollback("undone"), again_by=_newest_rollback("target"))


def _newest_rollback(field: str) -> Subquery:
    rollbacks = Rollback.objects.filter(**{field: OuterRef("pk")}).exclude(
        status__in=[RollbackStatus.CANCELLED, RollbackStatus.REFUSED]
    )
    told = JSONObject(pk="pk", status="status", outcome="outcome", deployment="deployment")
    return Subquery(rollbacks.order_by("-pk").values(told=told)[:1], output_field=JSONField())


def _read_releases() -> paging.Read[Release]:
    return paging.read_models(Release.objects.select_related("service"))


def _rows(deployments: Iterable[Deployment]) -> list[Row]:
    shown = list(deployments)
    progress = progress_by_deployment(deployment.pk for deployment in shown)
    return [
        RowOf(
            deployment,
            standing(deployment, progress.get(deployment.pk)),
            progress.get(deployment.pk),
            rollback_of(deployment),
            _tie(deployment, "undone_by"),
            _tie(deployment, "again_by"),
        )
        for deployment in shown
    ]


def _tie(deployment: Deployment, name: str) -> Rolled | None:
    found = vars(deployment).get(name)
    return Rolled(**found) if found else None


def _history_rows(deployments: Sequence[Listed]) -> list[HistoryRow]:
    unsettled = [deployment.pk for deployment in deployments if deployment.unsettled]
    progress = progress_by_deployment(unsettled) if unsettled else {}
    return [
        RowOf(
            deployment,
            standing(deployment, progress.get(deployment.pk)),
            progress.get(deployment.pk),
            deployment.rollback,
            deployment.undone_by,
            deployment.again_by,
        )
        for deployment in deployments
    ]


def _bracketed_rows(deployments: Sequence[Listed]) -> list[HistoryRow]:
    return _bracketed(_history_rows(deployments))


def _bracketed(rows: list[HistoryRow]) -> list[HistoryRow]:
    """Mark the rows from each rollback down to the deployment that it went back to, in their environment."""
    place = {row.deployment.pk: number for number, row in enumerate(rows)}
    inside: set[int] = set()
    for number, row in enumerate(rows):
        if row.rollback is not None and row.rollback.target_id in place:
            among = range(number, place[row.rollback.target_id] + 1)
            here = row.deployment.environment_id
            inside.update(each for each in among if rows[each].deployment.environment_id == here)
    return [replace(row, bracket=True) if number in inside else row for number, row in enumerate(rows)]
