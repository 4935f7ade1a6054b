"""The worker's part of readiness: each item that only it can answer is a module here, with a key and an `item(seen)`.

`keep_look` writes what they found; `queries.readiness` puts that together with what the rows say whenever a page asks.
"""

from collections.abc import Callable

from django.utils import timezone

from releases.display import visible
from releases.models import Deployment, Environment, MigrationReport, ReadinessLook
from releases.queries.readiness.item import ReadinessItem
from releases.services import places
from releases.services.artifacts import Found
from releases.services.readiness import artifact, lock, migrations, rehearsal
from releases.services.readiness.seen import Seen

ITEMS: tuple[Callable[[Seen], ReadinessItem], ...] = (artifact.item, migrations.item, rehearsal.item, lock.item)
"""Each answers one of `queries.readiness.looked.LOOKED`."""


def keep_look(
    environment: Environment, target: Deployment, artifact_found: Found, report: MigrationReport
) -> ReadinessLook:
    """Answer every item of a way back on this worker, and keep the answers. Changes nothing else.

    The way back is that of the report about its migrations.
    """
    live = report.live
    seen = Seen(environment, live, target, artifact_found, report)
    items = [answer(seen).stored() for answer in ITEMS]
    look, _ = ReadinessLook.objects.update_or_create(
        environment=environment,
        target=target,
        defaults={
            "live": live,
            "items": [{key: _storable(value) for key, value in item.items()} for item in items],
            "host": places.host(),
            "looked_at": timezone.now(),
        },
    )
    return look


def _storable(value: str | bool) -> str | bool:
    """What a command or a service wrote may hold characters that PostgreSQL's jsonb refuses."""
    return visible(value) if isinstance(value, str) else value
