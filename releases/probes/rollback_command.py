"""Whether the rollback command would run, short of running it. The worker that would run it is the one that looks."""

from releases.probes.base import (
    Answer,
    Context,
    Finding,
    FindingKind,
    Probe,
    RollbackFacts,
    Settings,
    regression_by_findings,
)
from releases.states import About, Effect, Level

SUBJECT = "rollback"

NO_TARGET = FindingKind(
    "no_target",
    Level.NOTE,
    "there is no earlier release to go back to: {detail}",
    "After a first deployment this is as it must be. Otherwise: which earlier releases are bad or unfinished, and why?",
)
DOES_NOT_RENDER = FindingKind(
    "does_not_render",
    Level.FAIL,
    "the command cannot be put together: {detail}",
    "A placeholder has no value here, or the catalogue of this worker has no rollback command: correct the catalogue.",
)
PROGRAM_MISSING = FindingKind(
    "program_missing",
    Level.FAIL,
    "the program does not exist on the worker that would run it: {detail}",
    "Install it, or correct argv or PATH in the catalogue.",
)
NOT_EXECUTABLE = FindingKind(
    "not_executable",
    Level.FAIL,
    "the program may not be executed by the worker that would run it: {detail}",
    "Set its execute permission for the worker's user, and check the interpreter in its first line.",
)
DIRECTORY_MISSING = FindingKind(
    "directory_missing",
    Level.FAIL,
    "the working directory is missing or cannot be entered: {detail}",
    "Create it, or correct `directory` in the catalogue.",
)
LOCK_HELD = FindingKind(
    "lock_held",
    Level.FAIL,
    "another command still holds the lock of this environment: {detail}",
    "Look at that process on the host named here: a rollback waits until it ends, or is run despite it.",
)
ARTIFACT_MISSING = FindingKind(
    "artifact_missing",
    Level.FAIL,
    "what the rollback would bring back is not there: {detail}",
    "Build or fetch the artifact of that version again, or choose another target, before you need it.",
)
ARTIFACT_UNKNOWN = FindingKind(
    "artifact_unknown",
    Level.ERROR,
    "whether the target's artifact is there could not be asked: {detail}",
    "Ask for it by hand from the worker's host: the store is down, refuses it, or check_artifact does not end.",
)
ARTIFACT_NOT_CHECKED = FindingKind(
    "artifact_not_checked",
    Level.NOTE,
    "nothing shows that the target's artifact is still there: {detail}",
    "Name its address (`artifact.url`) or a command (`commands.check_artifact`) in the catalogue.",
)
NO_WORKER = FindingKind(
    "no_worker",
    Level.FAIL,
    "no worker that could run the rollback has reported itself lately: {detail}",
    "Start `manage.py work act` on the host that deploys; until then only `manage.py rollback` works, there.",
)
WORKER_BUSY = FindingKind(
    "worker_busy",
    Level.INCONCLUSIVE,
    "the worker that would run the rollback is alive but did not answer in time: {detail}",
    "It runs another command, or the broker does not deliver. Run the checklist again once that has ended.",
)
OTHER_PROBLEM = FindingKind(
    "other_problem",
    Level.FAIL,
    "the rollback command would not run: {detail}",
    "Correct what the sentence names, then run the checklist again.",
)
REHEARSAL_REQUIRED = FindingKind(
    "rehearsal_required",
    Level.FAIL,
    "this environment requires a rehearsal, and none counts: {detail}",
    "Rehearse the release on staging: deploy, checklist, rollback, checklist.",
)
NO_REHEARSAL_YET = FindingKind(
    "no_rehearsal_yet",
    Level.NOTE,
    "no rehearsal counts: {detail}",
    "Rehearse on staging to know that the rollback works, and how long it takes.",
)

PROBLEMS = {
    kind.id: kind
    for kind in (
        NO_TARGET,
        DOES_NOT_RENDER,
        PROGRAM_MISSING,
        NOT_EXECUTABLE,
        DIRECTORY_MISSING,
        LOCK_HELD,
        ARTIFACT_MISSING,
        ARTIFACT_UNKNOWN,
        ARTIFACT_NOT_CHECKED,
        NO_WORKER,
        WORKER_BUSY,
    )
}
"""What the worker may report of the command, or what its silence means, by finding id."""


class RollbackCommandSettings(Settings):
    """Nothing to set: the command itself stands in the catalogue."""


class RollbackCommand(Probe[RollbackCommandSettings]):
    """Ask the worker that would run the rollback what stands in its way."""

    key = "rollback_command"
    title = "Rollback command"
    group = "implementation"
    proves = "On the worker that would run it the rollback command renders, exists, may be executed; nothing blocks it."
    cannot_see = "Whether the command does what it should: only a rehearsal shows that."
    effect = Effect.NONE
    about = About.WAY_BACK
    deadline = 20.0
    kinds = (*PROBLEMS.values(), OTHER_PROBLEM, REHEARSAL_REQUIRED, NO_REHEARSAL_YET)
    settings_model = RollbackCommandSettings

    def measure(self, context: Context[RollbackCommandSettings]) -> Answer:
        """Return findings, and as figures target, digest and the age of the rehearsal. The argv is not kept."""
        context.progress(0, 1, "asking the worker that would run it")
        facts = context.rollback_facts()
        findings = [_problem(identity, detail) for identity, detail in facts.problems]
        findings += _rehearsal(facts)
        answer = Answer(findings)
        without_target = facts.target_version is None and NO_TARGET in (finding.kind for finding in findings)
        return Answer(
            findings,
            {
                "target_version": facts.target_version,
                "digest": facts.digest,
                "rehearsed_s_ago": facts.rehearsed_seconds_ago,
            },
            regression_by_findings(findings, context.before),
            # With nothing to go back to there is no command to judge; anything else that is wrong still counts.
            skipped="there is no earlier release to go back to" if without_target and not answer.failing else "",
        )


def _problem(identity: str, detail: str) -> Finding:
    if kind := PROBLEMS.get(identity):
        return Finding(kind, SUBJECT, {"detail": detail})
    return Finding(OTHER_PROBLEM, f"{SUBJECT} {identity}", {"detail": detail or identity})


def _rehearsal(facts: RollbackFacts) -> list[Finding]:
    if facts.rehearsed_seconds_ago is not None:
        return []
    kind = REHEARSAL_REQUIRED if facts.rehearsal_required else NO_REHEARSAL_YET
    return [Finding(kind, SUBJECT, {"detail": facts.rehearsal_says or "there is none yet"})]
