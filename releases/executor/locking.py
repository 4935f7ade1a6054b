"""One command at a time per environment, kept by the kernel.

The lock is an `flock` on a file. The command inherits the descriptor, so the lock outlives a worker that was killed,
and is free again only when the last descendant of the command has ended, even one that left the session.
"""

import contextlib
import fcntl
import json
import os
import re
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from releases.display import visible
from releases.executor.processes import holding

_ATTEMPTS = 6
_PAUSE = 0.05
"""Seconds between attempts: someone who only looks holds a shared lock for microseconds."""
_CONTENT_LIMIT = 4096
_WHAT_LIMIT = 200
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)*")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, as they wrote it down, and the processes that keep it open on this machine."""

    host: str
    pid: int
    """Of the command once it runs, before that of the worker; 0 where it is not known."""
    what: str
    since: str
    """ISO 8601 in UTC; empty where it is not known."""
    processes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Say who holds it, for the person who is refused."""
        who = "; ".join(self.processes[:3]) or f"process {self.pid}"
        return f"{self.what or 'A command'} still holds the lock on {self.host}, since {self.since}: {who}."


class LockHeld(Exception):
    """Another command is running in this environment, or one of its descendants still is."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(holder.sentence)
        self.holder = holder

    @property
    def host(self) -> str:
        return self.holder.host

    @property
    def pid(self) -> int:
        return self.holder.pid

    @property
    def what(self) -> str:
        return self.holder.what


class EnvironmentLock:
    """The lock of one environment on this machine. The file stays; only who has it open counts.

    Use: `with EnvironmentLock(directory, "archive/production").acquire("rollback RB-7") as lock: run(..., lock=lock)`.
    """

    def __init__(self, directory: Path | str, name: str) -> None:
        """Name the lock; nothing is opened yet. `directory` is on a local disk and made if need be."""
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"not the name of an environment: {name!r}")
        self.path = Path(directory) / f"{name.replace('/', '.')}.lock"
        self._descriptor: int | None = None
        self._facts: dict[str, Any] = {}

    def acquire(self, what: str) -> Self:
        """Take the lock, or raise LockHeld with who has it. `what` says to others what runs under it."""
        if self._descriptor is not None:
            raise ValueError("this lock is already taken by this object")
        descriptor = self._open()
        for attempt in range(_ATTEMPTS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt + 1 == _ATTEMPTS:
                    os.close(descriptor)
                    raise LockHeld(self._read_holder()) from None
                time.sleep(_PAUSE)
            except BaseException:
                os.close(descriptor)
                raise
        self._descriptor = descriptor
        self._facts = {"host": socket.gethostname(), "pid": os.getpid(), "what": what[:_WHAT_LIMIT], "since": _now()}
        self._write()
        return self

    def release(self) -> None:
        """Let go. A descendant of a command that ran under the lock goes on holding it until it ends."""
        if self._descriptor is not None:
            # Closing, not LOCK_UN: unlocking would take the lock away from every descendant too.
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> Holder | None:
        """Say who holds the lock, without taking it; None if nobody does."""
        if self._descriptor is not None:
            return self._read_holder()
        if not self.path.exists():
            return None
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._read_holder()
        finally:
            os.close(descriptor)
        return None

    def fileno(self) -> int:
        """Return the descriptor that a command inherits; raise ValueError unless the lock is taken."""
        if self._descriptor is None:
            raise ValueError("the lock is not taken")
        return self._descriptor

    def note_command(self, pid: int) -> None:
        """Write down the process id of the command, which is what others have to look for once this worker is gone."""
        self._facts["pid"] = pid
        self._write()

    def __enter__(self) -> Self:
        self.fileno()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _open(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def _write(self) -> None:
        content = json.dumps(self._facts).encode()
        with contextlib.suppress(OSError):  # a full disk: the lock does not depend on what the file says
            os.ftruncate(self.fileno(), 0)
            os.pwrite(self.fileno(), content, 0)

    def _read_holder(self) -> Holder:
        facts: Any = None
        # It may just be being written, or never have been: on a full disk.
        with contextlib.suppress(OSError, ValueError), self.path.open("rb") as file:
            facts = json.loads(file.read(_CONTENT_LIMIT))
        if not isinstance(facts, dict):
            facts = {}
        pid = facts.get("pid")
        return Holder(
            host=visible(str(facts.get("host", "this machine"))),
            pid=pid if isinstance(pid, int) else 0,
            what=visible(str(facts.get("what", ""))),
            since=visible(str(facts.get("since", "an unknown time"))),
            processes=holding(self.path),
        )


def _now() -> str:
    """Return the time as a person reads it, with its zone: the sentence about the holder is kept and shown as it is."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
