"""CPU time that a server's processes spend, to the nanosecond, as Linux counts it.

Other work on the machine changes it little, where it changes every time on the wall.
"""

from collections.abc import Sequence
from pathlib import Path

import psycopg

PROC = Path("/proc")


class Watched:
    """The children of some processes: workers of a web server, sessions of a database."""

    def __init__(self, parents: Sequence[int]) -> None:
        self._parents = frozenset(parents)
        self._spent: dict[Path, int] = {}
        """By child that was ever found; what one had spent when it ended stays."""

    def find(self) -> None:
        """Look which children there are now."""
        folders = [folder for folder in PROC.iterdir() if folder.name.isdigit()]
        self._spent |= {folder: _spent(folder, 0) for folder in folders if _parent_of(folder) in self._parents}

    def milliseconds(self) -> float:
        """Return what those that were found have spent until now."""
        self._spent = {folder: _spent(folder, before) for folder, before in self._spent.items()}
        return sum(self._spent.values()) / 1e6


def postmaster_of(database: str) -> int:
    """Return the process whose children serve a PostgreSQL database on this machine."""
    with psycopg.connect(database) as wire:
        row = wire.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None, "it selects one row"
        return _parent_of(PROC / str(row[0]))


def _parent_of(folder: Path) -> int:
    try:
        # The name of a program, in parentheses, may hold anything.
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has just ended


def _spent(folder: Path, before: int) -> int:
    """Return the nanoseconds of all threads of a process; what it had spent before, once it has ended."""
    try:
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in (folder / "task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return before
