"""The sweep: what messages and workers lost is found again, and no clock of another machine is believed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from releases import broker, knocks
from releases.models import ChecklistRun, Environment, Event, Execution, ProbeRun, Readiness, Rollback, Worker
from releases.services.checklists import begin_run, give_up, make_run, settle_run
from releases.states import (
    CommandState,
    ExecutionKind,
    ExecutionStatus,
    Outcome,
    ProbeStatus,
    Purpose,
    Regression,
    RollbackStatus,
    RunStatus,
    Verdict,
)
from releases.sweep import LOOK_EVERY, Sweep, sweep_for_ever
from tests import factory
from tests.plans import walked_through

pytestmark = pytest.mark.django_db(transaction=True)


Knock = tuple[str, str, int]
"""Task, queue and number of the row."""


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Sweeper(Sweep):
    """A sweep whose clock goes on by a given time before each round."""

    def look(self, times: int = 1, apart: float = 5.0) -> None:
        assert isinstance(self.clock, Clock)
        for _ in range(times):
            self.clock.now += apart
            self.once()


@pytest.fixture
def knocked(monkeypatch: pytest.MonkeyPatch) -> list[Knock]:
    """What was knocked for, in order."""
    sent: list[Knock] = []
    monkeypatch.setattr(knocks, "_send", lambda *knock: sent.append(knock))
    return sent


@pytest.fixture
def sweep(knocked: list[Knock]) -> Sweeper:
    return Sweeper(clock=Clock())


@pytest.fixture
def rollback() -> Rollback:
    """A rollback that nobody has taken, knocked for a while ago."""
    place, target, live = factory.story()
    return factory.rollback(place, target, live, factory.on_call(), knocked_at=timezone.now() - timedelta(seconds=30))


@pytest.fixture
def executing(rollback: Rollback) -> Execution:
    execution = Execution.objects.create(
        environment=rollback.environment,
        kind=ExecutionKind.ROLLBACK,
        started_by="Cho Park",
        started_at=timezone.now(),
        time_limit=60,
        fence=1,
    )
    Rollback.objects.update(status=RollbackStatus.RUNNING, execution=execution)
    return execution


@pytest.fixture
def probe() -> ProbeRun:
    """A probe that a worker measures."""
    run = make_run(factory.environment(), purpose=Purpose.VERIFY)
    begin_run(run.pk)
    row = run.probes.get(status=ProbeStatus.QUEUED)
    ProbeRun.objects.filter(pk=row.pk).update(status=ProbeStatus.RUNNING, fence=1, attempts=1)
    row.refresh_from_db()
    return row


def long_ago() -> Any:
    return timezone.now() - timedelta(seconds=30)


def status_of(execution: Execution) -> str:
    execution.refresh_from_db()
    return execution.status


# --- Leases -----------------------------------------------------------------------------------------------------------


def test_a_lease_is_lost_at_the_fourth_look_at_a_counter_that_stands_still(
    sweep: Sweeper, executing: Execution
) -> None:
    """B2"""
    sweep.look(3)
    assert status_of(executing) == ExecutionStatus.EXECUTING
    sweep.look()
    assert status_of(executing) == ExecutionStatus.ENDED
    assert executing.command == CommandState.LOST
    assert executing.fence == 2


def test_looks_that_come_too_soon_do_not_count(sweep: Sweeper, executing: Execution) -> None:
    sweep.look(30, apart=0.1)
    assert status_of(executing) == ExecutionStatus.EXECUTING


def test_a_counter_that_moves_between_any_two_looks_keeps_the_lease(sweep: Sweeper, executing: Execution) -> None:
    """B5"""
    for _ in range(10):
        sweep.look(3)
        Execution.objects.update(heartbeat=F("heartbeat") + 1)
    assert status_of(executing) == ExecutionStatus.EXECUTING


def test_a_counter_that_moved_once_is_watched_from_the_beginning_again(sweep: Sweeper, executing: Execution) -> None:
    sweep.look(3)
    Execution.objects.update(heartbeat=F("heartbeat") + 1)
    sweep.look(3)
    assert status_of(executing) == ExecutionStatus.EXECUTING
    sweep.look()
    assert status_of(executing) == ExecutionStatus.ENDED


def test_a_sweep_that_slept_for_an_hour_has_looked_no_more_often(sweep: Sweeper, executing: Execution) -> None:
    """B20: the machine was suspended, and its workers with it."""
    sweep.look(2)
    sweep.look(apart=3600)
    assert status_of(executing) == ExecutionStatus.EXECUTING


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "back"])
def test_a_clock_that_jumps_ends_no_lease(
    sweep: Sweeper, executing: Execution, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    """B20"""
    really_now = timezone.now
    sweep.look(2)
    monkeypatch.setattr(timezone, "now", lambda: really_now() + jump)
    sweep.look()
    assert status_of(executing) == ExecutionStatus.EXECUTING


def test_a_new_sweeper_takes_its_own_four_looks(executing: Execution, sweep: Sweeper) -> None:
    sweep.look(3)
    other = Sweeper(clock=Clock())
    other.look(3)
    assert status_of(executing) == ExecutionStatus.EXECUTING


def test_the_rollback_of_a_lost_worker_says_so_and_is_to_be_settled(
    sweep: Sweeper, executing: Execution, rollback: Rollback, knocked: list[Knock]
) -> None:
    """B2"""
    sweep.look(4)
    rollback.refresh_from_db()
    assert (rollback.status, rollback.command) == (RollbackStatus.RUNNING, CommandState.LOST)
    assert ("settle_lost", "act.archive.production", rollback.pk) in knocked
    assert Event.objects.filter(action="rollback:command_lost").count() == 1


def test_two_sweepers_take_one_lease_away_once(sweep: Sweeper, executing: Execution) -> None:
    other = Sweeper(clock=Clock())
    for _ in range(5):
        sweep.look()
        other.look()
    assert Event.objects.filter(action="rollback:command_lost").count() == 1


def test_a_rollback_that_no_worker_settles_is_called_unknown_in_the_end(
    sweep: Sweeper, executing: Execution, rollback: Rollback
) -> None:
    """B2: the whole host is gone."""
    sweep.look(4)
    sweep.look(apart=61)
    rollback.refresh_from_db()
    assert rollback.outcome == ""
    sweep.look(apart=61)
    rollback.refresh_from_db()
    assert (rollback.status, rollback.outcome) == (RollbackStatus.DONE, Outcome.UNKNOWN)
    assert "Given up after" in rollback.detail


# --- Probes -----------------------------------------------------------------------------------------------------------


def test_a_probe_whose_worker_was_lost_is_measured_again(sweep: Sweeper, probe: ProbeRun, knocked: list[Knock]) -> None:
    knocked.clear()
    sweep.look(4)
    probe.refresh_from_db()
    assert (probe.status, probe.fence) == (ProbeStatus.QUEUED, 2)
    assert ("run_probe", "probe.archive.production", probe.pk) in knocked


def test_a_probe_that_beats_is_left_alone(sweep: Sweeper, probe: ProbeRun) -> None:
    for _ in range(8):
        sweep.look()
        ProbeRun.objects.filter(pk=probe.pk).update(heartbeat=F("heartbeat") + 1)
    probe.refresh_from_db()
    assert probe.status == ProbeStatus.RUNNING


def test_a_probe_that_loses_every_worker_could_not_be_measured(sweep: Sweeper, probe: ProbeRun) -> None:
    """B6: it may be the probe that takes its worker down."""
    ProbeRun.objects.filter(pk=probe.pk).update(attempts=3)
    sweep.look(4)
    probe.refresh_from_db()
    assert (probe.status, probe.verdict) == (ProbeStatus.DONE, Verdict.ERROR)
    assert probe.findings.get().sentence == ("Could not measure: the worker was lost 3 times while it ran this probe.")


def test_the_run_goes_on_without_a_probe_that_was_given_up(sweep: Sweeper, probe: ProbeRun) -> None:
    ProbeRun.objects.filter(pk=probe.pk).update(attempts=3)
    sweep.look(4)
    probe.run.refresh_from_db()
    assert probe.run.wave == 1


# --- Knocks -----------------------------------------------------------------------------------------------------------


def test_a_queued_rollback_is_knocked_for_again(sweep: Sweeper, rollback: Rollback, knocked: list[Knock]) -> None:
    """B8, B9: the broker came back empty."""
    sweep.once()
    assert ("run_rollback", "act.archive.production", rollback.pk) in knocked


def test_it_is_not_knocked_for_again_right_after_a_knock(
    sweep: Sweeper, rollback: Rollback, knocked: list[Knock]
) -> None:
    sweep.once()
    knocked.clear()
    sweep.once()
    assert "run_rollback" not in {task for task, _, _ in knocked}


def test_a_knock_in_the_future_was_written_by_a_clock_that_ran_ahead(
    sweep: Sweeper, rollback: Rollback, knocked: list[Knock]
) -> None:
    """B8, B20: the click must not wait until the clock has come round to it."""
    Rollback.objects.update(knocked_at=timezone.now() + timedelta(hours=1))
    sweep.once()
    assert ("run_rollback", "act.archive.production", rollback.pk) in knocked


def test_a_queued_checklist_is_knocked_for_again(sweep: Sweeper, knocked: list[Knock]) -> None:
    """B9"""
    run = make_run(factory.environment(), purpose=Purpose.VERIFY)
    ChecklistRun.objects.update(created_at=long_ago())
    knocked.clear()
    sweep.once()
    assert knocked == [("begin_run", "probe.archive.production", run.pk)]


def test_a_checklist_that_waits_for_another_is_not_knocked_for(
    sweep: Sweeper, probe: ProbeRun, knocked: list[Knock]
) -> None:
    make_run(probe.run.environment, purpose=Purpose.VERIFY)
    ChecklistRun.objects.update(created_at=long_ago())
    knocked.clear()
    sweep.once()
    assert "begin_run" not in {task for task, _, _ in knocked}


def test_a_queued_probe_is_knocked_for_again(sweep: Sweeper, probe: ProbeRun, knocked: list[Knock]) -> None:
    """B9"""
    ProbeRun.objects.filter(pk=probe.pk).update(status=ProbeStatus.QUEUED, knocked_at=long_ago())
    knocked.clear()
    sweep.once()
    assert knocked == [("run_probe", "probe.archive.production", probe.pk)]


def test_a_run_whose_last_probe_answered_and_whose_worker_then_died_is_settled(sweep: Sweeper, probe: ProbeRun) -> None:
    ProbeRun.objects.filter(pk=probe.pk).update(status=ProbeStatus.DONE, verdict=Verdict.PASS)
    sweep.once()
    probe.run.refresh_from_db()
    assert probe.run.wave == 1


@pytest.mark.parametrize("status", [RollbackStatus.PURGING, RollbackStatus.VERIFYING, RollbackStatus.STOPPING])
def test_a_rollback_whose_next_step_nobody_began_is_knocked_for(
    sweep: Sweeper,
    executing: Execution,
    rollback: Rollback,
    knocked: list[Knock],
    status: RollbackStatus,
) -> None:
    """B3: the worker died between two steps."""
    Execution.objects.update(status=ExecutionStatus.ENDED, command=CommandState.EXITED, exit_code=0)
    Rollback.objects.update(status=status, command=CommandState.EXITED, knocked_at=long_ago())
    sweep.once()
    assert ("continue_rollback", "act.archive.production", rollback.pk) in knocked


@pytest.mark.parametrize("status", [RollbackStatus.RUNNING, RollbackStatus.STOPPING])
def test_a_rollback_at_work_is_left_alone(
    sweep: Sweeper,
    executing: Execution,
    rollback: Rollback,
    knocked: list[Knock],
    status: RollbackStatus,
) -> None:
    Rollback.objects.update(status=status)
    sweep.once()
    assert {task for task, _, _ in knocked} <= {"look_at_way_back"}


def test_a_rollback_whose_checklist_was_ended_is_unknown(sweep: Sweeper, rollback: Rollback) -> None:
    restore = make_run(rollback.environment, purpose=Purpose.RESTORE)
    Rollback.objects.update(status=RollbackStatus.VERIFYING, command=CommandState.EXITED, restore_run=restore)
    give_up(restore, "by a test")
    sweep.once()
    rollback.refresh_from_db()
    assert (rollback.outcome, rollback.detail) == (Outcome.UNKNOWN, "Its checklist was ended: by a test.")


def test_every_way_back_is_looked_at_once_a_minute(sweep: Sweeper, knocked: list[Knock]) -> None:
    place, _, _ = factory.story()
    sweep.look(11)
    assert knocked == [("look_at_way_back", "act.archive.production", place.pk)]
    sweep.look(2)
    assert len(knocked) == 2


def test_a_look_that_is_overdue_is_asked_for_sooner(sweep: Sweeper, knocked: list[Knock]) -> None:
    """Another one was on in the only place that a host has for looks."""
    place, target, live = factory.story()
    factory.looked(place, target, live, looked_at=timezone.now() - timedelta(seconds=LOOK_EVERY + 5))
    sweep.look(4)
    assert len(knocked) == 2, "15 s apart"


def test_looks_do_not_pile_up_for_a_worker_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, float] = {}
    monkeypatch.setattr(knocks.app, "send_task", lambda name, **given: kept.update({name: given["expires"]}))
    knocks.knock("look_at_way_back", "act.archive.production", 1)
    knocks.knock("run_rollback", "act.archive.production", 1)
    assert kept["releases.tasks.look_at_way_back"] == 60 < kept["releases.tasks.run_rollback"]


def test_a_worker_that_is_gone_is_noticed_by_the_sweep(sweep: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """B2"""
    monkeypatch.setattr(knocks, "broker_answers", lambda: True)
    monkeypatch.setattr(broker, "watch", broker.BrokerWatch())
    place, target, live = factory.story()
    factory.open_way_back(place, target, live)
    sweep.look(2, apart=31)
    assert Readiness.objects.get().ready
    Worker.objects.update(seen_at=timezone.now() - timedelta(minutes=2))
    sweep.look(2, apart=31)
    assert Readiness.objects.get().red == ["worker"]


def test_nothing_is_done_for_what_has_ended(sweep: Sweeper, knocked: list[Knock]) -> None:
    place: Environment = factory.environment()
    run = factory.run(place)
    settle_run(run.pk)
    sweep.look(5)
    assert knocked == []
    assert run.status == RunStatus.DONE


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans with the values that it is given")
def test_a_round_walks_through_no_table_that_grows_with_the_book(sweep: Sweeper, rollback: Rollback) -> None:
    """A book of a million probe runs cost each round on SQLite 1.5 s."""
    factory.run(rollback.environment)
    with CaptureQueriesContext(connection) as said:
        sweep.look(1)
    reads = [each["sql"] for each in said.captured_queries if each["sql"].startswith("SELECT")]
    assert len(reads) > 10
    assert set().union(*map(walked_through, reads)) == set()


def test_a_sweep_reaches_a_database_that_was_restarted(rollback: Rollback, knocked: list[Knock]) -> None:
    """B14, B15: what it had was a connection to the one before."""
    connection.ensure_connection()
    connection.connection.close()
    pauses: list[float] = []

    def ended(pause: float) -> bool:
        pauses.append(pause)
        return len(pauses) == 2

    for _ in sweep_for_ever(5, ended):
        pass
    assert ("run_rollback", "act.archive.production", rollback.pk) in knocked


def test_a_step_that_fails_ends_neither_the_round_nor_the_sweep(
    rollback: Rollback, knocked: list[Knock], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def _close_lost_executions(self: Sweep) -> None:
        tried.append(1)
        raise RuntimeError("one row is spoiled")

    monkeypatch.setattr(Sweep, "_close_lost_executions", _close_lost_executions)
    for _ in sweep_for_ever(5, lambda pause: len(tried) == 2):
        pass
    assert len(tried) == 2
    assert ("run_rollback", "act.archive.production", rollback.pk) in knocked


def test_a_probe_that_lost_every_worker_settles_a_run_that_is_compared(sweep: Sweeper, probe: ProbeRun) -> None:
    """B6: every normal restore run is compared with an earlier one."""
    place = probe.run.environment
    ChecklistRun.objects.filter(pk=probe.run_id).update(compared_with=factory.run(place))
    ProbeRun.objects.filter(run=probe.run_id).exclude(pk=probe.pk).update(status=ProbeStatus.DONE, verdict=Verdict.PASS)
    ProbeRun.objects.filter(pk=probe.pk).update(attempts=3)
    sweep.look(4)
    run = ChecklistRun.objects.get(pk=probe.run_id)
    while run.status != RunStatus.DONE:
        before = run.wave
        sweep.look(1)
        run.refresh_from_db()
        assert run.status == RunStatus.DONE or run.wave > before
    assert (run.verdict, run.regression) == (Verdict.ERROR, Regression.UNKNOWN)
