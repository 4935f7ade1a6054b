"""The worker's part of a rollback: claim, command, purge, then the checklist. One step at a time, each from its row.

1. claim: compare-and-set, permission and digest checked again, the execution's row made, all in one transaction;
2. command: run under the environment's lock with a heartbeat; its end and the next status in one transaction;
3. purge: the undone releases' affected routes, as an execution of its own;
4. verify: the deployment's checklist is queued; `outcomes.settle_outcome` ends the rollback when it is answered.
"""

import logging
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from releases import actor as actors, book
from releases.book import Tag
from releases.catalogue import Command
from releases.executor import EnvironmentLock, LockHeld, Result
from releases.models import Deployment, Environment, Execution, Rollback, User
from releases.services import checklists, places, purging
from releases.services.commands import CannotRender, rollback_command
from releases.services.denials import note_denial
from releases.services.executions import acquired, begin_execution, end_execution, held, record_late, run_leased
from releases.services.leases import Heartbeat
from releases.services.outcomes import end_rollback
from releases.services.retrying import retried
from releases.services.rollback_rows import lock, move, note, reread
from releases.states import (
    CommandState,
    DeploymentKind,
    ExecutionKind,
    ExecutionStatus,
    Outcome,
    Purpose,
    RollbackStatus,
    Serving,
)

log = logging.getLogger(__name__)


def run_rollback(rollback_id: int) -> None:
    """Carry a queued rollback through its command and purge, and have it verified. A lost claim does nothing."""
    rollback = _get(rollback_id)
    if rollback.status != RollbackStatus.QUEUED:
        return
    place_lock = places.lock_of(rollback.environment)
    try:
        command: Command | None = rollback_command(rollback.environment, rollback.target)
        problem = ""
    except CannotRender as error:
        command, problem = None, str(error)
    checklists.give_up_all(rollback.environment, f"{rollback.tag} is about to change what is served")
    try:
        acquired(place_lock, f"rollback {rollback.tag}", partial(_wait_for_lock, rollback))
    except LockHeld as held:
        reread(rollback)
        if not rollback.override_by:
            return
        _claim_and_run(rollback, command, problem, None, despite=held.holder.sentence)
    else:
        with place_lock:
            _claim_and_run(rollback, command, problem, place_lock)
    continue_rollback(rollback_id)


def _claim_and_run(
    rollback: Rollback, command: Command | None, problem: str, place_lock: EnvironmentLock | None, despite: str = ""
) -> None:
    execution = _claim(rollback, command, problem, despite)
    if execution is not None and command is not None:
        _run_command(rollback, execution, command, place_lock)


def continue_rollback(rollback_id: int) -> None:
    """Take the next step of a rollback whose command has ended. Safe to call at any time, by anyone."""
    rollback = _get(rollback_id)
    if rollback.command == CommandState.LOST:
        settle_lost(rollback_id)
        return
    if rollback.status == RollbackStatus.PURGING and rollback.purge_execution_id is None:
        _purge(rollback)
        reread(rollback)
    elif rollback.status in (RollbackStatus.PURGING, RollbackStatus.STOPPING) and not _executing(rollback):
        move(rollback, RollbackStatus.VERIFYING)
    if rollback.status == RollbackStatus.VERIFYING and rollback.restore_run_id is None:
        begin_verifying(rollback)


@retried
def begin_verifying(rollback: Rollback, *, reading_only: bool = False) -> None:
    """Queue the checklist that measures the outcome, once, compared with the target's own last verified run."""
    compared = rollback.target.verify_run
    with transaction.atomic():
        lock(rollback)
        if not _verifying(rollback).exists():
            return
        checklists.give_up_all(rollback.environment, f"{rollback.tag} changed what is served")
        restore = checklists.make_run(
            rollback.environment,
            purpose=Purpose.RESTORE,
            deployment=rollback.deployment,
            expected_version=rollback.target.release.version,
            compared_with=compared if checklists.counts(compared) else None,
            reading_only=reading_only,
        )
        if not _verifying(rollback).update(restore_run=restore, version=F("version") + 1):
            transaction.set_rollback(True)


def settle_lost(rollback_id: int) -> None:
    """Decide about a rollback whose worker was lost: measure once the lock is free; say who holds it until then.

    The command is never run again. Runs on the environment's `act` queue, beside the lock. In the end the sweep gives
    up, by its own monotonic clock.
    """
    rollback = _get(rollback_id)
    if rollback.command != CommandState.LOST or rollback.restore_run_id is not None or not rollback.open:
        return
    # One that ran despite the lock never held it: whoever still does is not this rollback's command.
    holder = None if rollback.override_by else places.lock_of(rollback.environment).holder()
    if holder is None:
        if rollback.status == RollbackStatus.VERIFYING or move(
            rollback, RollbackStatus.VERIFYING, detail="The worker was lost; measuring what is served."
        ):
            # By itself nothing more is changed after a lost worker; a person who has it measured wants all of it.
            begin_verifying(rollback, reading_only=not rollback.verify_requested_by)
        return
    note(rollback, detail=f"The worker was lost; its command may still be at work. {holder.sentence}")


@retried
def give_up_unknown(rollback: Rollback, detail: str) -> None:
    """End a rollback about which nothing can be measured."""
    with transaction.atomic():
        if rollback.status != RollbackStatus.VERIFYING:
            move(rollback, RollbackStatus.VERIFYING)
        end_rollback(rollback, outcome=Outcome.UNKNOWN, serving=Serving.NOT_MEASURED, detail=detail)


def _verifying(rollback: Rollback) -> QuerySet[Rollback]:
    return Rollback.objects.filter(pk=rollback.pk, status=RollbackStatus.VERIFYING, restore_run=None)


def _executing(rollback: Rollback) -> bool:
    return Execution.objects.filter(
        pk__in=[rollback.execution_id, rollback.purge_execution_id], status=ExecutionStatus.EXECUTING
    ).exists()


def _get(rollback_id: int) -> Rollback:
    return Rollback.objects.select_related("environment__service", "undone__release", "target__release").get(
        pk=rollback_id
    )


@retried
def _claim(rollback: Rollback, command: Command | None, problem: str, despite: str = "") -> Execution | None:
    """Take the rollback, or refuse it, or leave it to whoever was faster or is still busy here."""
    refusal = problem or _refusal(rollback, command)
    try:
        with transaction.atomic():
            if refusal:
                if move(rollback, RollbackStatus.REFUSED, detail=refusal, ended_at=timezone.now()):
                    book.record(
                        Tag.ROLLBACK_REFUSED,
                        actors.worker(),
                        about=rollback.tag,
                        environment=rollback.environment,
                        reason=refusal,
                        before={"status": RollbackStatus.QUEUED},
                        after={"status": rollback.status},
                    )
                return None
            assert command is not None, "a command that does not render was refused"
            return _take(rollback, command, despite)
    except IntegrityError:
        _wait(rollback, "another command is executing in this environment.")
        return None


def _wait(rollback: Rollback, why: str, lock_holder: str = "") -> None:
    """Say what a queued rollback waits for; one that somebody else has claimed meanwhile is left alone."""
    Rollback.objects.filter(pk=rollback.pk, status=RollbackStatus.QUEUED).update(
        detail=f"Waiting: {why}", lock_holder=lock_holder, version=F("version") + 1
    )


def _wait_for_lock(rollback: Rollback, holder: str) -> None:
    _wait(rollback, holder, lock_holder=holder)


def _refusal(rollback: Rollback, command: Command | None) -> str:
    """Say why this rollback may not start now, or return an empty text. Nothing has run."""
    requester = User.objects.get(pk=rollback.requester_id)
    if not requester.may("roll_back", rollback.environment.service.key):
        why = f"{rollback.requested_by} may no longer roll back. Nothing has run."
        asked = actors.Actor(name=rollback.requested_by, via="worker", user=requester)
        note_denial(asked, "roll_back", why, on=rollback.tag)
        return why
    if command is not None and rollback.seen_digest and command.digest != rollback.seen_digest:
        return (
            "The command that would run is not the one that was shown: the catalogue changed in between. "
            "Nothing has run; look at the new command and press again."
        )
    return ""


def _take(rollback: Rollback, command: Command, despite: str) -> Execution | None:
    if not move(rollback, RollbackStatus.RUNNING, claimed_at=timezone.now(), detail=""):
        return None
    execution = begin_execution(rollback.environment, ExecutionKind.ROLLBACK, command, rollback.requested_by)
    deployment = Deployment.objects.create(
        release=rollback.target.release,
        environment=rollback.environment,
        kind=DeploymentKind.ROLLBACK,
        replaced_id=Environment.objects.values_list("live", flat=True).get(pk=rollback.environment_id),
        reported_by=rollback.requested_by,
        started_at=timezone.now(),
    )
    note(rollback, execution=execution, deployment=deployment)
    checklists.give_up_all(rollback.environment, f"{rollback.tag} changes what is served")
    book.record(
        Tag.ROLLBACK_CLAIMED,
        actors.worker(),
        about=rollback.tag,
        environment=rollback.environment,
        execution=execution.tag,
        deployment=deployment.tag,
        digest=command.digest,
        host=execution.host,
        despite_lock=despite,
        before={"status": RollbackStatus.QUEUED},
        after={"status": rollback.status},
    )
    return execution


def _run_command(
    rollback: Rollback, execution: Execution, command: Command, place_lock: EnvironmentLock | None
) -> None:
    _record_end(rollback, execution, run_leased(execution, command, place_lock, changed=partial(note, rollback)))


@retried
def _record_end(rollback: Rollback, execution: Execution, result: Result) -> None:
    with transaction.atomic():
        was = lock(rollback)
        if not end_execution(execution, result):
            record_late(rollback.tag, execution, result)
            return
        killed = result.state is CommandState.KILLED
        purges = rollback.purge_wanted and rollback.routes_to_purge and result.state is CommandState.EXITED
        to = RollbackStatus.PURGING if purges else RollbackStatus.VERIFYING
        ended = {"command": result.state, "command_ended_at": timezone.now(), "detail": result.problem}
        if not move(rollback, to, **ended):
            # A stop arrived as the command ended: nothing more is changed, what happened is measured.
            move(rollback, RollbackStatus.VERIFYING, **ended)
        book.record(
            Tag.ROLLBACK_COMMAND_ENDED,
            actors.worker(),
            about=rollback.tag,
            environment=rollback.environment,
            execution=execution.tag,
            command=result.state,
            exit_code=result.exit_code,
            stop_reason=result.stop_reason if killed else "",
            output_sha256=result.output_sha256,
            output_bytes=result.output_bytes,
            left_behind=list(result.left_behind),
            before={"status": was},
            after={"status": rollback.status},
        )


def _purge(rollback: Rollback) -> None:
    """Purge the undone releases' routes, so that a leak does not survive its rollback in the cache."""
    execution = _begin_purge(rollback)
    if execution is None:
        return
    with Heartbeat(partial(held, execution), stop_field="stop_requested") as heartbeat:
        result = purging.purge_routes(
            rollback.environment, rollback.target, rollback.routes_to_purge, execution, heartbeat.should_stop
        )
    _record_purge(rollback, execution, result)


@retried
def _begin_purge(rollback: Rollback) -> Execution | None:
    """Take the purge, or leave it to whoever was faster: a worker and a terminal may come to it at once."""
    try:
        with transaction.atomic():
            return _take_purge(rollback)
    except IntegrityError:
        return None  # the other one's is executing; were it something else, the sweep would come back to it


def _take_purge(rollback: Rollback) -> Execution | None:
    execution = Execution.objects.create(
        environment=rollback.environment,
        kind=ExecutionKind.PURGE,
        argv=["purge", *rollback.routes_to_purge],
        host=places.host(),
        started_by=rollback.requested_by,
        started_at=timezone.now(),
        time_limit=purging.TIME_LIMIT,
        fence=1,
    )
    taken = Rollback.objects.filter(pk=rollback.pk, purge_execution=None, status=RollbackStatus.PURGING).update(
        purge_execution=execution, version=F("version") + 1
    )
    if not taken:
        transaction.set_rollback(True)
        return None
    return execution


@retried
def _record_purge(rollback: Rollback, execution: Execution, result: Result) -> None:
    with transaction.atomic():
        was = lock(rollback)
        if not end_execution(execution, result):
            record_late(rollback.tag, execution, result)
            return
        move(rollback, RollbackStatus.VERIFYING, purged_at=timezone.now(), detail=result.problem)
        book.record(
            Tag.ROLLBACK_PURGED,
            actors.worker(),
            about=rollback.tag,
            environment=rollback.environment,
            execution=execution.tag,
            routes=rollback.routes_to_purge,
            problem=result.problem,
            before={"status": was},
            after={"status": rollback.status},
        )
