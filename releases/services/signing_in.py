"""Slowing down whoever guesses passwords, without locking anybody out.

Each attempt is counted before its password is looked at, and taken back when it was right: guesses that come together
are counted like those that come one after the other. After a few failures each next one has to wait longer, at most a
minute. A browser that signed in as this person before is counted by itself: whoever attacks the name from elsewhere
does not make its owner wait.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from releases.actor import Actor
from releases.models import SignInTries, User
from releases.services.denials import note_denial

log = logging.getLogger(__name__)

FREE = {"account": 5, "device": 5, "address": 30}
"""Failures before the first wait; many people may share an address."""
LONGEST = timedelta(seconds=60)
FORGET = timedelta(minutes=15)
"""Without another failure for so long, the count begins anew."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sign in. Where `wait` is set, the password must not be looked at."""

    keys: Sequence[tuple[str, str]]
    wait: timedelta = timedelta(0)

    @property
    def seconds(self) -> int:
        return max(1, -int(-self.wait.total_seconds() // 1))


def count_attempt(username: str, *, address: str, device: str = "", now: datetime | None = None) -> Attempt:
    """Count an attempt; `device` names a browser that has signed in as this person before, where it is one."""
    now = now or timezone.now()
    of_person = ("device", device) if device else ("account", username.casefold())
    keys = (of_person,) if device else (("address", address), of_person)
    for number, key in enumerate(keys):
        if wait := _claim(*key, now):
            _take_back(keys[:number])
            _note(username, address)
            return Attempt(keys, wait)
    return Attempt(keys)


def succeeded(attempt: Attempt) -> None:
    """Take back what `count_attempt` counted: the password was right."""
    _take_back([key for key in attempt.keys if key[0] == "address"])
    SignInTries.objects.filter(key__in=[_digest(*key) for key in attempt.keys if key[0] != "address"]).delete()


def failed(attempt: Attempt, *, address: str) -> None:
    """Leave the attempt counted, and a line in the log; the name stays out of it, since it may be a password."""
    log.warning("sign-in failed (web, %s)", address)


def forget_old() -> None:
    """Remove the counts of whoever has not failed lately."""
    SignInTries.objects.filter(last_at__lt=timezone.now() - FORGET).delete()


def _claim(kind: str, what: str, now: datetime) -> timedelta:
    """Count one attempt, or return how long to wait before the next one counts. Each count is a compare-and-set."""
    rows = SignInTries.objects.filter(key=_digest(kind, what))
    rows.filter(last_at__lt=now - FORGET).update(count=0)
    SignInTries.objects.bulk_create([SignInTries(key=_digest(kind, what), last_at=now)], ignore_conflicts=True)
    if rows.filter(count__lt=FREE[kind]).update(count=F("count") + 1, last_at=now):
        return timedelta(0)
    row = rows.first()
    if row is None:  # somebody signed in rightly at this very moment
        return timedelta(0)
    due = row.last_at + _pause(row.count - FREE[kind])
    if due <= now and rows.filter(count=row.count, last_at=row.last_at).update(count=F("count") + 1, last_at=now):
        return timedelta(0)
    return max(due - now, timedelta(seconds=1))


def _pause(beyond: int) -> timedelta:
    return min(LONGEST, timedelta(seconds=2 ** min(beyond + 1, 16)))


def _take_back(keys: Sequence[tuple[str, str]]) -> None:
    for key in keys:
        SignInTries.objects.filter(key=_digest(*key), count__gt=0).update(count=F("count") - 1)


def _note(username: str, address: str) -> None:
    """Write down that an attempt had to wait: in the log, and for an account that there is in the book."""
    user = User.objects.filter(username=username).first()
    actor = Actor(
        name=f"somebody as {user.username[:80]}" if user else "somebody", via="web", user=user, origin=address
    )
    note_denial(actor, "sign_in", "Too many failed attempts to sign in.")


def _digest(kind: str, what: str) -> str:
    return hashlib.sha256(f"{kind}:{what}".encode("utf-8", "replace")).hexdigest()
