"""Everything that is kept about one release, for one page that can be printed. A bounded number of queries and rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Q

from releases.models import Acceptance, ChecklistRun, Deployment, Event, Execution, Freeze, Note, Release, Rollback
from releases.queries.events import Line, line_of

DEPLOYMENTS_LIMIT = 20
RUNS_LIMIT = 60
ROLLBACKS_LIMIT = 20
EVENTS_LIMIT = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Placed:
    """One deployment with its checklists, oldest first."""

    deployment: Deployment
    runs: Sequence[ChecklistRun]


@dataclass(frozen=True, slots=True)
class WentBack:
    """One rollback with the freeze that it set."""

    rollback: Rollback
    freeze: Freeze | None

    @property
    def executions(self) -> Sequence[Execution]:
        return [each for each in (self.rollback.execution, self.rollback.purge_execution) if each is not None]


@dataclass(frozen=True, slots=True)
class Everything:
    """What is kept about a release, each list oldest first."""

    release: Release
    placed: Sequence[Placed]
    rollbacks: Sequence[WentBack]
    acceptances: Sequence[Acceptance]
    notes: Sequence[Note]
    events: Sequence[Line]
    left_out: Sequence[str]
    """Which lists are longer than the page: only the newest of them are shown."""


def everything_about(release: Release) -> Everything:
    """Return the newest of what is kept about a release."""
    left_out: list[str] = []
    found = Deployment.objects.filter(release=release).select_related(
        "environment__service", "execution", "rehearsal", "replaced__release"
    )
    deployments = _newest(
        list(found.order_by("-pk")[: DEPLOYMENTS_LIMIT + 1]), DEPLOYMENTS_LIMIT, "deployments", left_out
    )
    runs = _newest(
        list(
            ChecklistRun.objects.filter(deployment__in=deployments)
            .prefetch_related("probes__findings")
            .order_by("-pk")[: RUNS_LIMIT + 1]
        ),
        RUNS_LIMIT,
        "checklists",
        left_out,
    )
    went_back = _newest(
        list(
            Rollback.objects.filter(Q(undone__in=deployments) | Q(target__in=deployments))
            .select_related(
                "environment__service", "undone__release", "target__release", "execution", "purge_execution"
            )
            .order_by("-pk")[: ROLLBACKS_LIMIT + 1]
        ),
        ROLLBACKS_LIMIT,
        "rollbacks",
        left_out,
    )
    freezes = {freeze.rollback_id: freeze for freeze in Freeze.objects.filter(rollback__in=went_back).order_by("pk")}
    notes = Note.objects.filter(Q(release=release) | Q(rollback__in=went_back)).select_related(
        "corrected_by", "corrects"
    )
    accepted = Acceptance.objects.filter(finding__probe_run__run__in=runs).select_related(
        "environment__service", "finding"
    )
    tags = [release.tag, *(each.tag for each in deployments), *(each.tag for each in runs)]
    tags += [each.tag for each in went_back]
    tags += [f"RH-{each.rehearsal.pk}" for each in deployments if hasattr(each, "rehearsal")]
    events = _newest(
        list(Event.objects.filter(object_tag__in=tags).order_by("-seq")[: EVENTS_LIMIT + 1]),
        EVENTS_LIMIT,
        "events",
        left_out,
    )
    return Everything(
        release=release,
        placed=[Placed(each, [run for run in runs if run.deployment_id == each.pk]) for each in deployments],
        rollbacks=[WentBack(each, freezes.get(each.pk)) for each in went_back],
        acceptances=list(accepted.order_by("pk")),
        notes=list(notes.order_by("pk")),
        events=[line_of(event) for event in events],
        left_out=left_out,
    )


def _newest(rows: list[T], limit: int, name: str, left_out: list[str]) -> list[T]:
    """Return so many of the rows, which come newest first, oldest first; name the list where there are more."""
    if len(rows) > limit:
        left_out.append(name)
    return rows[:limit][::-1]
