"""What a drill keeps: the clicks and what answered them, what pages said and how fast, and what the commands did.

The driver writes the first, as it happens; the command itself writes the last. The checker reads both from the files.
"""

import json
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.little_service import LittleService

FILE = "clicks"


@dataclass(frozen=True, slots=True)
class Click:
    """One press of the button and its answer; all times are those of the machine's monotonic clock."""

    key: str
    """The idempotency key that the form carried."""
    sent: float
    answered: float
    status: int | None
    """None where no answer came."""
    rollback: int | None = None
    """Where the answer led."""


@dataclass(frozen=True, slots=True)
class Told:
    """A rollback's page said something else than before."""

    rollback: int
    word: str
    at: float


@dataclass(frozen=True, slots=True)
class Look:
    """One request of somebody who only looks."""

    path: str
    at: float
    seconds: float
    status: int | None


@dataclass(frozen=True, slots=True)
class Turn:
    """The fault begins, or is over."""

    what: str
    """`fault` or `over`."""
    at: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What a command wrote about itself."""

    what: str
    """`start` or `end`."""
    mark: str
    """Names its execution, by the variable that Rollbook gave it."""
    version: str
    pid: int
    at: float
    beside: list[int] = field(default_factory=list)
    """Process ids of earlier runs that were still at work when this one began."""

    @property
    def execution(self) -> str:
        return self.mark.partition(".")[0]


KINDS: dict[str, type[Click] | type[Told] | type[Look] | type[Turn]] = {
    "click": Click,
    "told": Told,
    "look": Look,
    "turn": Turn,
}


class Log:
    """Appends what happened to a file, from several threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._guard = threading.Lock()

    def write(self, line: Click | Told | Look | Turn) -> None:
        kind = next(name for name, made in KINDS.items() if isinstance(line, made))
        with self._guard, self._file.open("a") as lines:
            lines.write(json.dumps({"kind": kind} | asdict(line)) + "\n")

    def fault(self) -> None:
        self.write(Turn("fault", time.monotonic()))

    def over(self) -> None:
        self.write(Turn("over", time.monotonic()))


@dataclass(slots=True)
class Happened:
    """The log as the checker reads it."""

    clicks: list[Click] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


def read(file: Path, service: LittleService) -> Happened:
    found = Happened()
    into = {"click": found.clicks, "told": found.told, "look": found.looks, "turn": found.turns}
    for line in file.read_text().splitlines() if file.exists() else []:
        known = json.loads(line)
        kind = known.pop("kind")
        into[kind].append(KINDS[kind](**known))
    for line in service.effects.read_text().splitlines() if service.effects.exists() else []:
        found.effects.append(Effect(**json.loads(line)))
    return found
