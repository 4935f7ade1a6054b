"""The executor starts programs, not shells, and says truthfully what became of them."""

import signal
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from releases.executor import Result, run
from releases.states import CommandState
from tests.executor.bench import Bench, is_alive, wait_until

pytestmark = pytest.mark.once


def test_a_command_that_succeeds_exits_with_zero(bench: Bench) -> None:
    """Its output and the digest of it are kept."""
    result = bench.run("/bin/echo", "hello")
    assert (result.state, result.exit_code, result.signal) == (CommandState.EXITED, 0, None)
    assert (result.output, result.output_bytes, result.truncated) == ("hello\n", 6, False)
    assert result.output_sha256 == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert (result.stop_reason, result.left_behind, result.problem) == ("", (), "")


def test_a_command_that_fails_keeps_its_exit_code(bench: Bench) -> None:
    result = bench.shell("echo no >&2; exit 3")
    assert (result.state, result.exit_code, result.output) == (CommandState.EXITED, 3, "no\n")


def test_a_command_that_a_signal_ended_was_killed(bench: Bench) -> None:
    result = bench.shell("kill -9 $$")
    assert (result.state, result.exit_code, result.signal) == (CommandState.KILLED, None, signal.SIGKILL)
    assert result.stop_reason == ""


@pytest.mark.parametrize("argument", ["$(touch gone)", "`touch gone`", "; touch gone", "-oProxyCommand=x", "a b", "*"])
def test_an_argument_is_passed_on_as_it_is(bench: Bench, argument: str) -> None:
    """C20: nothing expands it, whatever it looks like."""
    result = bench.run(sys.executable, "-c", "import sys; print(ascii(sys.argv[1:]))", argument)
    assert result.output == f"{[argument]!a}\n"
    assert not (bench.directory / "gone").exists()


def test_only_the_listed_variables_are_passed_on(bench: Bench) -> None:
    command = bench.command("/usr/bin/env", environment=["HOME", "MISSING"])
    result = run(
        command,
        lock=None,
        execution_id="E-7",
        secrets=(),
        on_output=bench.told.append,
        should_stop=lambda: "",
        passed_environment={"HOME": "/home/ada", "OTHER": "x"},
    )
    home, mark = sorted(result.output.split())
    assert home == "HOME=/home/ada"
    assert mark.startswith("ROLLBOOK_EXECUTION=E-7.")


def test_a_command_that_reads_its_input_finds_none(bench: Bench) -> None:
    """B39: a question for a password fails at once instead of waiting for an answer."""
    result = bench.shell("read answer || exit 4", timeout=5)
    assert (result.exit_code, result.stop_reason) == (4, "")


def test_a_command_that_asks_a_terminal_for_a_password_finds_none(bench: Bench) -> None:
    """B39: as sudo and ssh ask, past the standard input: there is no terminal in its session."""
    result = bench.python("import os; os.open('/dev/tty', os.O_RDWR)", timeout=5)
    assert (result.exit_code, result.stop_reason) == (1, "")
    assert "/dev/tty" in result.output


def test_a_command_leads_a_session_of_its_own(bench: Bench) -> None:
    result = bench.python("import os; print(os.getsid(0) == os.getpgid(0) == os.getpid())")
    assert result.output == "True\n"


def test_a_relative_program_is_taken_from_the_working_directory(bench: Bench) -> None:
    program = bench.directory / "bin" / "deploy"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\npwd\n")
    program.chmod(0o755)
    assert bench.run("bin/deploy").output == f"{bench.directory}\n"


def test_a_bare_program_is_taken_from_the_path_that_is_passed_on(bench: Bench) -> None:
    program = bench.directory / "deploy-it"
    program.write_text("#!/bin/sh\necho deployed\n")
    program.chmod(0o755)
    assert bench.run("deploy-it", passed={"PATH": str(bench.directory)}).output == "deployed\n"
    assert bench.run("deploy-it").state is CommandState.NOT_STARTED


def test_a_missing_program_is_a_sentence_and_nothing_was_started(bench: Bench) -> None:
    """B40."""
    result = bench.run("bin/deploy")
    assert result.state is CommandState.NOT_STARTED
    assert result.problem == f"The program {bench.directory}/bin/deploy is not there."
    assert (result.exit_code, result.output_sha256) == (None, "")


def test_a_program_that_the_kernel_refuses_is_a_sentence_too(bench: Bench) -> None:
    """B40: what looking could not tell, starting does."""
    program = bench.directory / "deploy"
    program.write_text("no first line that names an interpreter\n")
    program.chmod(0o755)
    result = bench.run("./deploy")
    assert result.state is CommandState.NOT_STARTED
    assert "could not be started" in result.problem
    assert "Exec format error" in result.problem


def test_an_argument_list_that_is_too_long_is_a_sentence(bench: Bench) -> None:
    result = bench.run("/bin/echo", "x" * 3_000_000)
    assert (result.state, "Argument list too long" in result.problem) == (CommandState.NOT_STARTED, True)


def test_a_stop_wanted_before_the_start_starts_nothing(bench: Bench) -> None:
    result = bench.shell("touch started", should_stop=lambda: "stopped by ana")
    assert (result.state, result.stop_reason) == (CommandState.NOT_STARTED, "stopped by ana")
    assert not (bench.directory / "started").exists()


def test_output_is_told_while_the_command_runs(bench: Bench) -> None:
    go_on = bench.directory / "go-on"

    def on_output(text: str) -> None:
        bench.told.append(text)
        go_on.touch()

    result = bench.shell("echo first; until [ -e go-on ]; do sleep 0.02; done; echo last", on_output=on_output)
    assert bench.told[0] == "first\n"
    assert result.output == "first\nlast\n"


def test_output_is_told_at_most_every_half_second(bench: Bench) -> None:
    times: list[float] = []
    bench.shell(
        "for i in $(seq 60); do echo $i; sleep 0.02; done", on_output=lambda text: times.append(time.monotonic())
    )
    assert len(times) >= 2
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.5


def test_a_page_that_cannot_be_told_does_not_end_the_command(bench: Bench) -> None:
    asked = threading.Event()

    def fail(text: str) -> None:
        raise ConnectionError("the database is away")

    def fail_too() -> str:
        if asked.is_set():
            (bench.directory / "asked-again").touch()
            raise ConnectionError("the database is away")
        asked.set()
        return ""

    script = "echo x; until [ -e asked-again ]; do sleep 0.02; done; echo end"
    result = bench.shell(script, on_output=fail, should_stop=fail_too)
    assert (result.exit_code, result.output) == (0, "x\nend\n")


def test_a_page_that_hangs_delays_neither_the_command_nor_its_deadline(bench: Bench) -> None:
    """The deadline is kept beside the telling, not between two tellings."""
    ended = threading.Event()
    results: list[Result] = []
    script = "echo $$ > command.pid; echo x; exec sleep 60"

    def work() -> None:
        results.append(bench.shell(script, timeout=1, on_output=lambda text: ended.wait(30) and None))

    worker = threading.Thread(target=work)
    worker.start()
    pid = bench.pid_in("command.pid")
    wait_until(lambda: not is_alive(pid))
    assert worker.is_alive()
    ended.set()
    worker.join(10)
    assert results[0].stop_reason == "deadline"


def test_an_exception_from_outside_stops_the_command(bench: Bench) -> None:
    """Ctrl-C in `manage.py rollback` leaves no command behind."""

    def interrupt() -> str:
        if (bench.directory / "command.pid").exists():
            raise KeyboardInterrupt
        return ""

    with pytest.raises(KeyboardInterrupt):
        bench.shell("echo $$ > command.pid; exec sleep 60", should_stop=interrupt)
    assert not is_alive(bench.pid_in("command.pid"))


def test_no_descriptor_is_left_open(bench: Bench) -> None:
    bench.run("/bin/true")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        bench.run("/bin/true")
    bench.run("bin/missing")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_end_of_a_command_is_noticed_at_once(bench: Bench) -> None:
    """It is announced, not found by looking every 50 ms; the best of several, since the machine may be busy."""
    assert min(bench.shell("exec >&- 2>&-; sleep 0.06").seconds for _ in range(8)) < 0.09


def test_an_exit_code_that_somebody_else_collected_is_not_taken_for_success(bench: Bench) -> None:
    handler = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        result = bench.shell("exit 5")
    finally:
        signal.signal(signal.SIGCHLD, handler)
    assert (result.state, result.exit_code) == (CommandState.LOST, None)
    assert "collected its exit code" in result.problem


def test_an_execution_id_that_could_not_be_a_mark_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="not an execution id"):
        bench.run("/bin/true", execution_id="E 1\0")


def test_a_command_can_be_run_from_a_thread_with_other_commands_beside_it(bench: Bench) -> None:
    results: dict[int, Result] = {}

    def work(number: int) -> None:
        results[number] = bench.shell(f"exit {number}", execution_id=f"E-{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {number: result.exit_code for number, result in results.items()} == {number: number for number in range(6)}
