"""Readiness turning, as a whole or by a further item: written down once, with its event, and told once where red."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from releases import actor as actors, book
from releases.book import Tag
from releases.models import Environment, Readiness
from releases.queries.readiness import ReadinessItem
from releases.services import messages
from releases.services.retrying import retried


@retried
def turn(
    environment_id: int, *, ready: bool, red: Sequence[ReadinessItem], steady: Sequence[ReadinessItem] = ()
) -> bool:
    """Note the answer about an environment's way back; return whether it turned, and this call was the one to see it.

    The first answer ever is only noted: nothing has turned. `steady` are the items that were the same twice in a row:
    while the way back stays not ready, one of them that is red and was not yet is a turn of its own.
    """
    given = {"ready": ready, "red": [item.key for item in red], "turned_at": timezone.now()}
    with transaction.atomic():
        kept, first = Readiness.objects.get_or_create(environment_id=environment_id, defaults=given)
        if first:
            return False
        if kept.ready == ready:
            return False if ready else _turn_further(kept, steady)
        if not _fenced(kept).update(**given, turns=F("turns") + 1):
            return False
        _tell_and_record(kept, red, ready=ready)
    return True


def _turn_further(kept: Readiness, steady: Sequence[ReadinessItem]) -> bool:
    """Note which items turned while the way back was not ready; return whether one turned red."""
    again = {item.key for item in steady if item.ready}
    further = [item for item in steady if item.red and item.key not in kept.red]
    keys = [key for key in kept.red if key not in again] + [item.key for item in further]
    # What was never ready is still being set up: its items are kept, and wake nobody.
    told = further if kept.turns else []
    if keys == kept.red or not _fenced(kept).update(red=keys, turns=F("turns") + (1 if told else 0)):
        return False
    if told:
        _tell_and_record(kept, told, ready=False)
    return bool(told)


def _fenced(kept: Readiness) -> QuerySet[Readiness]:
    """Return the row if nobody has seen it turn since it was read."""
    return Readiness.objects.filter(pk=kept.pk, ready=kept.ready, turns=kept.turns)


def _tell_and_record(was: Readiness, red: Sequence[ReadinessItem], *, ready: bool) -> None:
    now = Readiness.objects.get(pk=was.pk)
    environment = Environment.objects.select_related("service", "live__release").get(pk=was.environment_id)
    if not ready:
        messages.tell_not_ready(environment, red, turn=now.turns)
    book.record(
        Tag.READINESS_TURNED_READY if ready else Tag.READINESS_TURNED_RED,
        actors.sweep(),
        about=environment.live.tag if environment.live else "",
        environment=environment,
        red=[f"{item.key}: {item.says}" for item in red],
        before={"way_back": "ready" if was.ready else "not ready", "red": was.red},
        after={"way_back": "ready" if ready else "not ready", "red": now.red},
    )
