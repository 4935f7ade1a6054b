"""Lines on one axis of time since a press, lane by lane: people, deployment, command, purge and probes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from releases.models import Event

PEOPLE, DEPLOYMENT, COMMAND, PURGE, PROBES = LANES = ("people", "deployment", "command", "purge", "probes")
ACTS_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One thing of a lane."""

    lane: str
    name: str
    start: datetime | None = None
    """None: it has not begun, or never will."""
    end: datetime | None = None
    """None: it is on. As its start where it took no time."""
    word: str = ""
    """A word of state; empty where there is none."""
    says: str = ""
    closing: bool = False
    """It is what all of it came to, and read last."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """All lines, those of one lane in their order, from the press to the end, or to now while it is on."""

    tag: str
    word: str
    """Where all of it stands: a word of state."""
    start: datetime
    end: datetime
    open: bool
    lines: Sequence[Line]
    room: int = 0
    """How many lines are still to come, so that a picture need not grow while somebody reads below it."""

    @property
    def in_order(self) -> list[Line]:
        """The lines as they began, the press first, then what has not begun, then what closes them."""
        return sorted(self.lines, key=lambda line: (line.closing, line.start is None, self.after(line) or 0.0))

    def after(self, line: Line) -> float | None:
        """Return how many seconds after the press a line began."""
        return max(0.0, (line.start - self.start).total_seconds()) if line.start else None

    def seconds(self, line: Line) -> float | None:
        """Return how long a line took, so far while it is on; None for what takes no time or has not begun."""
        if line.start is None or line.start == line.end:
            return None
        return max(0.0, ((line.end or self.end) - line.start).total_seconds())


def lanes(
    tag: str, word: str, start: datetime, lines: Sequence[Line], *, until: datetime | None, on: bool, room: int = 0
) -> Lanes:
    """Return lines as lanes, until now while something of it is `on`, else until it ended, where that is known."""
    ends = [moment for line in lines for moment in (line.start, line.end) if moment]
    end = max([start, *ends, *([until] if until else [])])
    if not on:  # what nobody saw the end of was over by then
        lines = [replace(line, end=end) if line.start and line.end is None else line for line in lines]
    return Lanes(tag, word, start, end, on, lines, room)


def acts(events: Sequence[Event], words: Mapping[str, str], ended_at: datetime | None) -> list[Line]:
    """Return what people did: the lines of the book about these actions, none later than what it ended."""
    found = [event for event in events if event.action in words][-ACTS_LIMIT:]
    moments = [min(event.at, ended_at) if ended_at else event.at for event in found]
    return [
        Line(PEOPLE, event.actor, at, at, says=words[event.action]) for event, at in zip(found, moments, strict=True)
    ]
