"""A moment by which something must have ended."""

import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock by which something must have ended."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """Return the deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left, never less than zero."""
        return max(0.0, self.at - time.monotonic())

    @property
    def reached(self) -> bool:
        return self.remaining() <= 0.0

    def within(self, seconds: float | None) -> "Deadline":
        """Return the earlier of this deadline and that many seconds from now."""
        return self if seconds is None else Deadline(min(self.at, time.monotonic() + seconds))
