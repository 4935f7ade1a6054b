"""Deployments and releases as lists show them: a history page by page, a release's, a service's newest releases."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from django.db.models import JSONField, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from releases.intake import REASONS
from releases.models import Deployment, Environment, Release, Rollback, Service
from releases.queries import filtering, paging
from releases.queries.paging import PAGE, Page, Position
from releases.queries.standing import Progress, Standing, progress_by_deployment, rollback_of, standing
from releases.queries.timings import Timing, headlines
from releases.states import OPEN_ROLLBACK, RollbackStatus
from releases.wanted import Wanted

RELEASES_SHOWN = 20
RUNNING_ROWS_LIMIT = 20
"""How many rows of a history a live region asks for again."""

_SHOWN = (
    "kind",
    "status",
    "verdict",
    "regression",
    "despite_freeze",
    "during_rollback",
    "reported_by",
    "requester",
    "verify_run",
    "started_at",
    "finished_at",
    "environment__key",
    "environment__service__key",
    "release__version",
    "release__owner",
    "release__bad_since",
    "rollback__status",
    "rollback__outcome",
    "rollback__reason",
    "rollback__words",
    "rollback__target__release__version",
    "rollback__undone__release__version",
    "rehearsal__outcome",
)
"""What rows show; the long texts of a release are none of it."""


@dataclass(frozen=True, slots=True)
class Link:
    """A rollback that a deployment is tied to by what happened to it."""

    pk: int
    status: str
    outcome: str
    deployment: int | None
    """The deployment that the rollback is."""

    @property
    def tag(self) -> str:
        return f"RB-{self.pk}"

    @property
    def open(self) -> bool:
        return self.status in OPEN_ROLLBACK


@dataclass(frozen=True, slots=True)
class Row:
    """One deployment of a list."""

    deployment: Deployment
    standing: Standing
    progress: Progress | None
    rollback: Rollback | None
    """The rollback that this deployment is."""
    undone_by: Link | None = None
    """The newest rollback that set out to undo it and did not end before it began."""
    again_by: Link | None = None
    """The newest rollback that went back to it, so that its release is here again."""
    p95: Timing | None = None
    bracket: bool = False
    """It lies between a rollback and the deployment that this went back to, both included."""

    @property
    def active(self) -> bool:
        return self.standing.active or self.progress is not None

    @property
    def why(self) -> str:
        """Why somebody rolled back; empty for a deployment that is no rollback."""
        if self.rollback is None:
            return ""
        reason = REASONS.get(self.rollback.reason, self.rollback.reason)
        return f"{reason}: {self.rollback.words}" if self.rollback.words else reason


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One release, and where it was deployed last in each environment."""

    release: Release
    deployments: Sequence[Row]


def deployments_page(wanted: Wanted, places: Sequence[Environment] | None, zone: tzinfo, at: Position) -> Page[Row]:
    """Return one page of the deployments that the filters leave; `places` None means everywhere."""
    return paging.page_of(filtering.deployments(wanted, places, zone), _listed(), at, _bracketed_rows)


def every_deployment(wanted: Wanted, places: Sequence[Environment] | None, zone: tzinfo) -> Iterator[Row]:
    """Yield all deployments that the filters leave, newest first."""
    return paging.every(filtering.deployments(wanted, places, zone), _listed(), _rows)


def releases_page(wanted: Wanted, zone: tzinfo, at: Position) -> Page[Release]:
    """Return one page of the releases that the filters leave."""
    branches = filtering.releases(wanted, zone)
    return paging.page_of(branches, Release.objects.select_related("service"), at, list)


def every_release(wanted: Wanted, zone: tzinfo) -> Iterator[Release]:
    """Yield all releases that the filters leave, newest first."""
    return paging.every(filtering.releases(wanted, zone), Release.objects.select_related("service"), list)


def with_p95(rows: Sequence[Row]) -> list[Row]:
    """Add the response time that each deployment's checklist measured."""
    p95 = headlines(row.deployment.verify_run_id for row in rows)
    return [replace(row, p95=p95.get(row.deployment.verify_run_id or 0)) for row in rows]


def rows_again(environment: Environment, numbers: Iterable[int]) -> list[Row]:
    """Return the rows of these deployments of an environment as they stand now; a rollback opens its bracket."""
    wanted = list(numbers)[:RUNNING_ROWS_LIMIT]
    found = with_p95(_rows(_listed().filter(environment=environment, pk__in=wanted))) if wanted else []
    return [replace(row, bracket=row.rollback is not None) for row in found]


def rows_of(numbers: Iterable[int]) -> list[Row]:
    """Return the rows of these deployments, newest first."""
    return _rows(_listed().filter(pk__in=list(numbers)).order_by("-pk"))


def deployments_of(release: Release) -> list[Row]:
    """Return the newest deployments of a release."""
    return with_p95(_rows(_selected().filter(release=release).order_by("-pk")[:PAGE]))


def newest_releases(service: Service) -> list[ReleaseRow]:
    """Return the newest releases of a service, each with its newest deployment per environment."""
    releases = list(service.releases.order_by("-pk")[:RELEASES_SHOWN])
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
            "rehearsal",
            "baseline",
            "replaced__release",
        )
    )


def _listed() -> QuerySet[Deployment]:
    """Return deployments with what rows show and nothing else."""
    return _tied(
        Deployment.objects.select_related(
            "release", "environment__service", "rollback__target__release", "rollback__undone__release", "rehearsal"
        ).only(*_SHOWN)
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


def _rows(deployments: Iterable[Deployment]) -> list[Row]:
    shown = list(deployments)
    progress = progress_by_deployment(deployment.pk for deployment in shown)
    return [
        Row(
            deployment,
            standing(deployment, progress.get(deployment.pk)),
            progress.get(deployment.pk),
            rollback_of(deployment),
            _link(deployment, "undone_by"),
            _link(deployment, "again_by"),
        )
        for deployment in shown
    ]


def _link(deployment: Deployment, name: str) -> Link | None:
    found = vars(deployment).get(name)
    return Link(**found) if found else None


def _bracketed_rows(deployments: Iterable[Deployment]) -> list[Row]:
    return _bracketed(_rows(deployments))


def _bracketed(rows: Sequence[Row]) -> list[Row]:
    """Mark the rows from each rollback down to the deployment that it went back to, in their environment."""
    place = {row.deployment.pk: number for number, row in enumerate(rows)}
    inside: set[int] = set()
    for number, row in enumerate(rows):
        if row.rollback is not None and row.rollback.target_id in place:
            among = range(number, place[row.rollback.target_id] + 1)
            here = row.deployment.environment_id
            inside.update(each for each in among if rows[each].deployment.environment_id == here)
    return [replace(row, bracket=number in inside) for number, row in enumerate(rows)]
