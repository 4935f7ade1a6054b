"""Refusals: what failed, what was expected, and whether it is safe to try again.

Refused                 something was not done, and nothing was changed
├── Invalid       422   the input is wrong: fix and send again
├── Malformed     400   the input could not even be read
├── Denied        403   the permission is missing
├── NotFound      404   there is no such thing, or it is not yours to see
├── Conflict      409   it does not fit what is there: something is on, frozen, bad, or was decided already
│   ├── Exists          such a one is there already
│   └── Moved           what was shown has changed since, or someone else was faster
└── Busy          503   others changed the same rows at the same time, again and again
"""

from collections.abc import Sequence
from dataclasses import dataclass

from releases.display import visible

SAFE = "safe"
DO_NOT_RETRY = "do not retry"
GOT_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `got` is cut and made displayable here, once."""

    code: str
    failed: str
    expected: str
    field: str = ""
    got: str = ""
    retry: str = SAFE

    def __post_init__(self) -> None:
        text = visible(self.got)
        object.__setattr__(self, "got", text if len(text) <= GOT_LIMIT else f"{text[:GOT_LIMIT]}…")

    @property
    def sentence(self) -> str:
        retry = {SAFE: "Safe to try again.", DO_NOT_RETRY: "Do not try again."}.get(
            self.retry, f"Try again {self.retry}."
        )
        stop = "" if self.failed.endswith((".", "!", "?")) else "."
        return f"{self.failed}{stop} Expected: {self.expected}. {retry}"


class Refused(Exception):
    """Raised where something is not done. Carries every problem found, not just the first."""

    status = 400
    title = "Refused"
    retry_after = 0
    """Seconds for the header Retry-After; 0: none is sent."""

    def __init__(self, *problems: Problem, made: object = None) -> None:
        super().__init__("; ".join(problem.sentence for problem in problems))
        self.problems: Sequence[Problem] = problems
        self.made = made
        """What stands in the way (an open rollback, a freeze), where there is such a thing."""


class Invalid(Refused):
    status = 422
    title = "The input is not valid"


class Malformed(Refused):
    status = 400
    title = "The request could not be read"


class Denied(Refused):
    status = 403
    title = "Permission is missing"


class NotFound(Refused):
    status = 404
    title = "Not found"


class Conflict(Refused):
    status = 409
    title = "It does not fit what is there now"


class Exists(Conflict):
    title = "It exists already"


class Moved(Conflict):
    title = "The state has moved"


class Busy(Refused):
    status = 503
    title = "The database is busy"
    retry_after = 1
