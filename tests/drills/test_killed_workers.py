"""Workers that are killed, stopped or told to end while a rollback is theirs."""

import pytest

from releases.executor import EnvironmentLock
from releases.models import Execution
from releases.states import CommandState, Outcome
from tests.drills.drill import Drill
from tests.rig.waiting import wait_until

pytestmark = [pytest.mark.once, pytest.mark.drill]


def test_a_worker_is_killed_with_its_children_before_the_command_starts(drill: Drill) -> None:
    """B1: the worker that has taken the click is killed while it waits for the lock; another one runs it, once."""
    drill.start("act", "probe")
    with EnvironmentLock(drill.stack.home / "locks", str(drill.place)).acquire("the drill"):
        rollback = drill.pressed()
        wait_until(lambda: drill.has_taken("run_rollback"), 10, "the worker takes the click")
        drill.log.fault()
        drill.kill_worker()
    drill.stack.start_worker("act")
    drill.log.over()
    assert drill.ended(rollback).outcome == Outcome.RESTORED
    assert drill.service.ran == ["2026.11.3"]
    drill.judge()


def test_a_worker_is_killed_with_its_children_while_the_command_runs(drill: Drill) -> None:
    """B2: worker and children are killed at the first line of output; the lock keeps others out until the command has
    ended by itself, then only reading probes say what became of it."""
    drill.start("act", "probe")
    rollback = drill.pressed_and_at_work()
    drill.log.fault()
    drill.kill_worker()
    drill.stack.start_worker("act")
    drill.wait_until_said(rollback, "Worker lost")
    holder = EnvironmentLock(drill.stack.home / "locks", str(drill.place)).holder()
    assert holder is not None, "the command still holds the lock"
    drill.let_command_go()
    drill.log.over()
    done = drill.ended(rollback)
    assert (done.command, done.outcome) == (CommandState.LOST, Outcome.RESTORED_WITH_DIFFERENCES)
    assert Execution.objects.filter(kind="rollback").count() == 1
    drill.judge()
