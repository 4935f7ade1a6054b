"""The steps of what Rollbook carries out, a deployment of its own or a rehearsal, as lanes."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from releases.book import Tag
from releases.models import Event
from releases.queries.lanes import COMMAND, DEPLOYMENT, PEOPLE, PROBES, Lanes, Line, acts, lanes
from releases.queries.steps import Step

ACTS: dict[str, str] = {
    Tag.DEPLOYMENT_CANCELLED: "cancelled it",
    Tag.DEPLOYMENT_STOP_REQUESTED: "asked it to stop",
    Tag.REHEARSAL_STOP_REQUESTED: "asked it to stop",
}


def lanes_of_steps(
    tag: str,
    word: str,
    by: str,
    pressed_at: datetime,
    steps: Sequence[Step],
    events: Sequence[Event],
    *,
    until: datetime | None,
    on: bool,
) -> Lanes:
    """Return the lanes of something that somebody pressed, until now while it is `on`, else until it ended."""
    lines = [
        Line(PEOPLE, by, pressed_at, pressed_at, says="pressed"),
        *acts(events, ACTS, None if on else until),
        Line(DEPLOYMENT, tag, pressed_at, None, word),
        *[_line(step) for step in steps],
    ]
    return lanes(tag, word, pressed_at, lines, until=until, on=on)


def _line(step: Step) -> Line:
    lane = PROBES if step.measures else COMMAND
    end = step.began + timedelta(seconds=step.seconds) if step.began and step.seconds is not None else None
    return Line(lane, step.name, step.began, end, step.word, step.says)
