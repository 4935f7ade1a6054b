"""Workers that are killed, stopped or told to end while a rollback is theirs."""

import os
import resource
import signal
import time

import pytest

from releases.executor import EnvironmentLock
from releases.models import Event, Execution
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


def test_a_worker_is_killed_after_the_command_and_before_its_result_is_saved(drill: Drill) -> None:
    """B3: the pool is held while the command comes to its end, then killed; nobody saw the exit code, so the outcome
    comes from the checklist."""
    drill.start("act", "probe")
    rollback = drill.pressed_and_at_work()
    drill.log.fault()
    for pid in drill.stack.children("act"):
        os.kill(pid, signal.SIGSTOP)
    drill.let_command_go()
    wait_until(drill.ends, 20, "the command comes to its own end")
    drill.kill_worker()
    drill.stack.start_worker("act")
    drill.log.over()
    done = drill.ended(rollback)
    assert (done.command, done.outcome) == (CommandState.LOST, Outcome.RESTORED_WITH_DIFFERENCES)
    assert done.execution is not None
    assert done.execution.exit_code is None
    drill.judge()


def test_a_worker_is_told_to_end_while_the_command_runs(drill: Drill) -> None:
    """B4: TERM, as when the dashboard itself is deployed: the old worker sees its command to the end, and a new one
    takes what comes next."""
    drill.start("act", "probe")
    rollback = drill.pressed_and_at_work()
    old = drill.stack.processes["act"]
    drill.log.fault()
    old.terminate()
    drill.stack.start_worker("act")
    assert old.poll() is None, "it waits for its command"
    drill.let_command_go()
    old.wait(timeout=30)
    drill.log.over()
    done = drill.ended(rollback)
    assert (done.command, done.outcome) == (CommandState.EXITED, Outcome.RESTORED)
    drill.judge()


def test_a_worker_sleeps_for_two_minutes_and_wakes(drill: Drill) -> None:
    """B5: STOP for 120 s, then CONT: its lease is taken away meanwhile, and what it reports then is kept as an event
    and changes nothing."""
    drill.start("act", "probe")
    rollback = drill.pressed_and_at_work()
    asleep = [drill.stack.processes["act"].pid, *drill.stack.children("act")]
    drill.log.fault()
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    wakes = time.monotonic() + 120
    drill.stack.start_worker("act")
    drill.wait_until_said(rollback, "Worker lost")
    drill.let_command_go()
    time.sleep(max(0.0, wakes - time.monotonic()))  # the fault itself
    before = Execution.objects.values().get(kind="rollback")
    for pid in asleep:
        os.kill(pid, signal.SIGCONT)
    drill.log.over()
    wait_until(Event.objects.filter(action="execution:reported_late").exists, 30, "the old worker reports")
    assert Execution.objects.values().get(kind="rollback") == before
    done = drill.ended(rollback)
    assert done.command == CommandState.LOST
    assert done.outcome in (Outcome.RESTORED_WITH_DIFFERENCES, Outcome.UNKNOWN)
    drill.judge()


def test_a_worker_is_out_of_memory(on_servers: Drill) -> None:
    """B6: the pool of a worker may take no more memory: what it was given is lost, its place is taken by a new child,
    and the click runs there, on the same worker."""
    drill = on_servers
    drill.start("act", "probe")
    worker = drill.stack.processes["act"]
    starved = drill.stack.children("act")
    drill.log.fault()
    for pid in starved:
        resource.prlimit(pid, resource.RLIMIT_AS, (1, resource.RLIM_INFINITY))
    rollback = drill.pressed()
    assert drill.ended(rollback).outcome == Outcome.RESTORED
    drill.log.over()
    assert "MemoryError" in (drill.stack.home / "act.log").read_text()
    assert set(starved) - set(drill.stack.children("act")), "nobody was out of memory"
    assert worker.poll() is None
    drill.judge()
