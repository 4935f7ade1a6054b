"""What a worker process says of itself: which queues, on which host, with which catalogue."""

import logging
import os
import threading
from datetime import timedelta

from django.db import Error, connection
from django.utils import timezone

from releases.catalogue import CatalogueError
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
        digest = places.catalogue().digest
    except (places.NoCatalogue, CatalogueError) as error:
        log.error("the catalogue cannot be read: %s", error)
        digest = "unreadable"
    try:
        Worker.objects.update_or_create(
            name=name,
            defaults={
                "role": role,
                "queues": queues,
                "host": places.host(),
                "catalogue_digest": digest,
                "seen_at": now,
            },
            create_defaults={
                "role": role,
                "queues": queues,
                "host": places.host(),
                "catalogue_digest": digest,
                "started_at": now,
                "seen_at": now,
            },
        )
        Worker.objects.filter(seen_at__lt=now - FORGET_AFTER).delete()
    except Error as error:
        log.warning("could not report this worker: %s", error)
        connection.close()
