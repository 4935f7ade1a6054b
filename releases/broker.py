"""Whether the broker answers, as this process last heard: asked every few seconds at most, and never twice at once."""

import logging
import threading
import time

from releases import knocks

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 5.0
"""For how long one answer counts without asking again."""
KNOWN_SECONDS = 30.0
"""For how long it counts at all."""


class BrokerWatch:
    """The broker's last answer. Asking may take two seconds, so it is asked beside whoever wants to know."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._heard_at = float("-inf")
        self._answers = True

    def answers(self, wait: float) -> bool | None:
        """Return whether the broker answers, waiting at most `wait` seconds for it; None where that is not known."""
        with self._lock:
            if time.monotonic() - self._heard_at <= ASK_AGAIN_SECONDS:
                return self._answers
            if self._asking is None or not self._asking.is_alive():
                self._asking = threading.Thread(target=self._ask, name="ask the broker", daemon=True)
                self._asking.start()
            asking = self._asking
        asking.join(wait)
        return self.last()

    def last(self) -> bool | None:
        """Return what was last heard, without asking; None where that was long ago."""
        with self._lock:
            return self._answers if time.monotonic() - self._heard_at <= KNOWN_SECONDS else None

    def _ask(self) -> None:
        try:
            answers = knocks.broker_answers()
        except Exception:  # whatever a broken broker makes of the client: it is no answer
            log.exception("asking the broker failed")
            answers = False
        with self._lock:
            self._answers, self._heard_at = answers, time.monotonic()


watch = BrokerWatch()
"""The one of this process."""
