"""What is the same for everybody and asked for again and again, looked up once for all of them."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEPT_LIMIT = 500


class Shared(Generic[K, V]):
    """Keeps the answer for a key for some seconds in this process; one caller looks, the others wait for it."""

    def __init__(self, look: Callable[[K], V], clock: Callable[[], float] = time.monotonic) -> None:
        self._look, self._clock = look, clock
        self._kept: dict[K, tuple[float, V]] = {}
        self._lock = threading.Lock()

    def get(self, key: K, seconds: float) -> V:
        """Return the answer for a key, at most so many seconds old."""
        if (kept := self._fresh(key, seconds)) is not None:
            return kept[1]
        with self._lock:
            if (kept := self._fresh(key, seconds)) is not None:
                return kept[1]
            began = self._clock()  # what changes while we look may be missing from the answer
            found = self._look(key)
            if len(self._kept) >= KEPT_LIMIT:
                self._kept.clear()
            self._kept[key] = (began, found)
            return found

    def _fresh(self, key: K, seconds: float) -> tuple[float, V] | None:
        kept = self._kept.get(key)
        return kept if kept is not None and self._clock() - kept[0] < seconds else None
