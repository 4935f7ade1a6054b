"""Deployments as lists show them: an environment's history page by page, a release's, a service's newest releases."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Max, QuerySet

from releases.intake import REASONS
from releases.models import Deployment, Environment, Release, Rollback, Service
from releases.queries.standing import Progress, Standing, progress_by_deployment, rollback_of, standing
from releases.queries.timings import Timing, headlines
from releases.states import RollbackStatus

PAGE = 50
"""Deployments on one page of a history."""
RELEASES_SHOWN = 20
RUNNING_ROWS_LIMIT = 20
"""How many rows of a history a live region asks for again."""


@dataclass(frozen=True, slots=True)
class Row:
    """One deployment of a list."""

    deployment: Deployment
    standing: Standing
    progress: Progress | None
    rollback: Rollback | None
    """The rollback that this deployment is."""
    undone_by: Rollback | None
    """The newest rollback that set out to undo it and did not end before it began."""
    p95: Timing | None
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
class Page:
    """One page of a history, newest first."""

    rows: Sequence[Row]
    older: int | None
    """What `before` is on the next page; None on the last."""


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One release, and where it was deployed last in each environment."""

    release: Release
    deployments: Sequence[Row]


def history(environment: Environment, before: int | None = None) -> Page:
    """Return one page of an environment's deployments, those with a number smaller than `before`."""
    deployments = _selected().filter(environment=environment)
    if before is not None:
        deployments = deployments.filter(pk__lt=before)
    found = list(deployments.order_by("-pk")[: PAGE + 1])
    shown = found[:PAGE]
    return Page(_bracketed(_rows(shown)), shown[-1].pk if len(found) > PAGE else None)


def rows_again(environment: Environment, numbers: Iterable[int]) -> list[Row]:
    """Return the rows of these deployments of an environment as they stand now; a rollback opens its bracket."""
    wanted = list(numbers)[:RUNNING_ROWS_LIMIT]
    found = _rows(_selected().filter(environment=environment, pk__in=wanted)) if wanted else []
    return [replace(row, bracket=row.rollback is not None) for row in found]


def deployments_of(release: Release) -> list[Row]:
    """Return the newest deployments of a release."""
    return _rows(_selected().filter(release=release).order_by("-pk")[:PAGE])


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
    return Deployment.objects.select_related(
        "release", "environment__service", "rollback__target__release", "rehearsal", "baseline", "replaced__release"
    )


def _rows(deployments: Iterable[Deployment]) -> list[Row]:
    shown = list(deployments)
    progress = progress_by_deployment(deployment.pk for deployment in shown)
    undone_by = _undone_by(shown)
    p95 = headlines(deployment.verify_run_id for deployment in shown)
    return [
        Row(
            deployment,
            standing(deployment, progress.get(deployment.pk)),
            progress.get(deployment.pk),
            rollback_of(deployment),
            undone_by.get(deployment.pk),
            p95.get(deployment.verify_run_id or 0),
        )
        for deployment in shown
    ]


def _undone_by(deployments: Sequence[Deployment]) -> dict[int, Rollback]:
    rollbacks = Rollback.objects.filter(undone__in=[deployment.pk for deployment in deployments]).exclude(
        status__in=[RollbackStatus.CANCELLED, RollbackStatus.REFUSED]
    )
    return {rollback.undone_id: rollback for rollback in rollbacks.order_by("pk")}


def _bracketed(rows: Sequence[Row]) -> list[Row]:
    """Mark the rows from each rollback down to the deployment that it went back to."""
    place = {row.deployment.pk: number for number, row in enumerate(rows)}
    inside: set[int] = set()
    for number, row in enumerate(rows):
        if row.rollback is not None and row.rollback.target_id in place:
            inside.update(range(number, place[row.rollback.target_id] + 1))
    return [replace(row, bracket=number in inside) for number, row in enumerate(rows)]
