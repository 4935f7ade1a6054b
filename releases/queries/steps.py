"""What Rollbook carries out step by step, a deployment of its own or a rehearsal, as its page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from releases.models import ChecklistRun, Deployment, Execution, Finding, Rehearsal
from releases.queries.probe_counts import answered, how_many
from releases.states import (
    CommandState,
    DeploymentStatus,
    ExecutionStatus,
    Level,
    Purpose,
    RehearsalStepKind,
    RunStatus,
    Verdict,
)

NAMES = {
    RehearsalStepKind.COPY_CONFIGURATION: "Copy configuration",
    RehearsalStepKind.MEASURE_BEFORE: "Measure before",
    RehearsalStepKind.DEPLOY: "Deploy command",
    RehearsalStepKind.CHECK: "Checklist",
    RehearsalStepKind.ROLL_BACK: "Rollback command",
    RehearsalStepKind.CHECK_AGAIN: "Checklist again",
}
CHECKLISTS = (RehearsalStepKind.MEASURE_BEFORE, RehearsalStepKind.CHECK, RehearsalStepKind.CHECK_AGAIN)

FINDINGS_SHOWN = 10
"""Of one checklist; the others stand on the page of the release."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a command or a checklist, and where it stands."""

    name: str
    word: str
    """A word of state."""
    says: str = ""
    seconds: float | None = None
    began: datetime | None = None
    on: bool = False
    measures: bool = False
    """It is a checklist, not a command."""
    execution: Execution | None = None
    findings: Sequence[Finding] = ()
    """What kept its checklist from a pass."""

    @property
    def since(self) -> datetime | None:
        """When it began, while it is on."""
        return self.began if self.on else None


def steps_of_deployment(deployment: Deployment) -> list[Step]:
    """Return the steps of a deployment whose command Rollbook runs: baseline, command, checklist."""
    steps = [
        _checklist("Baseline", deployment.baseline),
        _command("Deploy command", deployment.execution),
        _checklist("Checklist", newest_check(deployment)),
    ]
    return steps if deployment.status == DeploymentStatus.STARTED or moving(steps) else _ended(steps)


def steps_of_rehearsal(rehearsal: Rehearsal) -> list[Step]:
    """Return the steps of a rehearsal in their order."""
    steps = [
        _checklist(NAMES[RehearsalStepKind(step.kind)], step.run)
        if step.kind in CHECKLISTS
        else _command(NAMES[RehearsalStepKind(step.kind)], step.execution)
        for step in rehearsal.steps.select_related("execution", "run")
    ]
    return steps if rehearsal.open else _ended(steps)


def newest_check(deployment: Deployment) -> ChecklistRun | None:
    """Return the checklist that judges a deployment, or is about to."""
    runs = deployment.checklist_runs.exclude(purpose=Purpose.BASELINE)
    return deployment.verify_run or runs.order_by("-pk").first()


def moving(steps: Sequence[Step]) -> bool:
    """Whether a step is at work now."""
    return any(step.since is not None for step in steps)


def _ended(steps: Sequence[Step]) -> list[Step]:
    """Return the steps of what has ended: what has not begun will not."""
    return [step if step.began else replace(step, word="skipped", says="not reached") for step in steps]


def _command(name: str, execution: Execution | None) -> Step:
    if execution is None:
        return Step(name, "waiting")
    began = execution.started_at
    if execution.status == ExecutionStatus.EXECUTING:
        return Step(name, "executing", began=began, on=True, execution=execution)
    took = (execution.ended_at - began).total_seconds() if execution.ended_at else None
    if execution.command == CommandState.EXITED:
        word = "pass" if execution.exit_code == 0 else "failed"
        return Step(name, word, f"exit {execution.exit_code}", took, began, execution=execution)
    return Step(name, execution.command, execution.stop_reason or execution.problem, took, began, execution=execution)


def _checklist(name: str, run: ChecklistRun | None) -> Step:
    if run is None:
        return Step(name, "waiting", measures=True)
    began = run.started_at or run.created_at
    if run.status != RunStatus.DONE:
        looks = list(run.probes.all())
        word = "queued" if run.status == RunStatus.QUEUED else "verifying"
        said = f"{answered(looks)} of {how_many(looks)}"
        return Step(name, word, said, began=began, on=True, measures=True)
    took = (run.finished_at - began).total_seconds() if run.finished_at else None
    word = run.verdict or Verdict.INCONCLUSIVE
    return Step(name, word, run.given_up or word, took, began, measures=True, findings=_deciding(run))


def _deciding(run: ChecklistRun) -> list[Finding]:
    """Return the first findings that decided, new ones first."""
    found = Finding.objects.filter(probe_run__run=run).exclude(level=Level.NOTE).select_related("probe_run")
    return list(found.order_by("already_failing", "pk")[:FINDINGS_SHOWN])
