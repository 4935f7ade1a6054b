"""The request log: one JSON line per request, in one file that all instances of an environment append to.

Nothing a request carries as proof of identity gets in: no cookies, no Authorization, no bodies, and of the query only
values whose names do not speak of secrets.
"""

import fcntl
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

LARGEST = 5 * 1024 * 1024
"""Bytes after which the file is set aside as `requests.log.1`."""
SECRET = re.compile(r"pass|pwd|secret|token|key|auth|session|signature|code", re.IGNORECASE)
LONGEST = 300
"""Characters kept of any text that a client chose."""


class RequestLog:
    """Appends whole lines; a line is one `write` to a file opened for appending, so two processes never mix theirs."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = self._open()

    def write(self, **values: object) -> None:
        """Append one line; a full disk loses the line, never the answer."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **values}) + "\n"
        try:
            self._keep_small()
            os.write(self._descriptor, line.encode())
        except OSError:
            pass

    def _open(self) -> int:
        return os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def _keep_small(self) -> None:
        """Set a full file aside, and follow when another instance did."""
        mine = os.fstat(self._descriptor)
        if mine.st_size >= LARGEST:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if self._file.exists() and self._file.stat().st_ino == mine.st_ino:
                self._file.rename(self._file.with_name(self._file.name + ".1"))
        if not self._file.exists() or self._file.stat().st_ino != mine.st_ino:
            os.close(self._descriptor)
            self._descriptor = self._open()


def shown_target(path: str, query: str) -> str:
    """Return path and query as the log may show them."""
    given = parse_qsl(query, keep_blank_values=True)
    pairs = [(name, "***" if SECRET.search(name) else value) for name, value in given]
    return (path + ("?" + urlencode(pairs, safe="*") if pairs else ""))[:LONGEST]
