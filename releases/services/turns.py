"""Readiness turning: written down once, with its event, and told once where it turned red."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from releases import actor as actors, book
from releases.book import Tag
from releases.models import Environment, Readiness
from releases.queries.readiness import ReadinessItem
from releases.services import messages
from releases.services.retrying import retried


@retried
def turn(environment_id: int, *, ready: bool, red: Sequence[ReadinessItem]) -> bool:
    """Note the answer about an environment's way back; return whether it turned, and this call was the one to see it.

    The first answer ever is only noted: nothing has turned.
    """
    keys = [item.key for item in red]
    given = {"ready": ready, "red": keys, "turned_at": timezone.now()}
    with transaction.atomic():
        kept, first = Readiness.objects.get_or_create(environment_id=environment_id, defaults=given)
        if first or not Readiness.objects.filter(pk=kept.pk, ready=not ready).update(**given, turns=F("turns") + 1):
            return False
        kept.refresh_from_db()
        environment = Environment.objects.select_related("service", "live__release").get(pk=environment_id)
        if not ready:
            messages.tell_not_ready(environment, red, turn=kept.turns)
        book.record(
            Tag.READINESS_TURNED_READY if ready else Tag.READINESS_TURNED_RED,
            actors.sweep(),
            about=environment.live.tag if environment.live else "",
            environment=environment,
            red=[f"{item.key}: {item.says}" for item in red],
            before={"way_back": "not ready" if ready else "ready"},
            after={"way_back": "ready" if ready else "not ready"},
        )
    return True
