"""Readers' notes: small text files that they upload, the newest few kept."""

import hashlib
import os
from pathlib import Path

LARGEST = 1024 * 1024
"""Bytes of one note."""
KEPT = 20
"""Notes kept; the oldest make room."""


class Notes:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, text: bytes) -> str:
        """Store a note under its own digest, never under a name that somebody sent, and return that digest."""
        digest = hashlib.sha256(text).hexdigest()[:16]
        unfinished = self._folder / f".{digest}.{os.getpid()}"
        unfinished.write_bytes(text)
        unfinished.replace(self._folder / f"{digest}.txt")
        for old in sorted(self._folder.glob("*.txt"), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
            old.unlink(missing_ok=True)
        return digest
