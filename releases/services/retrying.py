"""Doing a verb again that the database ended for another's sake: a deadlock, a conflict of two transactions.

Nothing of it was written then, and no knock was sent, so it is safe to begin again; from the first read on, since what
was read may have changed. A function that does anything but reading and writing rows must not be one of these.
"""

import functools
import logging
import random
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.db import OperationalError, connection
from django.db.models import Model

from releases.errors import Busy, Problem

log = logging.getLogger(__name__)

ATTEMPTS = 3
PAUSE = 0.1
"""Longest pause before the second attempt, in seconds; twice as long before the third."""
PATIENCE = 5.0
"""Seconds after which nothing is begun again: on SQLite one attempt may have waited for the lock for long already."""

_SQLSTATES = {"40001", "40P01"}
"""PostgreSQL's serialization failure and deadlock."""
_SQLITE_BUSY = 5
"""The low byte of SQLite's codes that say that another connection writes."""

P = ParamSpec("P")
R = TypeVar("R")


def retried(verb: Callable[P, R]) -> Callable[P, R]:
    """Make a function begin again, a few times, when its transaction was in another's way. Raises Busy after that.

    Inside a transaction of its caller's it does nothing: only that whole one can be done again.
    """

    @functools.wraps(verb)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            return verb(*args, **kwargs)
        begun = time.monotonic()
        given = [_Given(row) for row in (*args, *kwargs.values()) if isinstance(row, Model)]
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return verb(*args, **kwargs)
            except OperationalError as error:
                if not in_the_way(error):
                    raise
                log.warning("%s met another transaction, attempt %s of %s: %s", verb.__name__, attempt, ATTEMPTS, error)
                for row in given:
                    row.put_back()
                if attempt == ATTEMPTS or time.monotonic() - begun > PATIENCE:
                    raise _busy() from error
                _pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    return wrapped


def in_the_way(error: BaseException) -> bool:
    """Whether the database ended a transaction only because of another one."""
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) in _SQLSTATES:
        return True
    code = getattr(cause, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == _SQLITE_BUSY


class _Given:
    """A row that a verb was given, as it was before: one that was read or written in between is not what is stored."""

    def __init__(self, row: Model) -> None:
        self._row = row
        self._fields: dict[str, Any] = dict(row.__dict__)
        self._adding = row._state.adding
        self._related = dict(row._state.fields_cache)

    def put_back(self) -> None:
        self._row.__dict__.clear()
        self._row.__dict__.update(self._fields)
        self._row._state.adding = self._adding
        self._row._state.fields_cache = dict(self._related)


def _pause(attempt: int) -> None:
    """Wait for a moment that differs, so that the same two do not meet again."""
    time.sleep(random.uniform(0, PAUSE * attempt))  # noqa: S311 - no secret


def _busy() -> Busy:
    return Busy(
        Problem(
            "database_busy",
            "This met other changes of the same rows again and again, so it was given up; nothing was changed.",
            "a moment in which the others are done",
        )
    )
