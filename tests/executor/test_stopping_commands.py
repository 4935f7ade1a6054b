"""Stopping ends the whole session, and says what it could not end."""

import signal
import sys
import time

import pytest

from releases.executor import DEADLINE, EnvironmentLock
from releases.states import CommandState
from tests.executor.bench import Bench, is_alive, wait_until

pytestmark = pytest.mark.once


def test_a_command_that_outlives_its_timeout_is_stopped(bench: Bench) -> None:
    result = bench.shell("exec sleep 60", timeout=1)
    assert (result.state, result.signal, result.stop_reason) == (CommandState.KILLED, signal.SIGTERM, DEADLINE)
    assert 1.0 <= result.seconds < 3.0


def test_a_reason_to_stop_stops_the_command_and_is_kept(bench: Bench) -> None:
    """B43."""
    result = bench.shell("touch running; exec sleep 60", should_stop=bench.stop_once_there("running", "stopped by ana"))
    assert (result.state, result.signal, result.stop_reason) == (
        CommandState.KILLED,
        signal.SIGTERM,
        "stopped by ana",
    )


def test_a_command_that_answers_term_by_exiting_has_exited(bench: Bench) -> None:
    """What is reported is how it ended, beside why it was stopped."""
    script = "trap 'echo cleaned; exit 7' TERM; touch running; while :; do sleep 0.02; done"
    result = bench.shell(script, should_stop=bench.stop_once_there("running", "lease lost"))
    assert (result.state, result.exit_code, result.stop_reason) == (CommandState.EXITED, 7, "lease lost")
    assert "cleaned" in result.output


def test_a_command_that_ignores_term_is_killed_after_its_grace(bench: Bench) -> None:
    """B37."""
    script = "trap '' TERM; touch running; while :; do sleep 0.02; done"
    begin = time.monotonic()
    result = bench.shell(script, grace=1, should_stop=bench.stop_once_there("running", "stopped by ana"))
    assert (result.state, result.signal) == (CommandState.KILLED, signal.SIGKILL)
    assert time.monotonic() - begin >= 1.0


def test_stopping_ends_every_process_of_the_session(bench: Bench) -> None:
    """Children, and grandchildren in a process group of their own."""
    script = """
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "60"])
group = subprocess.Popen(["sleep", "60"], process_group=0)
for name, pid in (("child", child.pid), ("group", group.pid), ("command", os.getpid())):
    open(name + ".pid", "w").write(f"{pid}\\n")
time.sleep(60)
"""
    result = bench.run(sys.executable, "-c", script, should_stop=bench.stop_once_there("command.pid", "stopped by ana"))
    assert result.state is CommandState.KILLED
    assert not any(is_alive(bench.pid_in(f"{name}.pid")) for name in ("child", "group", "command"))
    assert result.left_behind == ()


def test_a_child_that_ignores_term_is_killed_though_the_command_has_ended(bench: Bench) -> None:
    script = "(trap '' TERM; touch running; while :; do sleep 0.02; done) & echo $! > child.pid; wait"
    result = bench.shell(script, grace=1, should_stop=bench.stop_once_there("running", "stopped by ana"))
    assert result.signal == signal.SIGTERM
    assert not is_alive(bench.pid_in("child.pid"))


def test_a_paused_command_can_be_stopped(bench: Bench) -> None:
    script = "trap 'exit 9' TERM; echo $$ > command.pid; kill -STOP $$"
    result = bench.shell(script, should_stop=bench.stop_once_there("command.pid", "stopped by ana"))
    assert (result.state, result.exit_code) == (CommandState.EXITED, 9)


def test_a_stop_that_comes_after_the_end_changes_nothing(bench: Bench) -> None:
    """B43: there is nothing left to stop."""
    asked = 0

    def should_stop() -> str:
        nonlocal asked
        asked += 1
        return "stopped by ana" if asked > 1 else ""

    result = bench.run("/bin/true", should_stop=should_stop)
    assert (result.exit_code, result.stop_reason) == (0, "")


def test_only_the_first_reason_counts(bench: Bench) -> None:
    reasons = iter(["", *(f"reason {number}" for number in range(100))])
    result = bench.shell("exec sleep 60", should_stop=lambda: next(reasons))
    assert result.stop_reason == "reason 0"


def test_a_process_left_in_the_background_is_reported_and_lives_on(bench: Bench) -> None:
    """B35, B36: the reader does not wait for the child that holds the pipe open."""
    result = bench.shell("sleep 60 & echo $! > child.pid; echo done")
    pid = bench.pid_in("child.pid")
    assert (result.state, result.exit_code, result.output) == (CommandState.EXITED, 0, "done\n")
    assert result.left_behind == (f"process {pid}: sleep 60",)
    assert result.seconds < 3
    assert is_alive(pid)


def test_a_process_left_behind_that_goes_on_writing_does_not_hold_the_reader(bench: Bench) -> None:
    """B36."""
    result = bench.shell("(while :; do echo noise; sleep 0.01; done) & echo $! > child.pid")
    assert result.exit_code == 0
    assert result.seconds < 3
    assert len(result.left_behind) >= 1


def test_a_process_that_ends_right_after_the_command_is_not_reported(bench: Bench) -> None:
    result = bench.shell("sleep 0.1 >/dev/null 2>&1 & exit 0")
    assert result.left_behind == ()


def test_an_escaped_process_is_found_by_its_mark_and_not_claimed_as_stopped(bench: Bench) -> None:
    """B38."""
    script = """
import os, subprocess, time
subprocess.Popen(["sh", "-c", "echo $$ > escaped.pid; exec sleep 60"], start_new_session=True,
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
time.sleep(60)
"""
    result = bench.python(script, should_stop=bench.stop_once_there("escaped.pid", "stopped by ana"))
    pid = bench.pid_in("escaped.pid")
    assert result.state is CommandState.KILLED
    assert result.left_behind == (f"process {pid}: sleep 60 (left the command's session, is in {pid})",)
    assert is_alive(pid)


def test_an_escaped_process_without_the_mark_is_found_by_the_lock(bench: Bench) -> None:
    """B38: an emptied environment does not hide it."""
    script = """
import os, subprocess, sys
kept = [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2 and os.path.exists(f"/proc/self/fd/{name}")]
for descriptor in kept:
    os.set_inheritable(descriptor, True)
subprocess.Popen(["/bin/sh", "-c", "echo $$ > escaped.pid; exec sleep 60"], start_new_session=True, env={},
                 close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
"""
    with EnvironmentLock(bench.directory, "archive/production").acquire("rollback") as lock:
        result = bench.python(script, lock=lock)
    pid = bench.pid_in("escaped.pid")
    wait_until(lambda: is_alive(pid))
    assert [sentence.startswith(f"process {pid}: ") for sentence in result.left_behind] == [True]


def test_the_names_of_processes_left_behind_are_masked(bench: Bench) -> None:
    """B33: a secret may stand in an argument."""
    script = "sh -c 'sleep 60; true' --token=hunter2-hunter2 >/dev/null 2>&1 & echo $! > child.pid"
    result = bench.shell(script, secrets=["hunter2-hunter2"])
    bench_pid = bench.pid_in("child.pid")
    assert any(f"process {bench_pid}" in sentence and "[masked]" in sentence for sentence in result.left_behind)
    assert "hunter2" not in "".join(result.left_behind)
    for sentence in result.left_behind:
        (bench.directory / f"{sentence.split()[1].strip(':')}.pid").write_text(sentence.split()[1].strip(":"))


def test_processes_of_another_run_with_the_same_id_are_not_mixed_up(bench: Bench) -> None:
    """Two Rollbooks on one machine, each with its E-1."""
    bench.shell("setsid sh -c 'echo $$ > other.pid; exec sleep 60' >/dev/null 2>&1 & sleep 0.1", execution_id="E-1")
    assert is_alive(bench.pid_in("other.pid"))
    assert bench.run("/bin/true", execution_id="E-1").left_behind == ()
