"""Stopping a rollback that runs: the command is ended, what happened is measured."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.utils import timezone

from releases.actor import Actor
from releases.errors import Denied
from releases.models import Environment, Event, Execution, Rollback
from releases.services import rolling_back
from releases.services.commands import keep_rendered
from releases.services.rollbacks import stop
from releases.states import CommandState, ExecutionKind, ExecutionStatus, Outcome, RollbackStatus
from tests import factory
from tests.rig.waiting import wait_until
from tests.services.conftest import InlineWorkers, LittleService

pytestmark = pytest.mark.django_db


@pytest.fixture
def cho() -> Actor:
    return factory.actor(factory.on_call())


@pytest.fixture
def running(cho: Actor) -> Rollback:
    """A rollback whose command executes, as far as the rows know."""
    assert cho.user is not None
    place, target, live = factory.story()
    execution = Execution.objects.create(
        environment=place, kind=ExecutionKind.ROLLBACK, started_by="Cho Park", started_at=timezone.now(), fence=1
    )
    return factory.rollback(place, target, live, cho.user, status=RollbackStatus.RUNNING, execution=execution)


def test_the_worker_is_told_to_stop_and_by_whom(running: Rollback, cho: Actor) -> None:
    """B43"""
    assert stop(running, actor=cho)
    running.refresh_from_db()
    assert (running.status, running.stop_requested_by) == (RollbackStatus.STOPPING, "Cho Park")
    assert Execution.objects.get().stop_requested == "stopped by Cho Park"
    details = Event.objects.get(action="rollback:stop_requested").payload["details"]
    assert details == {"before": {"status": "running"}, "after": {"status": "stopping"}}


def test_stopping_twice_is_stopping_once(running: Rollback, cho: Actor) -> None:
    """B43"""
    assert [stop(running, actor=cho), stop(running, actor=factory.actor(factory.lead()))] == [True, False]
    running.refresh_from_db()
    assert running.stop_requested_by == "Cho Park"


@pytest.mark.parametrize(
    "status",
    [status for status in RollbackStatus if status not in (RollbackStatus.RUNNING, RollbackStatus.PURGING)],
)
def test_what_does_not_run_is_not_stopped(running: Rollback, cho: Actor, status: RollbackStatus) -> None:
    """B43: after the end it says so, and changes nothing."""
    Rollback.objects.update(status=status)
    assert not stop(running, actor=cho)
    running.refresh_from_db()
    assert running.status == status
    assert not Event.objects.exists()


def test_the_book_says_that_it_was_the_purge_that_was_stopped(running: Rollback, cho: Actor) -> None:
    """B43: by the row, whatever the page that pressed had seen."""
    Rollback.objects.update(status=RollbackStatus.PURGING)
    assert stop(running, actor=cho)
    details = Event.objects.get(action="rollback:stop_requested").payload["details"]
    assert details["before"] == {"status": "purging"}


def test_a_purge_can_be_stopped(running: Rollback, cho: Actor) -> None:
    Execution.objects.update(status=ExecutionStatus.ENDED)
    purge = Execution.objects.create(
        environment=running.environment, kind=ExecutionKind.PURGE, started_by="Cho Park", started_at=timezone.now()
    )
    Rollback.objects.update(status=RollbackStatus.PURGING, purge_execution=purge)
    assert stop(running, actor=cho)
    purge.refresh_from_db()
    assert purge.stop_requested == "stopped by Cho Park"


def test_a_page_that_was_loaded_before_the_claim_can_stop_what_runs_now(running: Rollback, cho: Actor) -> None:
    stale = Rollback.objects.get()
    stale.status, stale.execution = RollbackStatus.QUEUED, None
    assert stop(stale, actor=cho)
    assert Execution.objects.get().stop_requested == "stopped by Cho Park"


def test_whoever_may_not_roll_back_may_not_stop_either(running: Rollback) -> None:
    with pytest.raises(Denied):
        stop(running, actor=factory.actor(factory.person("lee", "auditor")))


# --- With a command that really runs ----------------------------------------------------------------------------------


@contextmanager
def in_a_worker(rollback: Rollback) -> Iterator[threading.Thread]:
    """Run the rollback beside the test, as a worker would; wait for its end."""

    def work() -> None:
        try:
            rolling_back.run_rollback(rollback.pk)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(timeout=30)
        assert not thread.is_alive()


def queue(place: Environment, cho: Actor) -> Rollback:
    assert cho.user is not None
    target, live = factory.deployed(place, "2026.11.3"), factory.deployed(place, "2026.11.4")
    return factory.rollback(place, target, live, cho.user, seen_digest=keep_rendered(place, target).digest)


def is_executing(service: LittleService) -> bool:
    return "switching" in (Execution.objects.values_list("output", flat=True).last() or "")


@pytest.mark.django_db(transaction=True)
def test_a_stopped_command_is_killed_and_the_outcome_is_what_is_served(
    production: Environment, workers: InlineWorkers, little_service: LittleService, cho: Actor
) -> None:
    """B43"""
    (little_service.home / "wait").touch()
    rollback = queue(production, cho)
    with in_a_worker(rollback):
        wait_until(lambda: is_executing(little_service), 20, "the command says nothing")
        assert stop(rollback, actor=cho)
    workers.work()
    rollback.refresh_from_db()
    assert (rollback.command, rollback.outcome) == (CommandState.KILLED, Outcome.STOPPED)
    assert rollback.execution is not None
    assert rollback.execution.stop_reason == "stopped by Cho Park"
    assert little_service.ran == []
    assert little_service.purged == [], "nothing more is changed after a stop"


@pytest.mark.django_db(transaction=True)
def test_a_stop_that_comes_as_the_command_ends_changes_nothing_of_what_is_measured(
    production: Environment, workers: InlineWorkers, little_service: LittleService, cho: Actor
) -> None:
    """B43: the worker looks for a stop once a second; this command ends before it looks."""
    (little_service.home / "wait").touch()
    rollback = queue(production, cho)
    with in_a_worker(rollback):
        wait_until(lambda: is_executing(little_service), 20, "the command says nothing")
        Rollback.objects.filter(pk=rollback.pk).update(status=RollbackStatus.STOPPING, stop_requested_by="Cho Park")
        (little_service.home / "wait").unlink()
    workers.work()
    rollback.refresh_from_db()
    assert (rollback.status, rollback.command) == (RollbackStatus.DONE, CommandState.EXITED)
    assert rollback.outcome == Outcome.RESTORED_WITH_DIFFERENCES
    assert "Not purged: /articles." in rollback.detail
    assert little_service.purged == [], "nothing more is changed after a stop"


@pytest.mark.django_db(transaction=True)
def test_output_can_be_read_while_the_command_runs(
    production: Environment, workers: InlineWorkers, little_service: LittleService, cho: Actor
) -> None:
    (little_service.home / "wait").touch()
    rollback = queue(production, cho)
    with in_a_worker(rollback):
        before = rollback.version
        wait_until(lambda: is_executing(little_service), 20, "the command says nothing")
        rollback.refresh_from_db()
        assert rollback.status == RollbackStatus.RUNNING
        assert rollback.version > before, "pages ask by this number whether anything changed"
        (little_service.home / "wait").unlink()


@pytest.mark.django_db(transaction=True)
def test_a_message_that_comes_while_the_command_runs_changes_nothing(
    production: Environment, workers: InlineWorkers, little_service: LittleService, cho: Actor
) -> None:
    """B7"""
    (little_service.home / "wait").touch()
    rollback = queue(production, cho)
    with in_a_worker(rollback):
        wait_until(lambda: is_executing(little_service), 20, "the command says nothing")
        began = time.monotonic()
        rolling_back.run_rollback(rollback.pk)
        assert time.monotonic() - began < 5
        rollback.refresh_from_db()
        assert (rollback.status, rollback.detail) == (RollbackStatus.RUNNING, "")
        (little_service.home / "wait").unlink()
    assert little_service.ran == ["2026.11.3"]
