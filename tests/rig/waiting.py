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


def wait_while_it_moves(condition: Callable[[], T], seconds: float, said: Callable[[], str]) -> T:
    """Like `wait_until`, for long work on a busy machine: the time counts anew whenever `said` says something else.

    The test's own timeout bounds the whole.
    """
    before, deadline = said(), time.monotonic() + seconds
    while not (answer := condition()):
        if (now := said()) != before:
            before, deadline = now, time.monotonic() + seconds
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing new in {seconds:g} s after: {before}")
        time.sleep(0.02)
    return answer
