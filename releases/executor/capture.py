"""A command's output as it is kept: bounded while it is read, masked and displayable whenever it is looked at.

However much a command writes, only its beginning and its end are held in memory; every byte is counted and goes
into the digest.
"""

import hashlib
import threading

from releases.display import visible
from releases.executor.masking import Masker

LIMIT = 64 * 1024
"""Bytes that are kept by default: a quarter from the beginning, the rest from the end."""


class Capture:
    """Takes raw bytes from one thread and gives text to others."""

    def __init__(self, masker: Masker, limit: int = LIMIT) -> None:
        self._masker = masker
        self._limit = limit
        self._head_limit = limit // 4
        self._tail_limit = limit - self._head_limit
        self._start = bytearray()
        self._end = bytearray()
        self._total = 0
        self._digest = hashlib.sha256()
        self._guard = threading.Lock()

    @property
    def total(self) -> int:
        """Bytes written so far."""
        return self._total

    @property
    def truncated(self) -> bool:
        return self._total > self._limit

    @property
    def sha256(self) -> str:
        """Digest of all raw bytes so far, hexadecimal."""
        return self._digest.copy().hexdigest()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        keep = self._limit + self._masker.context
        with self._guard:
            self._total += len(chunk)
            self._digest.update(chunk)
            room = self._head_limit + self._masker.context - len(self._start)
            if room > 0:
                self._start += chunk[:room]
            self._end += chunk[-keep:]
            if len(self._end) > 2 * keep:  # not at every chunk: moving the rest costs as much as it is long
                del self._end[:-keep]

    def text(self, *, final: bool) -> str:
        """Return what is kept as text that is safe to store and to show; at most ten characters for each byte kept.

        With `final=False` more will follow: bytes at the end that may be the start of a secret are not shown yet.
        """
        with self._guard:
            start, end, total = bytes(self._start), bytes(self._end), self._total
        if total <= self._limit:
            return displayable(self._masker.mask(end, final=final))
        end = end[-(self._tail_limit + self._masker.context) :]
        head = self._masker.mask(start, stop=_character_start(start, self._head_limit))
        tail = self._masker.mask(end, start=_character_start(end, len(end) - self._tail_limit), final=final)
        marker = f"[truncated at {self._limit} bytes, command continued: {total - self._limit} bytes are not kept]"
        return f"{displayable(head)}\n{marker}\n{displayable(tail)}"


def displayable(raw: bytes) -> str:
    """Return any bytes as text in which nothing acts on a terminal or a page, or is refused by a database.

    Broken UTF-8 becomes `\\xff`, control characters and marks of direction become `\\u001b`; line ends stay.
    """
    return visible(raw.decode(errors="backslashreplace").replace("\r\n", "\n"))


def _character_start(data: bytes, index: int) -> int:
    """Return the start of the UTF-8 character that an index is in the middle of, or the index itself."""
    for start in range(index, max(index - 4, -1), -1):
        if start >= len(data) or data[start] & 0xC0 != 0x80:
            return start
    return index
