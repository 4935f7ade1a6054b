"""The heartbeat of whoever does a piece of work: a counter, guarded by the fence that they were given.

No clocks are compared. When an update changes no row, the lease was taken away: the work must stop, and nothing it
still reports may change a status.
"""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from django.db import Error, connection
from django.db.models import F, QuerySet

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
"""Pause between heartbeats; the sweep looks at them every five seconds or less often."""


class Heartbeat:
    """Raises the counter of the leased row from a thread, beside the work, until the block ends.

    `row` returns the rows that this holder may still write: filtered by its fence and by a status of being at work.
    """

    def __init__(self, row: Callable[[], QuerySet[Any]], stop_field: str = "") -> None:
        self._row = row
        self._stop_field = stop_field
        self._ended = threading.Event()
        self._reason = ""
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def should_stop(self) -> str:
        """Return why the work must stop now, or an empty text."""
        return self._reason

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=30)

    def _beat(self) -> None:
        try:
            while not self._ended.wait(BEAT_SECONDS):
                self._beat_once()
        finally:
            connection.close()

    def _beat_once(self) -> None:
        try:
            if not self._row().update(heartbeat=F("heartbeat") + 1):
                self._reason = "lease lost"
            elif self._stop_field:
                self._reason = self._row().values_list(self._stop_field, flat=True).first() or self._reason
        except Error as error:
            # The work goes on: a database that is away for a moment must not end a rollback. The sweep decides.
            log.warning("heartbeat failed: %s", error)
            connection.close()
