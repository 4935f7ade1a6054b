"""Everything that is kept about one release, for a page that can be printed and for files. Bounded queries and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from django.db.models import Model, Prefetch, Q, QuerySet

from releases.models import (
    Acceptance,
    ChecklistRun,
    Deployment,
    Event,
    Execution,
    Finding,
    Freeze,
    Note,
    ProbeRun,
    Rehearsal,
    RehearsalStep,
    Release,
    Rollback,
)
from releases.queries.differences import Differences, differences_of
from releases.queries.events import Line, line_of
from releases.queries.expected_results import Answered, results_of
from releases.queries.final_commands import FinalCommand, final_commands
from releases.queries.release_page import BeforeAfter, before_after, checklist_of
from releases.queries.shown_findings import Shown, shown_finding

DEPLOYMENTS_LIMIT = 20
RUNS_LIMIT = 60
FINDINGS_LIMIT = 1000
EVIDENCE_LIMIT = 1_000_000
"""Characters of evidence of all findings together."""
REHEARSALS_LIMIT = 20
ROLLBACKS_LIMIT = 20
ACCEPTANCES_LIMIT = 100
NOTES_LIMIT = 200
EVENTS_LIMIT = 500

T = TypeVar("T", bound=Model)


@dataclass(frozen=True, slots=True)
class Probed:
    """One probe's answer in a checklist."""

    probe: ProbeRun
    findings: Sequence[Shown]


@dataclass(frozen=True, slots=True)
class Checked:
    """One run of the checklist."""

    run: ChecklistRun
    probes: Sequence[Probed]


@dataclass(frozen=True, slots=True)
class Placed:
    """One deployment with its checklists, oldest first."""

    deployment: Deployment
    runs: Sequence[Checked]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One rehearsal with its steps."""

    rehearsal: Rehearsal
    steps: Sequence[RehearsalStep]


@dataclass(frozen=True, slots=True)
class WentBack:
    """One rollback with the freeze that it set."""

    rollback: Rollback
    freeze: Freeze | None

    @property
    def executions(self) -> Sequence[Execution]:
        return [each for each in (self.rollback.execution, self.rollback.purge_execution) if each is not None]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one deployment of the release showed: the newest in production, else the newest."""

    deployment: Deployment
    timed: Sequence[BeforeAfter]
    differences: Differences | None
    commands: Sequence[FinalCommand]


@dataclass(frozen=True, slots=True)
class Everything:
    """What is kept about a release, each list oldest first."""

    release: Release
    measured: Measured | None
    promised: Sequence[Answered]
    placed: Sequence[Placed]
    rehearsals: Sequence[Rehearsed]
    rollbacks: Sequence[WentBack]
    acceptances: Sequence[Acceptance]
    notes: Sequence[Note]
    events: Sequence[Line]
    left_out: Sequence[str]
    """Which lists are longer than this: only the newest of them are here."""


def everything_about(release: Release) -> Everything:
    """Return the newest of what is kept about a release."""
    left_out: list[str] = []
    deployments = _newest(_deployments(release), DEPLOYMENTS_LIMIT, "deployments", left_out)
    runs = _newest(
        # Without figures, which hold every sample: what is measured is read for the deployment that is shown first.
        ChecklistRun.objects.filter(deployment__in=deployments)
        .defer("settings")
        .prefetch_related(Prefetch("probes", ProbeRun.objects.defer("figures"))),
        RUNS_LIMIT,
        "checklists",
        left_out,
    )
    rehearsals = _newest(
        Rehearsal.objects.filter(release=release).select_related("environment__service", "back_to__release"),
        REHEARSALS_LIMIT,
        "rehearsals",
        left_out,
    )
    rollbacks = _newest(_rollbacks(deployments), ROLLBACKS_LIMIT, "rollbacks", left_out)
    accepted = Acceptance.objects.filter(finding__probe_run__run__in=runs).select_related(
        "environment__service", "finding"
    )
    notes = Note.objects.filter(Q(release=release) | Q(rollback__in=rollbacks)).select_related(
        "corrected_by", "corrects"
    )
    tags = [release.tag, *(each.tag for each in deployments), *(each.tag for each in runs)]
    tags += [*(each.tag for each in rehearsals), *(each.tag for each in rollbacks)]
    events = _newest(Event.objects.filter(object_tag__in=tags), EVENTS_LIMIT, "events", left_out)
    measured = _shown_first(deployments)
    findings = _findings(runs, left_out)
    return Everything(
        release=release,
        measured=_measured(measured) if measured else None,
        promised=results_of(release, measured),
        placed=[Placed(each, _checked(each, runs, findings)) for each in deployments],
        rehearsals=_with_steps(rehearsals),
        rollbacks=_with_freezes(rollbacks),
        acceptances=_newest(accepted, ACCEPTANCES_LIMIT, "acceptances", left_out),
        notes=_newest(notes, NOTES_LIMIT, "notes", left_out),
        events=[line_of(event) for event in events],
        left_out=left_out,
    )


def _deployments(release: Release) -> QuerySet[Deployment]:
    return Deployment.objects.filter(release=release).select_related(
        "environment__service", "execution", "rollback__execution", "baseline", "replaced__release"
    )


def _rollbacks(deployments: Sequence[Deployment]) -> QuerySet[Rollback]:
    return Rollback.objects.filter(Q(undone__in=deployments) | Q(target__in=deployments)).select_related(
        "environment__service", "undone__release", "target__release", "execution", "purge_execution"
    )


def _shown_first(deployments: Sequence[Deployment]) -> Deployment | None:
    """Return the deployment that stands for the release: a pass on staging must not hide what readers see."""
    for_readers = [each for each in deployments if each.environment.production]
    return max(for_readers or deployments, key=lambda each: each.pk, default=None)


def _measured(deployment: Deployment) -> Measured:
    checklist = checklist_of(deployment)
    return Measured(
        deployment,
        before_after(checklist) if checklist else [],
        differences_of(deployment),
        final_commands(deployment),
    )


def _checked(
    deployment: Deployment, runs: Sequence[ChecklistRun], findings: Mapping[int, Sequence[Shown]]
) -> list[Checked]:
    return [
        Checked(run, [Probed(probe, findings.get(probe.pk, [])) for probe in run.probes.all()])
        for run in runs
        if run.deployment_id == deployment.pk
    ]


def _findings(runs: Sequence[ChecklistRun], left_out: list[str]) -> dict[int, list[Shown]]:
    """Return the findings of these runs by probe run; evidence as far as it fits, the newest first."""
    rows = Finding.objects.filter(probe_run__run__in=runs).select_related("probe_run").defer("probe_run__figures")
    by_probe: dict[int, list[Shown]] = {}
    room = EVIDENCE_LIMIT
    for finding in reversed(_newest(rows, FINDINGS_LIMIT, "findings", left_out)):
        shown = shown_finding(finding.probe_run.key, finding, {})
        room -= sum(len(value) for _, value in shown.evidence)
        if room < 0:
            shown = replace(shown, evidence=(), left_out=len(shown.evidence) + shown.left_out)
        by_probe.setdefault(finding.probe_run_id, []).insert(0, shown)
    if room < 0:
        left_out.append("evidence")
    return by_probe


def _with_steps(rehearsals: Sequence[Rehearsal]) -> list[Rehearsed]:
    steps = list(RehearsalStep.objects.filter(rehearsal__in=rehearsals).select_related("execution", "run"))
    return [Rehearsed(each, [step for step in steps if step.rehearsal_id == each.pk]) for each in rehearsals]


def _with_freezes(rollbacks: Sequence[Rollback]) -> list[WentBack]:
    freezes = {freeze.rollback_id: freeze for freeze in Freeze.objects.filter(rollback__in=rollbacks).order_by("pk")}
    return [WentBack(each, freezes.get(each.pk)) for each in rollbacks]


def _newest(rows: QuerySet[T], limit: int, name: str, left_out: list[str]) -> list[T]:
    """Return so many of the newest rows, oldest first; name the list where there are more."""
    found = list(rows.order_by("-pk")[: limit + 1])
    if len(found) > limit:
        left_out.append(name)
    return found[:limit][::-1]
