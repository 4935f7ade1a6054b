"""One request and its answer on the wire: how long it may take, how much may come, and when things happened."""

import time
from dataclasses import dataclass

from releases.http.deadline import Deadline
from releases.http.errors import DeadlineReached, TooLarge
from releases.http.messages import Timings


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an answer is taken in, in bytes unless said otherwise."""

    header_bytes: int = 64 * 1024
    header_count: int = 200
    wire_bytes: int = 4 * 1024 * 1024
    """Everything received for one answer, still compressed, framing included."""
    body_bytes: int = 4 * 1024 * 1024
    """The body after decompression."""


USUAL_LIMITS = Limits()


class Exchange:
    """One request and its answer on the wire: deadline, byte count and stamps."""

    def __init__(self, deadline: Deadline, limits: Limits, place: str, *, sends_body: bool) -> None:
        self.place = place
        self.sends_body = sends_body
        self.received = 0
        self._deadline = deadline
        self._begun = time.monotonic()
        self._most = limits.header_bytes + limits.wire_bytes
        self._connect_began = self._connected = self._sent = self._first = self._last = 0.0

    def time_left(self, phase: str) -> float:
        """Return the seconds left for the next socket call; raise DeadlineReached when there are none."""
        if (left := self._deadline.remaining()) <= 0.0:
            raise self.deadline_reached(phase)
        return left

    def deadline_reached(self, phase: str) -> DeadlineReached:
        seconds = time.monotonic() - self._begun
        return DeadlineReached(f"{self.place} gave no complete answer within {seconds:.1f} s ({phase})", phase)

    def connecting(self) -> None:
        self._connect_began = time.perf_counter()

    def connected(self) -> None:
        self._connected = time.perf_counter()

    def sending(self) -> None:
        self._sent = self._sent or time.perf_counter()

    def got(self, count: int) -> None:
        """Count received bytes and stamp them; raise TooLarge beyond the limit."""
        self._last = time.perf_counter()
        self._first = self._first or self._last
        self.received += count
        if self.received > self._most:
            raise TooLarge(f"{self.place} sent more than {self._most} bytes")

    def timings(self) -> Timings:
        return Timings(
            connect_ms=(self._connected - self._connect_began) * 1000,
            first_byte_ms=(self._first - self._sent) * 1000,
            total_ms=(self._last - self._sent) * 1000,
        )
