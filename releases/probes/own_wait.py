"""How long this thread waited for a CPU: what a measured time owes to a busy machine and not to the service."""

from collections.abc import Sequence
from pathlib import Path

from releases.probes.samples import percentile

_SCHEDSTAT = Path("/proc/thread-self/schedstat")
"""Nanoseconds on a CPU, nanoseconds runnable without one, time slices; not every kernel keeps them."""

NOISY_FROM = 33
"""Percent of the time in which the thread wanted a CPU and did not get one. Measured on two cores: 5 to 23 on a quiet
machine, 39 to 82 beside two to eight processes that compute without a pause."""
OTHERS = 4
"""How often a request may wait as long as this thread did: whatever answers it may stand on the same machine. Measured
there: requests took longer by 1 to 3.7 times the thread's own wait."""


class OwnWait:
    """Counts, request by request, how long the thread that makes it waits for a CPU."""

    def __init__(self) -> None:
        self._begun = self._last = _read()
        self.requests: list[float] = []
        """Milliseconds of waiting in each request that was counted."""

    def before_request(self) -> None:
        self._last = _read()

    def count_request(self) -> None:
        now = _read()
        if self._last is not None and now is not None:
            self.requests.append((now[1] - self._last[1]) / 1e6)

    def percent(self) -> int | None:
        """Return the share that was spent waiting of all the time that a CPU was wanted; None where nobody counts."""
        now = _read()
        if self._begun is None or now is None:
            return None
        ran, waited = (after - before for before, after in zip(self._begun, now, strict=True))
        return round(100 * waited / (ran + waited)) if ran + waited > 0 else 0


def without_waiting(samples: Sequence[float], waits: Sequence[float]) -> list[float]:
    """Return times in milliseconds less what a busy machine may have added to each."""
    added = OTHERS * percentile(waits, 95) if waits else 0.0
    return [max(0.0, sample - added) for sample in samples]


def _read() -> tuple[int, int] | None:
    try:
        ran, waited, _ = _SCHEDSTAT.read_text().split()
        return int(ran), int(waited)
    except (OSError, ValueError):
        return None
