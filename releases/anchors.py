"""Anchors: heads of the book kept in a file outside the database, where whoever rewrites the book cannot reach.

One line per anchor, `<seq> <hash> <time in UTC>`, only ever appended. Without one a cut tail or a full rewrite cannot
be found: a chain that was computed anew holds as well as the first.
"""

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.utils import timezone

from releases import book
from releases.models import Event

LINE = re.compile(r"([1-9][0-9]{0,17}) ([0-9a-f]{64}) ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\n")
LINE_LIMIT = 200
"""Characters of a line that are read; an anchor has at most 105."""
FILE_LIMIT = 64 * 1024 * 1024
"""Bytes of the longest file that is read; hourly anchors fill it in 70 years."""
TIME = "%Y-%m-%dT%H:%M:%SZ"


class NotAnchored(Exception):
    """Why no anchor was written, or why those that are there could not be read, as a sentence."""


class Contradicted(NotAnchored):
    """The book is not the one that was anchored."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head of the book as it was at a time."""

    seq: int
    hash: str
    at: datetime

    @property
    def line(self) -> str:
        return f"{self.seq} {self.hash} {self.at.astimezone(UTC).strftime(TIME)}\n"


def append(path: Path) -> Anchor | None:
    """Anchor the head of the book; return the anchor, or None where there is nothing new since the last one.

    Raises NotAnchored where the file cannot be written, or contradicts the book: an anchor that agrees with a
    rewritten book would cover up for it.
    """
    with _locked(path) as descriptor:
        last = _last(descriptor, path)
        newest, head = book.ends()
        if last is not None and (flaw := contradiction(last, newest)):
            raise Contradicted(f"Nothing was anchored: {flaw}")
        if Event.objects.filter(seq=newest).values_list("hash", flat=True).first() != (head.hash or None):
            raise NotAnchored("Nothing was anchored: the head of the book is not its last event. Run verify_audit.")
        if newest == (last.seq if last else 0):
            return None
        anchor = Anchor(head.seq, head.hash, timezone.now())
        _write(descriptor, anchor.line)
    return anchor


def read(path: Path) -> Iterator[Anchor]:
    """Yield the anchors of a file in order. Raises NotAnchored at a line that is none, or without any."""
    try:
        with path.open(encoding="ascii", errors="replace", newline="\n") as file:
            details = os.fstat(file.fileno())
            if not stat.S_ISREG(details.st_mode) or details.st_size > FILE_LIMIT:
                raise NotAnchored(f"{path} is no file of anchors: no plain file, or over {FILE_LIMIT:,} bytes.")
            number = 0
            while line := file.readline(LINE_LIMIT):
                number += 1
                yield _parsed(line, f"Line {number} of {path}")
    except OSError as error:
        raise NotAnchored(f"The anchors could not be read: {error}.") from None
    if not number:
        raise NotAnchored(f"{path} holds no anchor, so nothing can be compared with it.")


def newest_of(path: Path) -> Anchor | None:
    """Return the last anchor of a file, None where it is empty. Raises NotAnchored."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise NotAnchored(f"The anchors could not be read: {error}.") from None
    try:
        return _last(descriptor, path)
    finally:
        os.close(descriptor)


def contradiction(anchor: Anchor, newest: int) -> str:
    """Say how the book contradicts an anchor, or return an empty text. Does not walk the chain."""
    found = Event.objects.filter(seq=anchor.seq).values_list("hash", flat=True).first()
    if found == anchor.hash:
        return ""
    when = anchor.at.strftime(TIME)
    if found is None:
        return f"the book ends at event {newest}, but event {anchor.seq} was anchored on {when}. Its tail was cut."
    return (
        f"event {anchor.seq} is not the one that was anchored on {when}. "
        "The book was rewritten, or the file belongs to another one."
    )


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open the file for appending, for one writer at a time. Raises NotAnchored."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise NotAnchored(f"Nothing was anchored: {error}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    except BlockingIOError:
        raise NotAnchored(f"Nothing was anchored: another process is writing {path}.") from None
    except OSError as error:
        raise NotAnchored(f"Nothing was anchored: {error}.") from None
    finally:
        os.close(descriptor)


def _last(descriptor: int, path: Path) -> Anchor | None:
    details = os.fstat(descriptor)
    if not stat.S_ISREG(details.st_mode):
        raise NotAnchored(f"{path} is no plain file.")
    if not details.st_size:
        return None
    end = os.pread(descriptor, LINE_LIMIT, max(0, details.st_size - LINE_LIMIT)).decode("ascii", "replace")
    return _parsed(end[end.rfind("\n", 0, -1) + 1 :], f"The last line of {path}")


def _parsed(line: str, where: str) -> Anchor:
    found = LINE.fullmatch(line)
    try:
        at = datetime.strptime(found[3], TIME).replace(tzinfo=UTC) if found else None
    except ValueError:
        at = None
    if found is None or at is None:
        raise NotAnchored(f"{where} is no anchor. Expected: the number of an event, its hash and a time in UTC.")
    return Anchor(int(found[1]), found[2], at)


def _write(descriptor: int, line: str) -> None:
    """Append a line so that it outlives a power cut."""
    written = os.write(descriptor, line.encode())
    os.fsync(descriptor)
    if written != len(line):
        raise NotAnchored(
            "The disk is full: half an anchor was written. Make room, and take the last line out by hand."
        )
