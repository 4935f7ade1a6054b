"""Running a command for an execution row: under the environment's lock, with a heartbeat, live output and a stop.

What every command of the catalogue that changes something has in common: deploying, rolling back, a rehearsal's steps.
"""

import time
from collections.abc import Callable
from functools import partial

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from releases import actor as actors, book
from releases.book import Tag
from releases.catalogue import Command
from releases.executor import EnvironmentLock, LockHeld, Result, run
from releases.models import Environment, Execution
from releases.services import places
from releases.services.commands import shown_argv
from releases.services.leases import Heartbeat
from releases.states import ExecutionKind, ExecutionStatus

LOCK_SECONDS = 4.0
"""How long a command waits for the lock itself, before the sweep has it tried again."""
LOCK_PAUSE = 0.1


def acquired(place_lock: EnvironmentLock, what: str, waits: Callable[[str], None]) -> EnvironmentLock:
    """Take the environment's lock; a probe's command that was just given up is waited for. Raises LockHeld.

    `waits` is told who holds it as soon as it is found held, and again when that is somebody else.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    told = ""
    while True:
        try:
            return place_lock.acquire(what)
        except LockHeld as held:
            if told != (told := held.holder.sentence):
                waits(told)
            if time.monotonic() > deadline:
                raise
            time.sleep(LOCK_PAUSE)


def begin_execution(environment: Environment, kind: ExecutionKind, command: Command, started_by: str) -> Execution:
    """Write that a command begins, in the caller's transaction. IntegrityError where another one is executing here."""
    return Execution.objects.create(
        environment=environment,
        kind=kind,
        argv=shown_argv(environment, command),
        digest=command.digest,
        host=places.host(),
        started_by=started_by,
        started_at=timezone.now(),
        time_limit=command.timeout + command.grace,
        fence=1,
    )


def run_leased(
    execution: Execution,
    command: Command,
    place_lock: EnvironmentLock | None,
    changed: Callable[[], None] | None = None,
) -> Result:
    """Run a command for its row: heartbeat, live output, stop when asked. The caller closes the row.

    Without a lock only after a person's recorded override.
    """
    mine = partial(held, execution)

    def show(output: str) -> None:
        if connection.errors_occurred:
            _reconnect()
        mine().update(output=output)
        if changed is not None:
            changed()

    with Heartbeat(mine, stop_field="stop_requested") as heartbeat:
        result = run(
            command,
            lock=place_lock,
            execution_id=execution.tag,
            secrets=places.secrets_to_mask(execution.environment),
            on_output=show,
            should_stop=heartbeat.should_stop,
            passed_environment=places.passed_environment(),
        )
    _reconnect()
    return result


def end_execution(execution: Execution, result: Result) -> bool:
    """Write a command's result if its lease still holds; return whether it did."""
    return bool(
        held(execution).update(
            status=ExecutionStatus.ENDED,
            ended_at=timezone.now(),
            command=result.state,
            exit_code=result.exit_code,
            stop_reason=result.stop_reason,
            problem=result.problem,
            output=result.output,
            output_bytes=result.output_bytes,
            output_sha256=result.output_sha256,
            output_truncated=result.truncated,
            left_behind=list(result.left_behind),
        )
    )


def held(execution: Execution) -> QuerySet[Execution]:
    """Return the row as its holder may still write it: none once the lease was taken away."""
    return Execution.objects.filter(pk=execution.pk, fence=execution.fence, status=ExecutionStatus.EXECUTING)


def record_late(about: str, execution: Execution, result: Result) -> None:
    """Keep in the book what a worker reported that had been given up; no status changes."""
    book.record(
        Tag.EXECUTION_REPORTED_LATE,
        actors.worker(),
        about=about,
        environment=execution.environment,
        execution=execution.tag,
        command=result.state,
        exit_code=result.exit_code,
    )


def _reconnect() -> None:
    """Leave a connection that the database has ended: while a command ran it may have been restarted."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
