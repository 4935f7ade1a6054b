"""Which processes there are: the members of a session, those that carry a mark, those that hold a file open.

Everything is read from `/proc`. A process may end between two reads, so whatever cannot be read is skipped.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from releases.display import visible

_PROC = Path("/proc")
_COMMAND_LINE_LIMIT = 200
"""Characters of a command line that are shown."""
_ENVIRONMENT_LIMIT = 256 * 1024
_GONE = "ZX"
"""States of a process that has ended and only waits to be collected."""


@dataclass(frozen=True, slots=True)
class Process:
    """A living process."""

    pid: int
    group: int
    session: int

    @property
    def sentence(self) -> str:
        """Name it: process id and command line, displayable and cut."""
        return f"process {self.pid}: {command_line(self.pid)}"


def living() -> Iterator[Process]:
    """Yield every process that has not ended, except this one."""
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        process = _read(int(entry.name))
        if process is not None:
            yield process


def in_session(session: int) -> list[Process]:
    """Return the living members of a session, in whichever of its groups they are."""
    return [process for process in living() if process.session == session]


def carries_mark(process: Process, mark: str) -> bool:
    """Say whether a process was started with `mark` (`NAME=value`) in its environment."""
    try:
        with (_PROC / str(process.pid) / "environ").open("rb") as file:
            content = file.read(_ENVIRONMENT_LIMIT)
    except OSError:
        return False
    return mark.encode() in content.split(b"\x00")


def holds_open(process: Process, path: Path) -> bool:
    """Say whether a process has a file open."""
    wanted = os.path.realpath(path)
    try:
        descriptors = list((_PROC / str(process.pid) / "fd").iterdir())
    except OSError:
        return False
    return any(_target(descriptor) == wanted for descriptor in descriptors)


def holding(path: Path) -> tuple[str, ...]:
    """Return a sentence for every process but this one that has a file open."""
    return tuple(process.sentence for process in living() if holds_open(process, path))


def command_line(pid: int) -> str:
    """Return the arguments of a process, displayable and cut; a placeholder if they cannot be read."""
    try:
        with (_PROC / str(pid) / "cmdline").open("rb") as file:
            content = file.read(4 * _COMMAND_LINE_LIMIT)
    except OSError:
        return "(ended)"
    text = visible(content.rstrip(b"\x00").replace(b"\x00", b" ").decode(errors="backslashreplace")).replace("\n", " ")
    return text if len(text) <= _COMMAND_LINE_LIMIT else f"{text[:_COMMAND_LINE_LIMIT]}…"


def _read(pid: int) -> Process | None:
    try:
        content = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # "pid (name) state parent group session …", where the name may itself hold spaces and parentheses
    fields = content[content.rindex(b")") + 2 :].split()
    if fields[0].decode() in _GONE:
        return None
    return Process(pid=pid, group=int(fields[2]), session=int(fields[3]))


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())  # not stat(): that could hang on a dead network file system
    except OSError:
        return ""
