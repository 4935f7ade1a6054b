"""Waiting for conditions, bounded."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float, describe: str | Callable[[], str]) -> T:
    """Ask until the condition is true, and return what it said. Raises AssertionError with the description."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            text = describe if isinstance(describe, str) else describe()
            raise AssertionError(f"not within {seconds:g} s: {text}")
        time.sleep(0.02)
