"""What a worker process says of itself: which queues, on which host, with which catalogue."""

import logging
import os
import threading
from datetime import timedelta

from django.db import Error, connection
from django.utils import timezone

from releases.catalogue import Catalogue, CatalogueError
from releases.models import Worker
from releases.services import places

log = logging.getLogger(__name__)

REPORT_SECONDS = 10.0
FORGET_AFTER = timedelta(days=1)
"""A worker that has not reported itself for so long is taken off the list."""


def own_name() -> str:
    return str(os.getpid())


def report_until(role: str, queues: list[str], ended: threading.Event) -> None:
    """Report this worker every REPORT_SECONDS until it ends; then take it off the list."""
    name = f"{role}-{own_name()}@{places.host()}"
    try:
        while True:
            _report(name, role, queues)
            if ended.wait(REPORT_SECONDS):
                break
        Worker.objects.filter(name=name).delete()
    except Error as error:
        log.warning("could not sign off: %s", error)
    finally:
        connection.close()


def _report(name: str, role: str, queues: list[str]) -> None:
    now = timezone.now()
    try:
        catalogue = places.catalogue()
        digest, rollbacks = catalogue.digest, _rollback_digests(catalogue, queues)
    except (places.NoCatalogue, CatalogueError) as error:
        log.error("the catalogue cannot be read: %s", error)
        digest, rollbacks = "unreadable", {}
    facts = {
        "role": role,
        "queues": queues,
        "host": places.host(),
        "catalogue_digest": digest,
        "rollback_digests": rollbacks,
        "seen_at": now,
    }
    try:
        Worker.objects.update_or_create(name=name, defaults=facts, create_defaults=facts | {"started_at": now})
        Worker.objects.filter(seen_at__lt=now - FORGET_AFTER).delete()
    except Error as error:
        log.warning("could not report this worker: %s", error)
        connection.close()


def _rollback_digests(catalogue: Catalogue, queues: list[str]) -> dict[str, str]:
    """Return the digest of the rollback command by `act` queue, of those queues that this worker serves."""
    digests = {f"act.{place.service}.{place.key}": place.command_digests for place in catalogue.environments()}
    return {queue: digests[queue].get("rollback", "") for queue in queues if queue in digests}
