"""Anchoring on a schedule, beside the sweep: a file system that hangs holds up an anchor and nothing else."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connection

from releases import anchors

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Anchoring:
    """When the head was anchored last by this process, and the thread that does it."""

    clock: Callable[[], float] = time.monotonic
    begun_at: float = float("-inf")
    thread: threading.Thread | None = field(default=None)

    def anchor_when_due(self) -> None:
        """Begin to anchor the head if that is wanted and due. Never waits, and never raises for what the file does."""
        due = self.clock() - self.begun_at >= settings.ROLLBOOK_ANCHOR_SECONDS
        if not settings.ROLLBOOK_ANCHOR_FILE or not due:
            return
        self.begun_at = self.clock()
        if self.thread is not None and self.thread.is_alive():
            log.error("the book was not anchored: %s does not answer", settings.ROLLBOOK_ANCHOR_FILE)
            return
        self.thread = threading.Thread(target=_anchor, args=[Path(settings.ROLLBOOK_ANCHOR_FILE)], daemon=True)
        self.thread.start()

    def finish(self, seconds: float) -> None:
        """Wait for what was begun, at most so long."""
        if self.thread is not None:
            self.thread.join(seconds)


def _anchor(path: Path) -> None:
    try:
        anchor = anchors.append(path)
        if anchor is not None:
            log.info("anchored event %s in %s", anchor.seq, path)
    except anchors.NotAnchored as why:
        log.error("the book was not anchored. %s", why)
    except Exception:
        log.exception("the book was not anchored in %s", path)
    finally:
        connection.close()
