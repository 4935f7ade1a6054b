"""Run one command from its start to its end."""

import contextlib
import fcntl
import logging
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex

from releases.catalogue import Command, problems
from releases.catalogue.readiness import find_program
from releases.executor.capture import LIMIT, Capture
from releases.executor.keeper import MARK, Keeper
from releases.executor.locking import EnvironmentLock
from releases.executor.masking import Masker, secrets_in
from releases.executor.result import Result
from releases.states import CommandState

_ASK_SECONDS = 0.2
"""Pause between two questions whether to stop."""
_TELL_SECONDS = 0.5
"""Shortest time between two reports of output."""
_PIPE_BYTES = 1024 * 1024
_EXECUTION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")

logger = logging.getLogger(__name__)


def run(
    command: Command,
    *,
    lock: EnvironmentLock | None,
    execution_id: str,
    secrets: Sequence[str],
    on_output: Callable[[str], None],
    should_stop: Callable[[], str],
    passed_environment: Mapping[str, str],
    output_limit: int = LIMIT,
) -> Result:
    """Run a command and return what came of it; a command that cannot be started is a result too.

    `lock` is one that the caller has taken, or None after a person's explicit override. `execution_id` becomes part of
    the mark by which the command's descendants are found: ROLLBOOK_EXECUTION in their environment. Of
    `passed_environment` only the names that the command lists are passed on. `on_output` gets the output so far,
    bounded, masked and displayable, at most every half second. `should_stop` is asked about every 0.2 s; a text that
    is not empty stops the command and becomes its stop reason. What the two raise is logged and changes nothing: a
    page that cannot be told does not end a rollback.

    An exception that arrives from outside, such as KeyboardInterrupt, stops the command and is raised again.
    """
    if _EXECUTION_ID.fullmatch(execution_id) is None:
        raise ValueError(f"not an execution id: {execution_id!r}")
    if lock is not None:
        lock.fileno()  # raises where it was not taken
    if reason := _ask(should_stop):
        return Result(state=CommandState.NOT_STARTED, stop_reason=reason)
    environment = {name: passed_environment[name] for name in command.environment if name in passed_environment}
    masker = Masker([*secrets, *secrets_in(environment)])
    if found := problems(command, passed_environment):
        return _not_started(masker, " ".join(sentence for _, sentence in found))
    # Two Rollbooks on one machine may both have an E-1: the mark of a run is its own.
    mark = f"{execution_id}.{token_hex(8)}"
    try:
        process = _start(command, environment | {MARK: mark}, lock, passed_environment)
    except (OSError, ValueError) as error:
        return _not_started(masker, f"The program {command.argv[0]} could not be started: {error}.")
    capture = Capture(masker, output_limit)
    keeper = Keeper(
        command,
        process,
        capture,
        masker,
        mark=mark,
        lock_path=lock.path if lock is not None else None,
    )
    keeper.start()
    try:
        if lock is not None:
            lock.note_command(process.pid)
        _report(keeper, capture, on_output, should_stop)
    except BaseException:
        keeper.abandon()
        raise
    return keeper.result()


def _start(
    command: Command,
    environment: Mapping[str, str],
    lock: EnvironmentLock | None,
    passed_environment: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    read_end, write_end = os.pipe()
    try:
        with contextlib.suppress(OSError):  # where that is not allowed the default of 64 KiB serves
            fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        # The command inherits the reading end too: when this worker is killed, its next line of output goes into the
        # pipe's buffer instead of ending it halfway with SIGPIPE.
        inherited = [read_end] if lock is None else [read_end, lock.fileno()]
        process = subprocess.Popen(
            command.argv,
            executable=find_program(command, passed_environment),
            cwd=command.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=write_end,
            stderr=subprocess.STDOUT,
            pass_fds=inherited,
            start_new_session=True,
        )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    process.stdout = os.fdopen(read_end, "rb", buffering=0)
    return process


def _report(keeper: Keeper, capture: Capture, on_output: Callable[[str], None], should_stop: Callable[[], str]) -> None:
    """Carry questions and news between the command and its caller until it has ended."""
    asking, told_bytes, tell_at = True, 0, 0.0
    while not keeper.done.wait(_ASK_SECONDS):
        if asking and (reason := _ask(should_stop)):
            keeper.stop(reason)
            asking = False
        if time.monotonic() >= tell_at and capture.total != told_bytes:
            told_bytes = capture.total
            _tell(on_output, capture.text(final=False))
            tell_at = time.monotonic() + _TELL_SECONDS


def _ask(should_stop: Callable[[], str]) -> str:
    try:
        return should_stop()
    except Exception:
        logger.exception("asking whether to stop a command failed; it goes on")
        return ""


def _tell(on_output: Callable[[str], None], text: str) -> None:
    try:
        on_output(text)
    except Exception:
        logger.exception("telling a command's output failed; it goes on")


def _not_started(masker: Masker, problem: str) -> Result:
    return Result(state=CommandState.NOT_STARTED, problem=masker.text(problem))
