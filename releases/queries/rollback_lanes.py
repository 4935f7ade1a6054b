"""A rollback as lanes: who did what, its deployment, command, purge and probes.

Takes what its page has read already. Nothing is derived here that the page says elsewhere: the words are its steps'.
"""

from collections.abc import Sequence
from datetime import datetime

from releases.book import Tag
from releases.models import Event, Execution, ProbeRun, Rollback
from releases.probes import registry
from releases.probes.registry import SERVING_VERSION
from releases.queries.lanes import COMMAND, DEPLOYMENT, PEOPLE, PROBES, PURGE, Lanes, Line, acts, lanes
from releases.queries.rollback_page import Step, name_of
from releases.states import ProbeStatus, Regression, Verdict

ACTS: dict[str, str] = {
    Tag.DATA_LOSS_ACCEPTED: "accepted a loss of data",
    Tag.ROLLBACK_JOINED: "asked for it at a terminal, too",
    Tag.ROLLBACK_LOCK_OVERRIDDEN: "had it run despite the lock",
    Tag.ROLLBACK_CANCELLED: "cancelled it",
    Tag.ROLLBACK_STOP_REQUESTED: "asked it to stop",
    Tag.ROLLBACK_VERIFY_REQUESTED: "had it measured again",
}
"""What people do to a rollback as they press it and afterwards, by its line in the book."""


def lanes_of_rollback(
    rollback: Rollback,
    word: str,
    steps: Sequence[Step],
    probes: Sequence[ProbeRun],
    events: Sequence[Event],
    now: datetime,
) -> Lanes:
    """Return a rollback's lanes: `word` says where it stands, `steps` and `events` are its page's."""
    queued, command, purge = steps[:3]
    lines = [
        Line(PEOPLE, rollback.requested_by, rollback.pressed_at, rollback.pressed_at, says="pressed"),
        *acts(events, ACTS, rollback.ended_at),
        _queued(rollback, queued),
        *_deployment(rollback, events),
        _executed(COMMAND, command, rollback.execution),
        _executed(PURGE, purge, rollback.purge_execution),
        *([_probe(probe) for probe in probes] or _no_probes(rollback)),
        _outcome(rollback),
    ]
    until = now if rollback.open else rollback.ended_at
    room = _to_come(rollback, probes)
    return lanes(rollback.tag, word, rollback.pressed_at, lines, until=until, on=rollback.open, room=room)


def _queued(rollback: Rollback, step: Step) -> Line:
    if rollback.claimed_at is None:
        return Line(DEPLOYMENT, "queued", rollback.pressed_at, rollback.ended_at, step.word)
    says = f"taken on {rollback.execution.host}" if rollback.execution and rollback.execution.host else "taken"
    return Line(DEPLOYMENT, "queued", rollback.pressed_at, rollback.claimed_at, says=says)


def _deployment(rollback: Rollback, events: Sequence[Event]) -> list[Line]:
    """Return the deployment that the rollback is, and how it ended before somebody had it measured again."""
    lines = []
    if rollback.deployment is not None:
        made = rollback.deployment
        lines.append(Line(DEPLOYMENT, made.tag, made.started_at, rollback.ended_at, made.status))
    first = next((event for event in events if event.action == Tag.ROLLBACK_DONE), None)
    if rollback.first_outcome and first is not None:
        lines.append(Line(DEPLOYMENT, "first outcome", first.at, first.at, rollback.first_outcome))
    return lines


def _outcome(rollback: Rollback) -> Line:
    if rollback.open:
        return Line(DEPLOYMENT, "outcome", word="waiting", closing=True)
    ended = rollback.ended_at
    return Line(DEPLOYMENT, "outcome", ended, ended, rollback.outcome or rollback.status, closing=True)


def _executed(lane: str, step: Step, execution: Execution | None) -> Line:
    if execution is None:
        return Line(lane, "", step.since, None, step.word, step.says)
    return Line(lane, execution.tag, execution.started_at, execution.ended_at, step.word, step.says)


def _probe(probe: ProbeRun) -> Line:
    if probe.status != ProbeStatus.DONE:  # one that is asked again has begun before
        start = probe.started_at if probe.status == ProbeStatus.RUNNING else None
        return Line(PROBES, name_of(probe), start, None, probe.status)
    old = probe.verdict == Verdict.FAIL and probe.regression == Regression.NO
    word = "was already failing" if old else probe.verdict
    return Line(PROBES, name_of(probe), probe.started_at, probe.finished_at, word, probe.skipped)


def _no_probes(rollback: Rollback) -> list[Line]:
    """Return what will be asked once the command has ended, or that nothing was."""
    if rollback.open:
        asked = rollback.environment.checklist
        return [Line(PROBES, key, word="waiting") for key in registry.all_probes() if key in asked]
    return [Line(PROBES, "", word="skipped", says="none ran")]


def _to_come(rollback: Rollback, probes: Sequence[ProbeRun]) -> int:
    if not rollback.open:
        return 0
    second_look = not probes and SERVING_VERSION in rollback.environment.checklist
    return second_look + (rollback.deployment is None)
