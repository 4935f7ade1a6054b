"""The one word that says where a deployment stands, and how far its checklist is. Shared by several pages."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from releases.models import ChecklistRun, Deployment, Rollback
from releases.queries.lean import Listed, Rolled
from releases.queries.probe_counts import counted
from releases.states import (
    OPEN_ROLLBACK,
    OPEN_RUN,
    DeploymentKind,
    DeploymentStatus,
    Purpose,
    RollbackStatus,
    RunStatus,
)

ACTIVE_WORDS = frozenset({"started", *OPEN_ROLLBACK})
"""Words of a standing that will change by itself; queued is active."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a checklist run is."""

    run: int
    purpose: str
    status: str
    done: int
    total: int

    @property
    def label(self) -> str:
        if self.status == RunStatus.QUEUED:
            return "checklist queued"
        verb = "measuring the baseline" if self.purpose == Purpose.BASELINE else "verifying"
        return f"{verb} {self.done} of {self.total}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A word of state, and what a page writes beside its mark when that says more than the word."""

    word: str
    label: str = ""

    @property
    def active(self) -> bool:
        return self.word in ACTIVE_WORDS


def standing(deployment: Deployment | Listed, progress: Progress | None) -> Standing:
    """Say where a deployment stands: the outcome of a rollback, else the verdict, else what it waits for.

    A rollback's deployment must come with its rollback selected.
    """
    rollback = deployment.rollback if isinstance(deployment, Listed) else rollback_of(deployment)
    if rollback is not None:
        return _of_rollback(rollback, progress)
    if deployment.status == DeploymentStatus.STARTED:
        return Standing("started")
    if deployment.status in (DeploymentStatus.FAILED, DeploymentStatus.CANCELLED):
        return Standing(deployment.status)
    if deployment.verdict:
        return Standing(deployment.verdict)
    return _checking(progress) if progress else Standing("not checked")


def rollback_of(deployment: Deployment) -> Rollback | None:
    """Return the rollback that a deployment is, or None."""
    if deployment.kind != DeploymentKind.ROLLBACK:
        return None
    found: Rollback | None = getattr(deployment, "rollback", None)
    return found


def progress_by_deployment(deployments: Iterable[int | None]) -> dict[int, Progress]:
    """Return the unsettled checklist run of each of these deployments, in one query."""
    return progress_among(unsettled_runs().filter(deployment__in=[pk for pk in deployments if pk is not None]))


def progress_among(runs: QuerySet[ChecklistRun]) -> dict[int, Progress]:
    """Return the run of each deployment among unsettled ones, `counted`; verifying wins over a baseline."""
    found: dict[int, Progress] = {}
    for run in sorted(runs, key=lambda run: (run.purpose != Purpose.BASELINE, run.pk)):
        if run.deployment_id is not None:
            found[run.deployment_id] = progress_of(run)
    return found


def unsettled_runs() -> QuerySet[ChecklistRun]:
    """Return the runs that are queued or running, with their probes counted."""
    return counted(ChecklistRun.objects.filter(status__in=OPEN_RUN))


def progress_of(run: ChecklistRun) -> Progress:
    """Return how far a run is that was `counted`."""
    found = vars(run)
    total = found["probes_total"]
    return Progress(run.pk, run.purpose, run.status, total - found["probes_open"], total)


def _of_rollback(rollback: Rollback | Rolled, progress: Progress | None) -> Standing:
    if rollback.status == RollbackStatus.DONE:
        return Standing(rollback.outcome or "unknown")
    if rollback.status == RollbackStatus.VERIFYING and progress:
        return _checking(progress)
    return Standing(rollback.status)


def _checking(progress: Progress) -> Standing:
    if progress.status == RunStatus.QUEUED:
        return Standing("queued", progress.label)
    return Standing("verifying", progress.label)
