"""Writing down that somebody was refused: in a transaction of its own, at most two events per minute and permission.

The first denial of a minute is an event at once; the further ones are counted in a row, and the sweep writes their
number when the minute is over. Whoever is not signed in stands in the log alone.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.models import Denial
from releases.services.retrying import retried

log = logging.getLogger(__name__)

MINUTE = timedelta(minutes=1)
AT_ONCE = 500
"""Minutes that one sweep closes; the next one takes the rest."""


def note_denial(actor: Actor, permission: str, why: str, *, on: str = "") -> None:
    """Write down a denial. Never raises: the answer stays a refusal, whatever becomes of its event."""
    log.warning("denied: %s, %s (%s, %s)", actor.name, permission, actor.via, actor.origin)
    if actor.user is None:
        return
    try:
        _count(actor, permission, why, on)
    except Exception:
        log.exception("the denial could not be written in the book")


def close_minutes() -> None:
    """Write the sum of what was denied in minutes that are over."""
    over = timezone.now() - 2 * MINUTE  # a clock that runs behind may still count in the last one
    for row in Denial.objects.filter(minute__lt=over).order_by("pk")[:AT_ONCE]:
        _close(row)


@retried
def _close(row: Denial) -> None:
    with transaction.atomic():
        closed, _ = Denial.objects.filter(pk=row.pk, count=row.count).delete()
        if closed and row.count > 1:
            actor = Actor(name=row.actor, via=row.via, request_id=row.request_id, origin=row.origin)
            minute = row.minute.strftime("%Y-%m-%dT%H:%MZ")
            book.record(Tag.PERMISSION_DENIED, actor, permission=row.permission, minute=minute, further=row.count - 1)


@retried
def _count(actor: Actor, permission: str, why: str, on: str) -> None:
    now = timezone.now()
    key = {"user": actor.user, "permission": permission, "minute": now.replace(second=0, microsecond=0)}
    newest = {"actor": actor.name, "via": actor.via, "request_id": actor.request_id, "origin": actor.origin}
    if Denial.objects.filter(**key).update(count=F("count") + 1, **newest):
        return
    with transaction.atomic():
        _, first = Denial.objects.get_or_create(**key, defaults=newest)
        if first:
            about = "" if "/" in on else on[:40]
            book.record(Tag.PERMISSION_DENIED, actor, about=about, reason=why, permission=permission, on=on[:100])
    if not first:
        Denial.objects.filter(**key).update(count=F("count") + 1, **newest)
