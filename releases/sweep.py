"""The sweep: a process of its own that repairs what messages and workers lost.

It knocks again for what nobody took, takes leases away from workers that stopped beating, and settles what was left.
It compares no clocks: a lease is lost when its counter stood still in four sweeps in a row.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Max, QuerySet
from django.utils import timezone

from releases import actor as actors, book
from releases.anchoring import Anchoring
from releases.book import Tag
from releases.knocks import knock
from releases.models import ChecklistRun, Deployment, Environment, Execution, Finding, ProbeRun, Rehearsal, Rollback
from releases.services import book_checks, checklists, denials, rollbacks, rolling_back, sessions, signing_in
from releases.services.commands import look_soon
from releases.services.judging import Judging
from releases.services.rollback_rows import lock, note
from releases.states import (
    OPEN_PROBE,
    OPEN_REHEARSAL,
    OPEN_ROLLBACK,
    OPEN_RUN,
    CommandState,
    DeploymentStatus,
    ExecutionStatus,
    Level,
    ProbeStatus,
    Regression,
    RollbackStatus,
    RunStatus,
    Verdict,
)

log = logging.getLogger(__name__)

KNOCK_AGAIN = timedelta(seconds=5)
"""A queued row is knocked for again this long after the last knock."""
LOST_AFTER = 4
"""Sweeps in a row in which a heartbeat stood still."""
SHORTEST_PAUSE = 5.0
"""Seconds of the sweep's own clock that must lie between two looks at the same heartbeat."""
ATTEMPTS_LIMIT = 3
"""How often a probe is begun; measuring again is safe, but not for ever."""
UNSERVED_LIMIT = 60.0
"""Seconds after which a lost rollback that no `act` worker settles is called unknown."""
LOOK_EVERY = 60.0
"""Seconds between two requests to look at the way back of an environment."""
LOOK_AGAIN = 15.0
"""The same where the last look is older than it should be: another one was on, or nobody took the message."""


@dataclass(slots=True)
class Seen:
    """A heartbeat as the last sweeps saw it."""

    beat: tuple[int, int]
    """Fence and counter."""
    at: float
    still: int = 1


@dataclass(slots=True)
class Sweep:
    """One sweeper's memory between its rounds."""

    clock: Callable[[], float] = time.monotonic
    executions: dict[int, Seen] = field(default_factory=dict)
    probes: dict[int, Seen] = field(default_factory=dict)
    lost_since: dict[int, float] = field(default_factory=dict)
    asked_to_look: dict[int, float] = field(default_factory=dict)
    judging: Judging = field(init=False)
    anchoring: Anchoring = field(default_factory=Anchoring)

    def __post_init__(self) -> None:
        self.judging = Judging(self.clock)

    def once(self) -> None:
        """Do one round. Each repair is a compare-and-set, so two sweepers do no harm.

        What fails is logged and left to the next round; it keeps nothing else from being repaired.
        """
        _guarded(self._close_lost_executions)
        _guarded(self._requeue_lost_probes)
        _guarded(self._move_rollbacks_on)
        _guarded(self._move_deployments_on)
        _guarded(self._move_rehearsals_on)
        _guarded(self._move_runs_on)
        _guarded(self._have_ways_back_looked_at)
        _guarded(self.judging.judge_when_due)
        _guarded(denials.close_minutes)
        _guarded(book_checks.check_some)
        _guarded(signing_in.forget_old)
        _guarded(sessions.forget_expired)
        _guarded(self.anchoring.anchor_when_due)

    def _close_lost_executions(self) -> None:
        rows = list(Execution.objects.filter(status=ExecutionStatus.EXECUTING).select_related("environment__service"))
        lost = self._standing_still(self.executions, {row.pk: (row.fence, row.heartbeat) for row in rows})
        for row in rows:
            if row.pk in lost:
                _guarded(close_lost, row)

    def _requeue_lost_probes(self) -> None:
        rows = list(_probes(ProbeStatus.RUNNING))
        lost = self._standing_still(self.probes, {row.pk: (row.fence, row.heartbeat) for row in rows})
        for row in rows:
            if row.pk in lost:
                _guarded(requeue_or_give_up, row)

    def _standing_still(self, seen: dict[int, Seen], beats: dict[int, tuple[int, int]]) -> set[int]:
        """Return the rows whose counter was the same in LOST_AFTER looks, each SHORTEST_PAUSE apart."""
        now = self.clock()
        for pk in set(seen) - set(beats):
            del seen[pk]
        for pk, beat in beats.items():
            known = seen.get(pk)
            if known is None or known.beat != beat:
                seen[pk] = Seen(beat, now)
            elif now - known.at >= SHORTEST_PAUSE:
                known.at, known.still = now, known.still + 1
        return {pk for pk, known in seen.items() if known.still >= LOST_AFTER}

    def _move_rollbacks_on(self) -> None:
        rows = list(
            Rollback.objects.filter(status__in=OPEN_ROLLBACK).select_related(
                "environment__service", "execution", "purge_execution", "restore_run", "deployment"
            )
        )
        for rollback in rows:
            _guarded(self._move_rollback_on, rollback)
        lost = {row.pk for row in rows if row.command == CommandState.LOST}
        self.lost_since = {pk: since for pk, since in self.lost_since.items() if pk in lost}

    def _move_rollback_on(self, rollback: Rollback) -> None:
        if rollback.status == RollbackStatus.QUEUED:
            if _due(rollback.knocked_at):
                rollbacks.knock_again(rollback)
        elif rollback.command == CommandState.LOST and rollback.restore_run_id is None:
            self._settle_lost(rollback)
        elif _between_steps(rollback):
            _knock_again(rollback, "continue_rollback")
        elif rollback.restore_run is not None and rollback.restore_run.given_up:
            rolling_back.give_up_unknown(rollback, f"Its checklist was ended: {rollback.restore_run.given_up}.")

    def _settle_lost(self, rollback: Rollback) -> None:
        since = self.lost_since.setdefault(rollback.pk, self.clock())
        limit = UNSERVED_LIMIT + (rollback.execution.time_limit if rollback.execution else 0)
        if self.clock() - since > limit:
            rolling_back.give_up_unknown(rollback, f"Given up after {limit:.0f} s. {rollback.detail}")
        else:
            _knock_again(rollback, "settle_lost")

    def _move_deployments_on(self) -> None:
        ours = Deployment.objects.filter(status=DeploymentStatus.STARTED, requester__isnull=False)
        for deployment in ours.select_related("environment__service", "baseline", "execution"):
            execution, baseline = deployment.execution, deployment.baseline
            if not _due(deployment.knocked_at):
                continue
            if execution is not None and execution.command == CommandState.LOST:
                task = "settle_lost_deployment"
            elif execution is None and (baseline is None or baseline.status == RunStatus.DONE):
                task = "run_deployment"
            else:
                continue
            Deployment.objects.filter(pk=deployment.pk).update(knocked_at=timezone.now())
            knock(task, deployment.environment.act_queue, deployment.pk)

    def _move_rehearsals_on(self) -> None:
        for rehearsal in Rehearsal.objects.filter(status__in=OPEN_REHEARSAL).select_related("environment__service"):
            busy = any(step.begun and not step.ended for step in rehearsal.steps.select_related("execution", "run"))
            if not busy and _due(rehearsal.knocked_at):
                Rehearsal.objects.filter(pk=rehearsal.pk).update(knocked_at=timezone.now())
                knock("continue_rehearsal", rehearsal.environment.act_queue, rehearsal.pk)

    def _move_runs_on(self) -> None:
        for run in _runs(RunStatus.RUNNING):
            _guarded(checklists.settle_run, run.pk)
        for run in _runs(RunStatus.QUEUED).select_related("environment__service"):
            busy = ChecklistRun.objects.filter(environment=run.environment_id, status=RunStatus.RUNNING).exists()
            if not busy and _due(run.knocked_at or run.created_at):
                ChecklistRun.objects.filter(pk=run.pk).update(knocked_at=timezone.now())
                knock("begin_run", run.environment.probe_queue, run.pk)
        for probe in _probes(ProbeStatus.QUEUED):
            if _due(probe.knocked_at):
                ProbeRun.objects.filter(pk=probe.pk).update(knocked_at=timezone.now())
                knock("run_probe", probe.run.environment.probe_queue, probe.pk)

    def _have_ways_back_looked_at(self) -> None:
        now = self.clock()
        long_ago = timezone.now() - timedelta(seconds=LOOK_EVERY)
        listed = Environment.objects.filter(listed=True, live__isnull=False).select_related("service")
        for environment in listed.annotate(looked_at=Max("readiness_looks__looked_at")):
            overdue = environment.looked_at is not None and environment.looked_at < long_ago
            asked_at = self.asked_to_look.get(environment.pk, float("-inf"))
            if now - asked_at >= (LOOK_AGAIN if overdue else LOOK_EVERY):
                self.asked_to_look[environment.pk] = now
                look_soon(environment)


def _runs(status: RunStatus) -> QuerySet[ChecklistRun]:
    """Return the runs with a status out of the open ones, of which there is an index."""
    return ChecklistRun.objects.filter(status__in=OPEN_RUN).filter(status=status)


def _probes(status: ProbeStatus) -> QuerySet[ProbeRun]:
    """Return the probe runs with a status out of the open ones, of which there is an index."""
    rows = ProbeRun.objects.filter(status__in=OPEN_PROBE).filter(status=status)
    return rows.select_related("run__environment__service")


def close_lost(execution: Execution) -> bool:
    """Take the lease of an execution away: its command is lost, not failed, and is never run again."""
    rollback = Rollback.objects.filter(execution=execution).first()
    with transaction.atomic():
        if rollback is not None:
            lock(rollback)
        closed = Execution.objects.filter(
            pk=execution.pk, status=ExecutionStatus.EXECUTING, fence=execution.fence, heartbeat=execution.heartbeat
        ).update(
            status=ExecutionStatus.ENDED,
            command=CommandState.LOST,
            fence=F("fence") + 1,
            ended_at=timezone.now(),
            problem="The worker stopped reporting; what the command did was not seen.",
        )
        if not closed:
            return False
        log.warning("%s lost its worker on %s", execution, execution.host)
        if rollback is not None:
            note(
                rollback,
                command=CommandState.LOST,
                command_ended_at=timezone.now(),
                detail="The worker was lost; its command may have run. Nothing is run again.",
            )
            book.record(
                Tag.ROLLBACK_COMMAND_LOST,
                actors.sweep(),
                about=rollback.tag,
                environment=execution.environment,
                execution=execution.tag,
                host=execution.host,
                before={"command": ExecutionStatus.EXECUTING},
                after={"command": CommandState.LOST},
            )
            knock("settle_lost", execution.environment.act_queue, rollback.pk)
        else:
            book.record(
                Tag.EXECUTION_LOST,
                actors.sweep(),
                about=execution.tag,
                environment=execution.environment,
                kind=execution.kind,
                host=execution.host,
                before={"command": ExecutionStatus.EXECUTING},
                after={"command": CommandState.LOST},
            )
    return True


def requeue_or_give_up(probe: ProbeRun) -> None:
    """Have a probe measured again whose worker was lost, a few times; then say that it could not be measured."""
    held = ProbeRun.objects.filter(
        pk=probe.pk, status=ProbeStatus.RUNNING, fence=probe.fence, heartbeat=probe.heartbeat
    )
    if probe.attempts < ATTEMPTS_LIMIT:
        with transaction.atomic():
            if held.update(status=ProbeStatus.QUEUED, fence=F("fence") + 1, knocked_at=timezone.now()):
                knock("run_probe", probe.run.environment.probe_queue, probe.pk)
        return
    with transaction.atomic():
        ended = held.update(
            status=ProbeStatus.DONE,
            verdict=Verdict.ERROR,
            regression=Regression.UNKNOWN,
            fence=F("fence") + 1,
            finished_at=timezone.now(),
        )
        if ended:
            Finding.objects.create(
                probe_run=probe,
                kind="worker_lost",
                level=Level.ERROR,
                sentence=f"Could not measure: the worker was lost {probe.attempts} times while it ran this probe.",
                hint="See in the log of the probe worker why it ended, then run the checklist again.",
            )
    if ended:
        checklists.settle_run(probe.run_id)


def sweep_for_ever(pause: float, ended: Callable[[float], bool]) -> Iterable[None]:
    """Sweep until `ended(pause)` says so."""
    sweeper = Sweep()
    while True:
        sweeper.once()
        yield
        if ended(pause):
            return


def _guarded(act: Callable[..., object], *given: object) -> None:
    try:
        act(*given)
    except Exception:
        log.exception("the sweep could not %s%r; the next round tries again", act.__name__, given)
        connection.close_if_unusable_or_obsolete()  # a database that was restarted needs a new connection


def _due(knocked_at: datetime | None) -> bool:
    """Whether the last knock is long enough ago; one in the future was written by a clock that ran ahead."""
    return knocked_at is None or abs(timezone.now() - knocked_at) > KNOCK_AGAIN


def _between_steps(rollback: Rollback) -> bool:
    """Whether a worker ended a step and nobody began the next."""
    if rollback.status == RollbackStatus.PURGING:
        return rollback.purge_execution_id is None or _ended(rollback.purge_execution)
    if rollback.status == RollbackStatus.VERIFYING:
        return rollback.restore_run_id is None
    return rollback.status == RollbackStatus.STOPPING and all(
        execution is None or _ended(execution) for execution in (rollback.execution, rollback.purge_execution)
    )


def _ended(execution: Execution | None) -> bool:
    return execution is not None and execution.status == ExecutionStatus.ENDED


def _knock_again(rollback: Rollback, task: str) -> None:
    if _due(rollback.knocked_at):
        Rollback.objects.filter(pk=rollback.pk).update(knocked_at=timezone.now())
        knock(task, rollback.environment.act_queue, rollback.pk)
