"""The thread beside a running command: reads its output, keeps its deadline, stops it, and proves that it is gone.

It depends on nobody: a page that cannot be told or a database that hangs delays neither the reading nor the deadline.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from releases.catalogue import Command
from releases.executor import processes
from releases.executor.capture import Capture
from releases.executor.masking import Masker
from releases.executor.result import DEADLINE, Result
from releases.states import CommandState

MARK = "ROLLBOOK_EXECUTION"
"""Name of the variable by which a command's descendants are found."""

KILL_WAIT = 5.0
"""Seconds that killed processes get to disappear."""
_READER_GRACE = 0.5
"""Seconds for which output is still read after the command has ended while somebody holds the pipe open."""
_LEAVING_GRACE = 0.3
"""Seconds that the last descendants get to end by themselves before they are reported."""
_LOOK = 0.05
"""Seconds between two looks at what no event announces."""
_CHUNK = 64 * 1024
_LEFT_BEHIND_LIMIT = 20


@dataclass(frozen=True, slots=True)
class _Ending:
    """How the command's own process ended, as the kernel reports it."""

    exit_code: int | None
    signal: int | None


class Keeper:
    """Watches one command from its start to its end."""

    def __init__(
        self,
        command: Command,
        process: subprocess.Popen[bytes],
        capture: Capture,
        masker: Masker,
        *,
        mark: str,
        lock_path: Path | None,
    ) -> None:
        self._command = command
        self._process = process
        self._session = process.pid  # it was started as the leader of a session of its own
        self._capture = capture
        self._masker = masker
        self._mark = f"{MARK}={mark}"
        self._lock_path = lock_path
        self._started = time.monotonic()
        self._stop_wanted = ""
        self._stop_reason = ""
        self._ending: _Ending | None = None
        self._unseen_end = False
        self._reading = True
        self._look_now = False
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector = selectors.DefaultSelector()
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"keeper of {mark}", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self, reason: str) -> None:
        """Have the command stopped. Only the first reason counts; after the end it changes nothing."""
        if not self._stop_wanted and not self.done.is_set():
            self._stop_wanted = reason
            os.eventfd_write(self._wake, 1)

    def result(self) -> Result:
        """Wait for the end, which is bounded by the deadline, and return what came of the command."""
        self._thread.join()
        self._close()
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def abandon(self) -> None:
        """Stop the command because its caller goes away, and wait, bounded, until it is gone."""
        self.stop("interrupted")
        self._thread.join(self._command.grace + KILL_WAIT + 2)
        if not self._thread.is_alive():
            self._close()

    def _close(self) -> None:
        os.close(self._wake)

    def _keep(self) -> None:
        try:
            self._result = self._watch()
        except BaseException as error:
            self._error = error
            self._signal(signal.SIGKILL)
        finally:
            self._selector.close()
            self._output.close()
            self.done.set()

    def _watch(self) -> Result:
        os.set_blocking(self._output.fileno(), False)
        self._selector.register(self._output, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        end_event = self._announce_end()
        try:
            deadline = self._started + self._command.timeout
            settled = self._pump(deadline, lambda: self._has_ended() or bool(self._stop_wanted))
            if not self._has_ended():
                self._stop_reason = self._stop_wanted if settled else DEADLINE
                self._stop_everything()
            self._pump(time.monotonic() + _READER_GRACE, lambda: not self._reading)
            return self._conclude()
        finally:
            if end_event is not None:
                os.close(end_event)

    def _pump(self, until: float, done: Callable[[], bool]) -> bool:
        """Read output until something is done or a time on the monotonic clock has come; say whether it was done."""
        look_at = 0.0
        while True:
            now = time.monotonic()
            if self._look_now or now >= look_at:
                self._look_now = False
                if done():
                    return True
                look_at = now + _LOOK
            if now >= until:
                return False
            for key, _ in self._selector.select(max(0.0, min(until, look_at) - now)):
                if key.fileobj is self._output:
                    self._read()
                else:
                    self._selector.unregister(key.fileobj)  # stays readable: announced once is enough
                    self._look_now = True

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _read(self) -> None:
        try:
            chunk = os.read(self._output.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if chunk:
            self._capture.feed(chunk)
        else:
            self._selector.unregister(self._output)
            self._reading = False
            self._look_now = True

    def _announce_end(self) -> int | None:
        """Have the end of the command wake the loop; where a container forbids that, the next look finds it."""
        try:
            descriptor = os.pidfd_open(self._process.pid)
        except OSError:
            return None
        self._selector.register(descriptor, selectors.EVENT_READ)
        return descriptor

    def _has_ended(self) -> bool:
        """Say whether the command's own process has ended, without collecting it.

        It is collected last: until then its process id, which names the session, cannot be given to another process.
        """
        if self._ending is None and not self._unseen_end:
            try:
                seen = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                self._unseen_end = True
                return True
            if seen is not None:
                exited = seen.si_code == os.CLD_EXITED
                self._ending = _Ending(seen.si_status if exited else None, None if exited else seen.si_status)
        return self._ending is not None or self._unseen_end

    def _is_gone(self) -> bool:
        return self._has_ended() and not processes.in_session(self._session)

    def _stop_everything(self) -> None:
        """End every process of the session: TERM, the grace of the command, KILL; and wait until none is left."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # a paused process gets its TERM only when it goes on
        if self._pump(time.monotonic() + self._command.grace, self._is_gone):
            return
        give_up = time.monotonic() + KILL_WAIT
        while time.monotonic() < give_up:
            self._signal(signal.SIGKILL)
            if self._pump(time.monotonic() + _LOOK, self._is_gone):
                return

    def _signal(self, number: signal.Signals) -> None:
        """Signal every group of the session: a shell with job control has several."""
        groups = {process.group for process in processes.in_session(self._session)} | {self._session}
        for group in groups:
            # It may have ended, or run as somebody else by now; the proof afterwards finds what is left.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)

    def _conclude(self) -> Result:
        left_behind: list[processes.Process] = []

        def nothing_left() -> bool:
            left_behind[:] = self._left_behind()
            return not left_behind

        self._pump(time.monotonic() + _LEAVING_GRACE, nothing_left)
        state, problem = self._state()
        if self._has_ended():
            self._process.wait()
        return Result(
            state=state,
            exit_code=self._ending.exit_code if self._ending else None,
            signal=self._ending.signal if self._ending else None,
            stop_reason=self._stop_reason,
            output=self._capture.text(final=True),
            output_bytes=self._capture.total,
            output_sha256=self._capture.sha256,
            truncated=self._capture.truncated,
            left_behind=self._sentences(left_behind),
            seconds=time.monotonic() - self._started,
            problem=problem,
        )

    def _state(self) -> tuple[CommandState, str]:
        if self._ending is None:
            if self._unseen_end:
                return CommandState.LOST, "The command ended, but something else collected its exit code."
            return CommandState.LOST, f"The command could not be ended: process {self._session} survived KILL."
        return (CommandState.EXITED if self._ending.signal is None else CommandState.KILLED), ""

    def _left_behind(self) -> list[processes.Process]:
        """Find what still runs: members of the session, and those that left it but carry the mark or the lock."""
        return [
            process
            for process in processes.living()
            if process.session == self._session
            or processes.carries_mark(process, self._mark)
            or (self._lock_path is not None and processes.holds_open(process, self._lock_path))
        ]

    def _sentences(self, left_behind: list[processes.Process]) -> tuple[str, ...]:
        sentences = [
            self._masker.text(process.sentence)
            + ("" if process.session == self._session else f" (left the command's session, is in {process.session})")
            for process in left_behind[:_LEFT_BEHIND_LIMIT]
        ]
        if len(left_behind) > _LEFT_BEHIND_LIMIT:
            sentences.append(f"and {len(left_behind) - _LEFT_BEHIND_LIMIT} more")
        return tuple(sentences)
