"""Whether the book holds, as far as the last walk along its chain, its triggers and its anchors say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from releases import triggers
from releases.models import BookCheck

STALE = timedelta(hours=36)
"""A walk that ended longer ago than this says little: one is made each day."""


@dataclass(frozen=True, slots=True)
class BookState:
    """What a page says of the chain."""

    word: str
    """`intact`, `broken`, `not checked` or `not checked lately`."""
    check: BookCheck
    added: int
    """Events that were looked at since the last whole walk."""
    triggers: Sequence[str]
    """Names of those that are missing."""


def book_state(now: datetime | None = None) -> BookState:
    """Return what is known of the chain. Walks nothing."""
    now = now or timezone.now()
    check = BookCheck.objects.filter(pk=1).first() or BookCheck()
    missing = triggers.missing()
    added = max(0, check.seq - check.whole_events) if check.newest_at and check.whole_at else 0
    return BookState(_word(check, missing, now), check, added, missing)


def _word(check: BookCheck, missing: Sequence[str], now: datetime) -> str:
    if check.flaw_seq is not None or missing or check.anchor_contradicts:
        return "broken"
    if check.whole_at is None:
        return "not checked"
    return "not checked lately" if now - check.whole_at > STALE else "intact"
