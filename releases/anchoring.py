"""Anchoring on a schedule, beside the sweep: a file system that hangs holds up an anchor and nothing else."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from django.conf import settings
from django.db import connection

from releases import anchors
from releases.services import book_checks

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Anchoring:
    """When the head was anchored last by this process, and the thread that does it."""

    clock: Callable[[], float] = time.monotonic
    begun_at: float = float("-inf")
    thread: threading.Thread | None = field(default=None)
    ended: SimpleQueue[anchors.Anchor | anchors.NotAnchored] = field(default_factory=SimpleQueue)
    """What the thread came to; kept in the next round, since it writes nothing into the database itself."""

    def anchor_when_due(self) -> None:
        """Begin to anchor the head if that is wanted and due. Never waits, and never raises for what the file does."""
        self._keep_what_ended()
        due = self.clock() - self.begun_at >= settings.ROLLBOOK_ANCHOR_SECONDS
        if not settings.ROLLBOOK_ANCHOR_FILE or not due:
            return
        self.begun_at = self.clock()
        if self.thread is not None and self.thread.is_alive():
            log.error("the book was not anchored: %s does not answer", settings.ROLLBOOK_ANCHOR_FILE)
            return
        self.thread = threading.Thread(
            target=_anchor, args=[Path(settings.ROLLBOOK_ANCHOR_FILE), self.ended], daemon=True
        )
        self.thread.start()

    def _keep_what_ended(self) -> None:
        while not self.ended.empty():
            found = self.ended.get()
            if isinstance(found, anchors.Anchor):
                book_checks.keep_anchor(found.seq, found.at)
            else:
                book_checks.keep_anchor_problem(str(found), contradicts=isinstance(found, anchors.Contradicted))

    def finish(self, seconds: float) -> None:
        """Wait for what was begun, at most so long."""
        if self.thread is not None:
            self.thread.join(seconds)


def _anchor(path: Path, ended: SimpleQueue[anchors.Anchor | anchors.NotAnchored]) -> None:
    try:
        anchor = anchors.append(path)
        if anchor is not None:
            log.info("anchored event %s in %s", anchor.seq, path)
        newest = anchor or anchors.newest_of(path)
        if newest is not None:
            ended.put(newest)
    except anchors.NotAnchored as why:
        log.error("the book was not anchored. %s", why)
        ended.put(why)
    except Exception:
        log.exception("the book was not anchored in %s", path)
    finally:
        connection.close()
