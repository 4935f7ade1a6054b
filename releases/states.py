"""The words for states, the moves between them, and the one table that derives a rollback's outcome.

Pure: imports nothing of Django and nothing of this project, so that probes, models and pages share the same words.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """The absolute answer of a probe or of a whole checklist run."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"


class Regression(StrEnum):
    """Whether something is worse than the baseline; stands beside the verdict, never instead of it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Level(StrEnum):
    """What a finding does to the verdict of its probe; a note does nothing."""

    NOTE = "note"
    FAIL = "fail"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"


class Effect(StrEnum):
    """What a probe does to the service while it measures; decides the wave in which it runs."""

    NONE = "none"
    LOAD = "load"
    CACHE = "cache"


class About(StrEnum):
    """What a probe speaks of; decides how much it weighs in the outcome of a rollback."""

    SERVICE = "the service"
    WAY_BACK = "the way back"
    """Whether one could go back from here, and has tried it; nothing that anybody meets who uses the service."""


class Purpose(StrEnum):
    """Why a checklist run exists."""

    BASELINE = "baseline"
    VERIFY = "verify"
    REHEARSAL = "rehearsal"
    RESTORE = "restore"


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


class ProbeStatus(StrEnum):
    WAITING = "waiting"
    """Its wave has not begun."""
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


class DeploymentKind(StrEnum):
    DEPLOYMENT = "deployment"
    ROLLBACK = "rollback"
    REHEARSAL = "rehearsal"
    """Put in place only to be taken back again: never a rollback's target."""


class DeploymentStatus(StrEnum):
    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """By a person, or refused by the worker, before its command ran."""


class ExecutionKind(StrEnum):
    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    PURGE = "purge"
    COPY_CONFIGURATION = "copy configuration"


class ExecutionStatus(StrEnum):
    EXECUTING = "executing"
    ENDED = "ended"


class CommandState(StrEnum):
    """What became of a command, as far as anybody saw."""

    NOT_STARTED = "not started"
    EXITED = "exited"
    KILLED = "killed"
    LOST = "lost"


class RollbackStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PURGING = "purging"
    VERIFYING = "verifying"
    STOPPING = "stopping"
    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class RehearsalStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class RehearsalStepKind(StrEnum):
    """The steps of a rehearsal, in their order."""

    COPY_CONFIGURATION = "copy configuration"
    MEASURE_BEFORE = "measure before"
    DEPLOY = "deploy"
    CHECK = "check"
    ROLL_BACK = "roll back"
    CHECK_AGAIN = "check again"


class RehearsalOutcome(StrEnum):
    """What a rehearsal showed of the way there and back; the release's own verdict stands beside it."""

    PROVEN = "proven"
    NOT_PROVEN = "not proven"
    INCONCLUSIVE = "inconclusive"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


class Expected(StrEnum):
    """What became of a release's expected result, as far as it was measured or a person has said."""

    AS_EXPECTED = "as expected"
    NOT_AS_EXPECTED = "not as expected"
    TO_CONFIRM = "to confirm"
    """No probe can tell; a person has to say whether it came true."""
    NOT_MEASURED = "not measured"


class MessageStatus(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


class Serving(StrEnum):
    """Which version the instances were measured to serve after a rollback."""

    TARGET = "target"
    MIXED = "mixed"
    OTHER = "other"
    NOT_MEASURED = "not measured"


class ProbesSay(StrEnum):
    """The restore checklist against the target's own last verified run."""

    AS_BEFORE = "as before"
    PASSING = "passing, nothing to compare with"
    DIFFERENT = "different"
    BUT_THE_WAY_BACK = "as before but for the way back"
    WORSE = "worse"
    FAILING = "failing, nothing to compare with"
    TOO_LITTLE = "too little data"
    NOT_MEASURED = "could not measure"


class Outcome(StrEnum):
    RESTORED = "restored"
    RESTORED_WITH_DIFFERENCES = "restored with differences"
    NOT_RESTORED = "not restored"
    INCONCLUSIVE = "inconclusive"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


WORST_FIRST = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.PASS)

ROLLBACK_MOVES: dict[RollbackStatus, frozenset[RollbackStatus]] = {
    RollbackStatus.QUEUED: frozenset({RollbackStatus.RUNNING, RollbackStatus.CANCELLED, RollbackStatus.REFUSED}),
    RollbackStatus.RUNNING: frozenset({RollbackStatus.PURGING, RollbackStatus.VERIFYING, RollbackStatus.STOPPING}),
    RollbackStatus.PURGING: frozenset({RollbackStatus.VERIFYING, RollbackStatus.STOPPING}),
    RollbackStatus.STOPPING: frozenset({RollbackStatus.VERIFYING}),
    RollbackStatus.VERIFYING: frozenset({RollbackStatus.DONE}),
    RollbackStatus.DONE: frozenset(),
    RollbackStatus.CANCELLED: frozenset(),
    RollbackStatus.REFUSED: frozenset(),
}
"""The allowed moves; every change of `Rollback.status` is a compare-and-set along one of these."""

OPEN_ROLLBACK = tuple(status for status, moves in ROLLBACK_MOVES.items() if moves)
"""Statuses of a rollback that has not ended; at most one such rollback per environment."""


OPEN_RUN = (RunStatus.QUEUED, RunStatus.RUNNING)
"""Statuses of a checklist run that has not ended."""

OPEN_PROBE = (ProbeStatus.QUEUED, ProbeStatus.RUNNING)
"""Statuses of a probe run that has not ended."""

OPEN_REHEARSAL = (RehearsalStatus.QUEUED, RehearsalStatus.RUNNING)
"""Statuses of a rehearsal that has not ended; at most one such rehearsal per environment."""


VERIFIABLE = (Outcome.UNKNOWN, Outcome.INCONCLUSIVE)
"""Outcomes that say nothing, so that a person may have the rollback measured again. What was measured stands."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that decides a set of them: fail > error > inconclusive > pass.

    Skipped ones do not count; nothing left to count is inconclusive, never a pass.
    """
    present = set(verdicts)
    for verdict in WORST_FIRST:
        if verdict in present:
            return verdict
    return Verdict.INCONCLUSIVE


def worst_regression(regressions: Iterable[Regression]) -> Regression:
    """Return yes > unknown > no; nothing to compare is unknown."""
    present = set(regressions)
    for regression in (Regression.YES, Regression.UNKNOWN, Regression.NO):
        if regression in present:
            return regression
    return Regression.UNKNOWN


def derive_expected(results: Iterable[Expected]) -> Expected:
    """Return what decides a set of results: one that did not come true, then one that a person has still to say."""
    present = set(results)
    for decides in (Expected.NOT_AS_EXPECTED, Expected.TO_CONFIRM, Expected.NOT_MEASURED):
        if decides in present:
            return decides
    return Expected.AS_EXPECTED if present else Expected.NOT_MEASURED


class CommandEnd(StrEnum):
    """How a rollback's command ended, as far as the outcome goes by it."""

    WELL = "exit 0"
    BADLY = "another exit"
    STOPPED = "stopped by a person"
    KILLED = "killed"
    NOT_STARTED = "not started"
    LOST = "lost"


class OutcomeRow(NamedTuple):
    """One row of the table: where the facts are among those named, this is the outcome."""

    command: frozenset[CommandEnd]
    serving: frozenset[Serving]
    probes: frozenset[ProbesSay]
    complete: frozenset[bool]
    """Whether every route that should be purged was, every probe was asked, and the command left no process behind."""
    outcome: Outcome
    meaning: str


_ANY_END = frozenset(CommandEnd)
_ANY_PROBES = frozenset(ProbesSay)
_DID_WELL = frozenset({CommandEnd.WELL, CommandEnd.LOST})
"""Of a lost command nothing is known, so what was measured speaks alone."""
GOOD = frozenset({ProbesSay.AS_BEFORE, ProbesSay.PASSING})
"""What probes say where nothing of them stands against *restored*."""
_FAILING = frozenset({ProbesSay.WORSE, ProbesSay.FAILING})
_NO_ANSWER = frozenset({ProbesSay.TOO_LITTLE, ProbesSay.NOT_MEASURED})
_TARGET = frozenset({Serving.TARGET})
_NOT_TARGET = frozenset({Serving.MIXED, Serving.OTHER})
_SILENT = frozenset({Serving.NOT_MEASURED})
_EITHER = frozenset({True, False})

OUTCOMES = (
    OutcomeRow(_DID_WELL, _TARGET, GOOD, frozenset({True}), Outcome.RESTORED,
               "The target serves on every instance, and no probe finds it worse than when it was last verified."),
    OutcomeRow(_DID_WELL, _TARGET, GOOD, frozenset({False}), Outcome.RESTORED_WITH_DIFFERENCES,
               "The target serves, but a route was not purged, a probe not asked, or a process left behind."),
    OutcomeRow(_ANY_END - _DID_WELL, _TARGET, GOOD, _EITHER, Outcome.RESTORED_WITH_DIFFERENCES,
               "The command failed, yet the target serves: a person decides whether that is good enough."),
    OutcomeRow(_ANY_END, _TARGET, frozenset({ProbesSay.DIFFERENT}), _EITHER, Outcome.RESTORED_WITH_DIFFERENCES,
               "The target serves and nothing new fails, but something is worse than when it was last verified."),
    OutcomeRow(_ANY_END, _TARGET, frozenset({ProbesSay.BUT_THE_WAY_BACK}), _EITHER, Outcome.RESTORED_WITH_DIFFERENCES,
               "The target serves and the service is as it was, but one could not go back from here, or nobody knows."),
    OutcomeRow(_ANY_END, _TARGET, _FAILING, _EITHER, Outcome.NOT_RESTORED,
               "The target serves, but a probe fails that did not fail before, or of which nobody knows."),
    OutcomeRow(_ANY_END, _TARGET, _NO_ANSWER, _EITHER, Outcome.INCONCLUSIVE,
               "The target serves, but a probe had too little data or could not measure."),
    OutcomeRow(_ANY_END - {CommandEnd.STOPPED}, _NOT_TARGET, _ANY_PROBES, _EITHER, Outcome.NOT_RESTORED,
               "At least one instance serves another version, whatever the command said of itself."),
    OutcomeRow(frozenset({CommandEnd.STOPPED}), _NOT_TARGET, _ANY_PROBES, _EITHER, Outcome.STOPPED,
               "A person stopped the command before it had done its work; it may have done a part."),
    OutcomeRow(_ANY_END - {CommandEnd.LOST}, _SILENT, _ANY_PROBES, _EITHER, Outcome.INCONCLUSIVE,
               "Which version serves could not be measured on every instance; the command is at its end."),
    OutcomeRow(frozenset({CommandEnd.LOST}), _SILENT, _ANY_PROBES, _EITHER, Outcome.UNKNOWN,
               "The worker was lost, the command may have run, and which version serves could not be measured."),
)  # fmt: skip
"""What became of a rollback, from what was measured. Exactly one row fits any facts; the exit code decides nothing by
itself."""


def derive_outcome(
    *,
    command: CommandState,
    exit_code: int | None,
    stopped: bool,
    serving: Serving,
    probes: ProbesSay,
    complete: bool = True,
) -> Outcome:
    """Return what became of a rollback: what the row of OUTCOMES says that fits."""
    facts = (command_end(command, exit_code, stopped), serving, probes, complete)
    return next(row.outcome for row in OUTCOMES if all(fact in named for fact, named in zip(facts, row, strict=False)))


def command_end(command: CommandState, exit_code: int | None, stopped: bool) -> CommandEnd:
    """Put what is known of a command into the word that the outcome goes by."""
    match command:
        case CommandState.EXITED:
            return CommandEnd.WELL if exit_code == 0 else CommandEnd.BADLY
        case CommandState.KILLED:
            return CommandEnd.STOPPED if stopped else CommandEnd.KILLED
        case CommandState.NOT_STARTED:
            return CommandEnd.NOT_STARTED
        case CommandState.LOST:
            return CommandEnd.LOST


def derive_rehearsal(*, deployed: bool, there: Serving, way_back: Outcome) -> RehearsalOutcome:
    """Return what a rehearsal showed: `proven` only when both commands did their work and that was measured.

    `deployed` says whether the deploy command exited with 0, `there` what was served after it, and `way_back` what
    became of the rollback, by the same table as in production.
    """
    if way_back is Outcome.UNKNOWN:
        return RehearsalOutcome.UNKNOWN
    if way_back is Outcome.STOPPED:
        return RehearsalOutcome.STOPPED
    if not deployed or there in (Serving.MIXED, Serving.OTHER):
        return RehearsalOutcome.NOT_PROVEN
    if there is Serving.NOT_MEASURED or way_back is Outcome.INCONCLUSIVE:
        return RehearsalOutcome.INCONCLUSIVE
    return RehearsalOutcome.PROVEN if way_back is Outcome.RESTORED else RehearsalOutcome.NOT_PROVEN
