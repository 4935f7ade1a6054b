"""Two workers at the same row, and a person beside them: exactly one wins, and nobody waits for ever."""

from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from releases.actor import Actor
from releases.catalogue import Command
from releases.executor import Result
from releases.models import Environment, Event, Execution, Rollback
from releases.services import places, rolling_back
from releases.services.checklists import begin_run, give_up, give_up_all, make_run
from releases.services.commands import rollback_command
from releases.services.rollbacks import cancel, stop
from releases.states import CommandState, ExecutionStatus, Purpose, RollbackStatus, RunStatus
from releases.sweep import close_lost
from tests import factory
from tests.concurrency.conftest import Together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("workers")]

ROUNDS = 20


@pytest.fixture
def cho() -> Actor:
    return factory.actor(factory.on_call())


class Stage:
    """archive/production of a real catalogue, where a rollback is queued for each round."""

    def __init__(self, place: Environment, cho: Actor) -> None:
        assert cho.user is not None
        self.place, self.user = place, cho.user
        self.target, self.live = factory.deployed(place, "2026.11.3"), factory.deployed(place, "2026.11.4")
        self.command: Command = rollback_command(place, self.target)

    def queue(self) -> Rollback:
        """Close what the round before left, and queue the next."""
        Execution.objects.update(status=ExecutionStatus.ENDED)
        Rollback.objects.update(status=RollbackStatus.DONE)
        return factory.rollback(self.place, self.target, self.live, self.user, purge_wanted=False)

    def claim(self, rollback: Rollback) -> Execution | None:
        return rolling_back._claim(rolling_back._get(rollback.pk), self.command, "")


@pytest.fixture
def stage(production: Environment, cho: Actor) -> Stage:
    return Stage(production, cho)


def test_of_two_workers_one_claims_a_rollback(stage: Stage, together: Together) -> None:
    """B7: a message that was delivered twice."""
    for _ in range(ROUNDS):
        rollback = stage.queue()
        answers = together([partial(stage.claim, rollback)] * 2)
        assert sorted(type(answer).__name__ for answer in answers) == ["Execution", "NoneType"]
        rollback.refresh_from_db()
        assert (rollback.status, rollback.detail) == (RollbackStatus.RUNNING, "")
    assert Event.objects.filter(action="rollback:claimed").count() == ROUNDS


def test_a_cancel_and_a_claim_at_once_never_both_win(stage: Stage, together: Together, cho: Actor) -> None:
    for _ in range(ROUNDS):
        rollback = stage.queue()
        execution, cancelled = together([partial(stage.claim, rollback), partial(cancel, rollback, actor=cho)])
        assert (execution is None) is cancelled
        rollback.refresh_from_db()
        assert rollback.status == (RollbackStatus.CANCELLED if cancelled else RollbackStatus.RUNNING)
        assert Execution.objects.filter(status=ExecutionStatus.EXECUTING).exists() is not cancelled


def ended(stage: Stage, rollback: Rollback, execution: Execution) -> None:
    """Do what the worker does once its command has ended."""
    rolling_back._run_command(rolling_back._get(rollback.pk), execution, stage.command, places.lock_of(stage.place))


@pytest.fixture
def ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*args: Any, **options: Any) -> Result:
        return Result(state=CommandState.EXITED, exit_code=0)

    monkeypatch.setattr(rolling_back, "run_leased", run)


@pytest.mark.usefixtures("ends_at_once")
def test_a_stop_and_the_end_of_the_command_at_once_do_not_wait_for_each_other(
    stage: Stage, together: Together, cho: Actor
) -> None:
    """B43, B19: both write the rollback and its execution."""
    for _ in range(ROUNDS):
        rollback = stage.queue()
        execution = stage.claim(rollback)
        assert execution is not None
        answers = together([partial(ended, stage, rollback, execution), partial(stop, rollback, actor=cho)])
        assert answers[0] is None
        assert answers[1] in (True, False)
        rollback.refresh_from_db()
        execution.refresh_from_db()
        assert (execution.command, execution.exit_code) == (CommandState.EXITED, 0)
        assert rollback.command == CommandState.EXITED
        assert rollback.status == RollbackStatus.VERIFYING


@pytest.mark.usefixtures("ends_at_once")
def test_a_worker_that_reports_as_its_lease_is_taken_away_is_either_believed_or_late(
    stage: Stage, together: Together
) -> None:
    """B5"""
    for _ in range(ROUNDS):
        rollback = stage.queue()
        execution = stage.claim(rollback)
        assert execution is not None
        seen = Execution.objects.select_related("environment__service").get(pk=execution.pk)
        _, closed = together([partial(ended, stage, rollback, execution), partial(close_lost, seen)])
        rollback.refresh_from_db()
        execution.refresh_from_db()
        expected = CommandState.LOST if closed else CommandState.EXITED
        assert (rollback.command, execution.command) == (expected, expected)
        late = Event.objects.filter(action="execution:reported_late", object_tag=rollback.tag).count()
        assert late == int(closed)


def test_of_two_checklists_one_begins(together: Together) -> None:
    place = factory.environment()
    for _ in range(ROUNDS):
        give_up_all(place, "the next round")
        runs = [make_run(place, purpose=Purpose.VERIFY) for _ in range(2)]
        answers = together([partial(begin_run, run.pk) for run in runs])
        assert sorted(answers) == [False, True]
        assert place.checklist_runs.filter(status=RunStatus.RUNNING).count() == 1


def test_a_rollback_is_verified_once_however_many_ask(stage: Stage, together: Together) -> None:
    for _ in range(10):
        rollback = stage.queue()
        Rollback.objects.filter(pk=rollback.pk).update(
            status=RollbackStatus.VERIFYING, command=CommandState.EXITED, command_ended_at=timezone.now()
        )
        answers = together([partial(rolling_back.continue_rollback, rollback.pk)] * 4)
        assert answers == [None] * 4
        rollback.refresh_from_db()
        assert list(stage.place.checklist_runs.filter(purpose=Purpose.RESTORE, status=RunStatus.QUEUED)) == [
            rollback.restore_run
        ]
        give_up(rollback.restore_run, "the next round")
