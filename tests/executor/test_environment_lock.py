"""One command at a time per environment, kept by the kernel beyond the life of the worker."""

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from releases.executor import EnvironmentLock, LockHeld
from tests.executor.bench import Bench, is_alive, wait_until

pytestmark = pytest.mark.once

PLACE = "archive/production"

WORKER = """
import os, sys
from releases.catalogue import Command
from releases.executor import EnvironmentLock, run

directory, script = sys.argv[1:]
with EnvironmentLock(directory, "archive/production").acquire("rollback RB-7") as lock:
    run(Command(("/bin/sh", "-c", script), directory, 60), lock=lock, execution_id="E-9", secrets=(),
        on_output=lambda text: None, should_stop=lambda: "", passed_environment={})
"""


def start_worker(bench: Bench, script: str) -> subprocess.Popen[bytes]:
    """Start a process that runs a command under the lock, as a worker does."""
    return subprocess.Popen([sys.executable, "-c", WORKER, str(bench.directory), script], cwd=Path.cwd())


def end(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.wait(10)


def test_a_second_command_is_refused_with_host_process_and_what_runs(bench: Bench) -> None:
    with EnvironmentLock(bench.directory, PLACE).acquire("rollback RB-7"), pytest.raises(LockHeld) as refusal:
        EnvironmentLock(bench.directory, PLACE).acquire("deploy D-8")
    assert (refusal.value.host, refusal.value.pid) == (socket.gethostname(), os.getpid())
    assert refusal.value.what == "rollback RB-7"
    said = str(refusal.value)
    assert f"rollback RB-7 still holds the lock on {socket.gethostname()}, since " in said
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: ", said)
    assert said.endswith(f"process {os.getpid()}.")


def test_the_lock_is_free_after_its_release(bench: Bench) -> None:
    EnvironmentLock(bench.directory, PLACE).acquire("first").release()
    with EnvironmentLock(bench.directory, PLACE).acquire("second") as lock:
        holder = lock.holder()
    assert holder is not None
    assert holder.what == "second"
    assert lock.holder() is None


def test_each_environment_has_a_lock_of_its_own(bench: Bench) -> None:
    with (
        EnvironmentLock(bench.directory, PLACE).acquire("a"),
        EnvironmentLock(bench.directory, "archive/staging").acquire("b"),
    ):
        assert EnvironmentLock(bench.directory, "other/production").holder() is None


def test_a_name_that_is_no_environment_is_refused(bench: Bench) -> None:
    for name in ("../x", "archive/../x", "", "archive/", "A/b"):
        with pytest.raises(ValueError, match="not the name of an environment"):
            EnvironmentLock(bench.directory, name)


def test_looking_at_the_lock_does_not_take_it(bench: Bench) -> None:
    lock = EnvironmentLock(bench.directory, PLACE)
    assert lock.holder() is None
    with EnvironmentLock(bench.directory, PLACE).acquire("rollback RB-7"):
        holder = lock.holder()
    assert holder is not None
    assert holder.what == "rollback RB-7"


def test_those_who_look_do_not_refuse_the_one_who_acts(bench: Bench) -> None:
    """A page that asks who holds the lock has it for a moment, which must not turn a rollback away."""
    EnvironmentLock(bench.directory, PLACE).acquire("first").release()
    looking = (bench.directory / "archive.production.lock").open("rb")
    fcntl.flock(looking, fcntl.LOCK_SH)
    end_of_look = threading.Timer(0.1, looking.close)
    end_of_look.start()
    EnvironmentLock(bench.directory, PLACE).acquire("rollback").release()
    end_of_look.join()


def test_a_refusal_survives_an_unreadable_note(bench: Bench) -> None:
    with EnvironmentLock(bench.directory, PLACE).acquire("rollback") as lock:
        lock.path.write_text("{half")
        with pytest.raises(LockHeld, match="A command still holds the lock on this machine"):
            EnvironmentLock(bench.directory, PLACE).acquire("deploy")


def test_a_lock_file_that_is_a_link_is_not_followed(bench: Bench) -> None:
    target = bench.directory / "precious"
    target.write_text("precious")
    (bench.directory / "archive.production.lock").symlink_to(target)
    with pytest.raises(OSError):
        EnvironmentLock(bench.directory, PLACE).acquire("rollback")
    assert target.read_text() == "precious"


def test_running_without_having_taken_the_lock_is_a_mistake_of_the_caller(bench: Bench) -> None:
    with pytest.raises(ValueError, match="not taken"):
        bench.run("/bin/true", lock=EnvironmentLock(bench.directory, PLACE))


def test_the_note_names_the_command_while_it_runs(bench: Bench) -> None:
    lock = EnvironmentLock(bench.directory, PLACE)
    seen: list[int] = []

    def look() -> str:
        holder = EnvironmentLock(bench.directory, PLACE).holder()
        if (bench.directory / "command.pid").exists() and holder is not None:
            seen.append(holder.pid)
            (bench.directory / "seen").touch()
        return ""

    with lock.acquire("rollback"):
        bench.shell("echo $$ > command.pid; until [ -e seen ]; do sleep 0.02; done", lock=lock, should_stop=look)
    assert seen[0] == bench.pid_in("command.pid")


def test_a_process_left_behind_keeps_the_lock_until_it_ends(bench: Bench) -> None:
    """B35: nothing else may start here while a descendant may still be at work, even one that left the session."""
    lock = EnvironmentLock(bench.directory, PLACE)
    with lock.acquire("rollback RB-7"):
        bench.shell("setsid sleep 60 >/dev/null 2>&1 & echo started; sleep 0.1", lock=lock)
    holder = lock.holder()
    assert holder is not None
    assert [sentence.partition(": ")[2] for sentence in holder.processes] == ["sleep 60"]
    os.kill(int(holder.processes[0].split()[1].strip(":")), signal.SIGKILL)
    wait_until(lambda: lock.holder() is None)


def test_the_lock_outlives_a_killed_worker_until_the_command_ends(bench: Bench) -> None:
    """B2: `kill -9` of the worker leaves the command running, and nothing else can start beside it."""
    worker = start_worker(bench, "echo $$ > command.pid; until [ -e end ]; do sleep 0.02; done")
    try:
        command = bench.pid_in("command.pid")
        lock = EnvironmentLock(bench.directory, PLACE)
        wait_until(lambda: (holder := lock.holder()) is not None and holder.pid == command)
    finally:
        end(worker)
    assert is_alive(command)
    with pytest.raises(LockHeld) as refusal:
        lock.acquire("deploy D-8")
    assert (refusal.value.pid, refusal.value.what) == (command, "rollback RB-7")
    (bench.directory / "end").touch()
    wait_until(lambda: not is_alive(command))
    lock.acquire("deploy D-8").release()


def test_a_command_whose_worker_was_killed_goes_on_writing(bench: Bench) -> None:
    """B2: its next line of output must not end a rollback halfway."""
    script = (
        "echo $$ > command.pid; until [ -e go-on ]; do sleep 0.02; done;"
        "for i in $(seq 5000); do echo 'a line of output that nobody reads any more' || exit 1; done; touch finished"
    )
    worker = start_worker(bench, script)
    try:
        command = bench.pid_in("command.pid")
    finally:
        end(worker)
    (bench.directory / "go-on").touch()
    wait_until(lambda: not is_alive(command))
    assert (bench.directory / "finished").exists()


def test_a_full_disk_does_not_cost_the_lock(bench: Bench) -> None:
    """B22: what the file says is a help for people; the lock itself needs no space."""
    script = """
import resource, signal, sys
from releases.executor import EnvironmentLock, LockHeld
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
with EnvironmentLock(sys.argv[1], "archive/production").acquire("rollback"):
    try:
        EnvironmentLock(sys.argv[1], "archive/production").acquire("deploy")
    except LockHeld as refusal:
        print(refusal)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(bench.directory)], capture_output=True, text=True, timeout=20
    )
    assert done.stdout.startswith("A command still holds the lock on this machine"), done.stderr


def test_the_note_in_the_file_is_json(bench: Bench) -> None:
    with EnvironmentLock(bench.directory, PLACE).acquire("rollback RB-7") as lock:
        facts = json.loads(lock.path.read_text())
    assert set(facts) == {"host", "pid", "what", "since"}
