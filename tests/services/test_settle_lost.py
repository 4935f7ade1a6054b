"""A rollback whose worker was lost: never run again; measured once the lock is free, unknown while it is not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from releases.models import Deployment, Environment, Event, Execution, Rollback
from releases.services import executions, places, rolling_back
from releases.services.commands import keep_rendered
from releases.states import (
    CommandState,
    DeploymentKind,
    ExecutionKind,
    ExecutionStatus,
    Outcome,
    RollbackStatus,
    Serving,
)
from releases.sweep import close_lost
from tests import factory
from tests.services.conftest import InlineWorkers, LittleService

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(production: Environment) -> Rollback:
    """A rollback that a worker has claimed and started the command of."""
    target, live = factory.deployed(production, "2026.11.3"), factory.deployed(production, "2026.11.4")
    now = timezone.now()
    execution = Execution.objects.create(
        environment=production,
        kind=ExecutionKind.ROLLBACK,
        started_by="Cho Park",
        started_at=now,
        time_limit=60,
        fence=1,
        host="worker-1",
    )
    deployment = Deployment.objects.create(
        release=target.release,
        environment=production,
        kind=DeploymentKind.ROLLBACK,
        replaced=live,
        reported_by="Cho Park",
        started_at=now,
    )
    return factory.rollback(
        production,
        target,
        live,
        factory.on_call(),
        status=RollbackStatus.RUNNING,
        execution=execution,
        deployment=deployment,
    )


@pytest.fixture
def lost(running: Rollback) -> Rollback:
    """The same, after its worker stopped beating."""
    assert running.execution is not None
    assert close_lost(running.execution)
    running.refresh_from_db()
    return running


def test_the_command_is_lost_and_neither_failed_nor_done(lost: Rollback) -> None:
    """B2"""
    assert (lost.status, lost.command, lost.outcome) == (RollbackStatus.RUNNING, CommandState.LOST, "")
    execution = Execution.objects.get()
    assert (execution.status, execution.command, execution.exit_code) == (
        ExecutionStatus.ENDED,
        CommandState.LOST,
        None,
    )
    assert Event.objects.get(action="rollback:command_lost").payload["details"]["host"] == "worker-1"


def test_what_is_served_decides_once_the_lock_is_free(
    lost: Rollback, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B3: the exit code was seen by nobody."""
    little_service.version = "2026.11.3"
    workers.work()
    lost.refresh_from_db()
    assert (lost.serving, lost.command) == (Serving.TARGET, CommandState.LOST)
    assert lost.outcome == Outcome.RESTORED_WITH_DIFFERENCES
    assert "Not purged: /articles." in lost.detail, "reading is safe then, purging is not"
    assert little_service.ran == [], "the command is never run again"


def test_a_command_that_did_nothing_before_its_worker_died_is_not_restored(
    lost: Rollback, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B2"""
    workers.work()
    lost.refresh_from_db()
    assert lost.outcome == Outcome.NOT_RESTORED


def test_only_reading_probes_are_asked_while_nobody_knows_what_goes_on(lost: Rollback, production: Environment) -> None:
    Environment.objects.update(checklist=factory.CHECKLIST | {"purge": {}})
    rolling_back.settle_lost(lost.pk)
    lost.refresh_from_db()
    assert lost.restore_run is not None
    assert set(lost.restore_run.probes.values_list("effect", flat=True)) == {"none"}


def test_while_the_lock_is_held_nothing_is_measured_and_the_page_names_who_holds_it(
    lost: Rollback, production: Environment
) -> None:
    """B2"""
    with places.lock_of(production).acquire("rollback RB-1"):
        rolling_back.settle_lost(lost.pk)
    lost.refresh_from_db()
    assert lost.status == RollbackStatus.RUNNING
    assert "rollback RB-1 still holds the lock" in lost.detail
    assert lost.restore_run is None


def test_nobody_goes_on_with_a_lost_rollback_while_its_command_may_still_run(
    lost: Rollback, production: Environment
) -> None:
    """A stop was asked for, and the worker died before it saw it."""
    Rollback.objects.update(status=RollbackStatus.STOPPING)
    with places.lock_of(production).acquire("rollback RB-1"):
        rolling_back.continue_rollback(lost.pk)
    lost.refresh_from_db()
    assert (lost.status, lost.restore_run) == (RollbackStatus.STOPPING, None)


def test_the_lock_is_waited_for_by_no_clock_of_another_host(lost: Rollback, production: Environment) -> None:
    """B20: the sweep gives up by its own clock; see test_sweep."""
    Execution.objects.update(started_at=timezone.now() - timedelta(hours=1))
    with places.lock_of(production).acquire("rollback RB-1"):
        rolling_back.settle_lost(lost.pk)
    lost.refresh_from_db()
    assert lost.status == RollbackStatus.RUNNING
    assert "still holds the lock" in lost.detail


def test_settling_twice_measures_once(lost: Rollback) -> None:
    rolling_back.settle_lost(lost.pk)
    rolling_back.settle_lost(lost.pk)
    assert lost.environment.checklist_runs.filter(purpose="restore").count() == 1


def test_a_rollback_that_was_not_lost_is_not_settled(running: Rollback) -> None:
    rolling_back.settle_lost(running.pk)
    running.refresh_from_db()
    assert (running.status, running.restore_run) == (RollbackStatus.RUNNING, None)


def test_one_that_was_called_unknown_meanwhile_is_not_measured_after_all(lost: Rollback) -> None:
    stale = rolling_back._get(lost.pk)
    assert rolling_back.move(stale, RollbackStatus.VERIFYING)
    rolling_back.give_up_unknown(lost, "nobody answers")
    rolling_back.begin_verifying(stale)
    lost.refresh_from_db()
    assert (lost.outcome, lost.restore_run) == (Outcome.UNKNOWN, None)


def test_a_worker_that_comes_back_after_it_was_given_up_changes_no_status(
    production: Environment, workers: InlineWorkers, little_service: LittleService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B5: it was stopped for so long that its lease was taken away; its report is kept as an event."""
    target, live = factory.deployed(production, "2026.11.3"), factory.deployed(production, "2026.11.4")
    digest = keep_rendered(production, target).digest
    rollback = factory.rollback(production, target, live, factory.on_call(), seen_digest=digest)
    really_run = executions.run

    def run_and_oversleep(*args: object, **options: object) -> object:
        result = really_run(*args, **options)  # type: ignore[arg-type]
        close_lost(Execution.objects.get())
        return result

    monkeypatch.setattr(executions, "run", run_and_oversleep)
    rolling_back.run_rollback(rollback.pk)
    late = Event.objects.get(action="execution:reported_late")
    assert late.payload["details"]["exit_code"] == 0
    execution = Execution.objects.get()
    assert (execution.command, execution.exit_code) == (CommandState.LOST, None)
    workers.work()
    rollback.refresh_from_db()
    assert (rollback.command, rollback.outcome) == (CommandState.LOST, Outcome.RESTORED_WITH_DIFFERENCES)
    assert little_service.ran == ["2026.11.3"]


def test_a_lease_that_still_beats_is_not_taken_away(running: Rollback) -> None:
    """B5: between the sweep's look and its write the worker has beaten."""
    assert running.execution is not None
    seen = Execution.objects.get()
    Execution.objects.update(heartbeat=7)
    assert not close_lost(seen)
    assert Execution.objects.get().status == ExecutionStatus.EXECUTING
