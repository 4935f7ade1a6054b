"""Knocking on a worker's door: the row is the truth, the message only says "look at it".

A knock that fails is never an error of the caller. The sweep knocks again for whatever nobody took.
"""

import logging
import threading
import time
from typing import Any

from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from config.celery import app

log = logging.getLogger(__name__)

KNOCK_SECONDS = 0.7
"""How long a knock may take: the broker's own timeouts begin anew with every byte of an answer that trickles."""
QUIET_SECONDS = 2.0
"""After a knock that failed, further ones of this process are skipped for so long, so that a click that knocks six
times waits for a dead broker once."""

SHORT_LIVED = {"look_at_way_back": 60}
"""Seconds after which nobody needs to come any more: these are asked for again, and must not pile up for a worker that
is away."""

_quiet_until = 0.0


def knock(task: str, queue: str, row_id: int) -> None:
    """Send the task for this row once the transaction has committed."""
    transaction.on_commit(lambda: _send(task, queue, row_id), robust=True)


def broker_answers() -> bool:
    """Ask the broker for an answer, within about two seconds."""
    connection = app.connection_for_write()
    away: tuple[type[BaseException], ...] = (OperationalError, OSError, *connection.connection_errors)
    try:
        with connection:
            connection.ensure_connection(max_retries=1, timeout=2)
            channel: Any = connection.default_channel  # Redis's, which has a client
            channel.client.ping()
    except away:
        return False
    return True


def _send(task: str, queue: str, row_id: int) -> None:
    global _quiet_until
    if time.monotonic() < _quiet_until:
        log.debug("broker did not answer just now: no knock %s(%s); the sweep will", task, row_id)
        return
    sender = threading.Thread(target=_try_to_send, args=[task, queue, row_id], name="knock", daemon=True)
    sender.start()
    sender.join(KNOCK_SECONDS)
    if sender.is_alive():
        _quiet_until = time.monotonic() + QUIET_SECONDS
        log.warning("broker takes too long: no word of the knock %s(%s) yet; the sweep looks after it", task, row_id)


def _try_to_send(task: str, queue: str, row_id: int) -> None:
    global _quiet_until
    expires = SHORT_LIVED.get(task, settings.VISIBILITY_TIMEOUT)
    try:
        app.send_task(f"releases.tasks.{task}", args=[row_id], queue=queue, expires=expires, retry=False)
    except Exception as error:  # also what the client makes of an answer that is cut off or another's
        _quiet_until = time.monotonic() + QUIET_SECONDS
        log.warning(
            "broker does not answer: knock %s(%s) failed: %s; the sweep knocks again, and for what follows in %g s",
            task,
            row_id,
            error,
            QUIET_SECONDS,
        )
