"""Walking the chain on a schedule, a little at a time, and keeping what was found for the pages that show it.

A walk from the first event to the head begins once a day; between two of them only what was added is looked at.
"""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from releases import book
from releases.book import Flaw, Reached
from releases.models import BookCheck, BookHead

EVENTS_AT_ONCE = 1000
"""Events that one round walks: the sweep has other work."""
WHOLE_EVERY = timedelta(days=1)
NEWEST_EVERY = timedelta(minutes=1)
"""How often a book to which nothing was added is noted as looked at."""


def check_some(limit: int = EVENTS_AT_ONCE) -> None:
    """Walk on a bounded number of events, and keep how far the chain holds, or its first flaw."""
    row, _ = BookCheck.objects.get_or_create(pk=1)
    now = timezone.now()
    if _whole_is_due(row, now):
        reached, begun_at = Reached(), now
    elif row.begun_at is not None and row.flaw_at is not None and row.flaw_at >= row.begun_at:
        return  # it stopped at a flaw; the next walk comes tomorrow, or with verify_audit
    else:
        reached, begun_at = Reached(row.seq, row.hash or book.GENESIS), row.begun_at or now
    came, at_head, flaw = book.walk_on(reached, limit)
    if at_head and came.seq < row.whole_events:
        what = f"{row.whole_events} events had been checked, now the book ends at {came.seq}: its tail was cut"
        at_head, flaw = False, Flaw(came.seq + 1, what)
    found: dict[str, Any] = {"seq": came.seq, "hash": came.hash, "begun_at": begun_at}
    if flaw is not None:
        found |= {"flaw_seq": flaw.seq, "flaw": flaw.what, "flaw_at": now}
    elif at_head:
        found |= {"newest_at": now}
        if row.whole_at is None or row.whole_at < begun_at:
            found |= {"whole_at": now, "whole_events": came.seq, "flaw_seq": None, "flaw": "", "flaw_at": None}
        elif came.seq == row.seq and row.newest_at is not None and now - row.newest_at < NEWEST_EVERY:
            return
    # Two sweepers walk side by side without harm: only the first of them keeps a step.
    BookCheck.objects.filter(pk=1, seq=row.seq, begun_at=row.begun_at).update(**found)


def keep_whole(flaw: Flaw | None) -> None:
    """Keep what a walk along the whole chain found that somebody had made at a terminal."""
    now = timezone.now()
    if flaw is not None:
        found: dict[str, Any] = {"flaw_seq": flaw.seq, "flaw": flaw.what, "flaw_at": now, "begun_at": now}
    else:
        head = BookHead.objects.filter(pk=1).first() or BookHead()
        found = {"seq": head.seq, "hash": head.hash, "begun_at": now, "whole_at": now, "whole_events": head.seq}
        found |= {"newest_at": now, "flaw_seq": None, "flaw": "", "flaw_at": None}
    BookCheck.objects.update_or_create(pk=1, defaults=found)


def keep_anchor(seq: int, at: datetime) -> None:
    """Keep which anchor is the newest of the file; it agrees with the book."""
    found: dict[str, Any] = {
        "anchor_seq": seq,
        "anchor_at": at,
        "anchor_looked_at": timezone.now(),
        "anchor_problem": "",
    }
    found |= {"anchor_contradicts": False}
    BookCheck.objects.update_or_create(pk=1, defaults=found)


def keep_anchor_problem(problem: str, *, contradicts: bool) -> None:
    """Keep why the book was not anchored, and whether that is because the book is another one."""
    found = {"anchor_looked_at": timezone.now(), "anchor_problem": problem, "anchor_contradicts": contradicts}
    BookCheck.objects.update_or_create(pk=1, defaults=found)


def _whole_is_due(row: BookCheck, now: datetime) -> bool:
    """Whether a walk is to begin anew: the last one has ended, well or at a flaw, and began long ago."""
    if row.begun_at is None:
        return True
    ended = any(moment is not None and moment >= row.begun_at for moment in (row.whole_at, row.flaw_at))
    return ended and abs(now - row.begun_at) >= WHOLE_EVERY
