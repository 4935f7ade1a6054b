"""The sessions of people: on which device somebody is signed in, and ending that."""

from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.display import visible
from releases.models import User, UserSession
from releases.models.sessions import USER_AGENT_LIMIT
from releases.services.retrying import retried

SEEN_EVERY = timedelta(minutes=5)
"""`last_seen_at` is written at most this often."""
FORGOTTEN_AT_ONCE = 200
"""Expired sessions that one sweep removes."""
NAMED = 50
"""Ended sessions that the book names; a program that signs in again and again has thousands."""


def note_sign_in(user: User, session_key: str, *, user_agent: str, address: str) -> None:
    """Keep that somebody signed in. It changes nothing that others decided, so the book does not hold it."""
    now = timezone.now()
    UserSession.objects.create(
        user=user,
        session_id=session_key,
        signed_in_at=now,
        last_seen_at=now,
        user_agent=visible(user_agent)[:USER_AGENT_LIMIT],
        address=address,
    )


def note_seen(user: User, session_key: str, *, user_agent: str, address: str, now: datetime) -> None:
    """Keep when a session was last used, and from where; one from before sessions were kept is listed from now on."""
    known = UserSession.objects.filter(session_id=session_key)
    if known.filter(last_seen_at__lte=now - SEEN_EVERY).update(last_seen_at=now, address=address) or known.exists():
        return
    # Where the session ended at this very moment there is nothing to keep, and it must not be there again.
    if not Session.objects.filter(pk=session_key).exists():
        return
    row = UserSession(user=user, session_id=session_key, last_seen_at=now, address=address)
    row.user_agent = visible(user_agent)[:USER_AGENT_LIMIT]
    UserSession.objects.bulk_create([row], ignore_conflicts=True)


@retried
def end_sessions(sessions: QuerySet[UserSession], *, actor: Actor) -> int:
    """Sign somebody out on other devices, from the next request on; return how many of them were still signed in."""
    with transaction.atomic():
        # Locked: of two who end the same ones at once, one names them and the other finds none.
        found = sessions.select_related("user").select_for_update(of=("self",))
        named = list(found.order_by("-last_seen_at", "-pk")[:NAMED])
        ended = _end(sessions)
        if ended and named:
            devices = [f"{session.tag}: {session.user_agent or 'not told'}" for session in named]
            if (more := ended - len(named)) > 0:
                devices.append(f"and {more} more")
            book.record(Tag.SESSIONS_ENDED, actor, about=named[0].user.tag, sessions=devices)
    return ended


def end_all_sessions(user: User) -> int:
    """Sign somebody out everywhere; part of the verb that calls it, so no event of its own."""
    return _end(UserSession.objects.filter(user=user))


def forget_expired() -> None:
    """Remove some of the sessions that have expired: each is read before it is removed, and may hold a whole form."""
    expired = Session.objects.filter(expire_date__lt=timezone.now()).order_by("expire_date")
    Session.objects.filter(pk__in=list(expired.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])).delete()


def _end(sessions: QuerySet[UserSession]) -> int:
    """Remove them together; what is in a session, such as a whole form, is not read for it."""
    _, removed = Session.objects.filter(pk__in=sessions.values("session_id")).only("pk").delete()
    return removed.get(Session._meta.label, 0)
