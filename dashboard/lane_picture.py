"""What happened beside each other, drawn as lanes on one axis of time since the press, as inline SVG.

A line has its name before its bar and its state in words behind it. What takes no time is a tick, what is still on is
open to the right. The list beside the picture says the same in full; here long names are cut, so that they fit.
"""

from datetime import datetime, tzinfo

from markupsafe import Markup, escape

from dashboard.marks import mark_of
from dashboard.wording import clock, duration, offset
from releases.display import visible
from releases.queries.lanes import LANES, Lanes, Line

WIDTH = 1168
NAME, LEFT, RIGHT, STATE = 112, 328, 836, 848
"""Where the name begins, the bars begin and end, the state begins."""
TOP = 46
"""Above it stand the clock and the axis."""
ROW = 22
BAR = 10
THINNEST = 3
"""Of a bar, however short what it stands for was."""
NAME_LIMIT = 28
STATE_LIMIT = 38
"""A word of state is never cut, only what is said beside it."""
TICKS = 6
_MINUTES, _HOURS, _DAYS = 60, 3600, 86400
_STEPS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(_MINUTES * each for each in (1, 2, 5, 10, 15, 30)),
    *(_HOURS * each for each in (1, 2, 3, 6, 12)),
    *(_DAYS, 2 * _DAYS),
)
"""How many seconds may lie between two ticks; many days are counted in weeks."""


def picture(lanes: Lanes, now: datetime, zone: tzinfo) -> Markup:
    """Draw the lanes; `now` and `zone` are the reader's."""
    height = TOP + ROW * (len(lanes.lines) + lanes.room) + 4
    parts = [f"<title>{escape(sentence(lanes, now, zone))}</title>", *_axis(lanes, height, now, zone)]
    y = TOP
    for name in LANES:
        for number, line in enumerate([each for each in lanes.lines if each.lane == name]):
            if number == 0:
                parts += [f'<path class="grid" d="M0 {y}H{WIDTH}"/>', _text(0, y + 15, name, "lane")]
            parts += _drawn(lanes, line, y)
            y += ROW
    return Markup(  # noqa: S704 - every text in it went through `escape`
        f'<svg class="lanes" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">'
        + "".join(parts)
        + "</svg>"
    )


def sentence(lanes: Lanes, now: datetime, zone: tzinfo) -> str:
    """Say what the picture shows: `RB-118: restored, 21.2 s after the press at 03:13:20 CET.`"""
    pressed = clock(lanes.start, now, zone, seconds=True)
    return f"{lanes.tag}: {lanes.word}, {duration(lanes.end - lanes.start)} after the press at {pressed}."


def ticks(total: float) -> list[float]:
    """Return the seconds that the axis names, from 0 on: few enough that their names do not touch."""
    step = next((each for each in _STEPS if total / each < TICKS), 0.0)
    step = step or (total // (7 * _DAYS * TICKS) + 1) * 7 * _DAYS
    return [round(number * step, 1) for number in range(int(total / step) + 1)]


def _axis(lanes: Lanes, height: int, now: datetime, zone: tzinfo) -> list[str]:
    """Draw the clock at both ends, the axis below it, and a line down from each tick."""
    until = clock(lanes.end, now, zone, seconds=True)
    parts = [
        _text(LEFT, 13, clock(lanes.start, now, zone, seconds=True)),
        _text(RIGHT, 13, f"so far, {until}" if lanes.open else until, "end"),
        _text(0, 34, "since the press"),
    ]
    for seconds in ticks((lanes.end - lanes.start).total_seconds()):
        x = _x(lanes, seconds)
        parts.append(f'<path class="grid" d="M{x} {TOP - 6}V{height}"/>')
        words = duration(seconds, whole=seconds == int(seconds)) if seconds else "0"
        parts.append(_text(x, 34, words, "middle" if seconds else ""))
    parts.append(f'<path class="axis" d="M{LEFT} {TOP - 6}H{RIGHT}"/>')
    return parts


def _drawn(lanes: Lanes, line: Line, y: int) -> list[str]:
    parts = [_text(NAME, y + 15, _cut(line.name, NAME_LIMIT)), _text(STATE, y + 15, _state(lanes, line))]
    after = lanes.after(line)
    if after is None:
        return parts
    x = _x(lanes, after)
    tone = mark_of(line.word).tone if line.word else "ink"
    took = lanes.seconds(line)
    if took is None:
        parts.append(f'<path class="at {tone}" d="M{x} {y + 3}v{ROW - 6}"/>')
        return parts
    width = round(max(_x(lanes, after + took) - x, THINNEST), 1)
    x, top = min(x, RIGHT - THINNEST), y + (ROW - BAR) // 2
    if line.end is None:
        parts.append(f'<path class="on {tone}" d="M{round(x + width, 1)} {top}H{x}v{BAR}h{width}"/>')
    else:
        parts.append(f'<rect class="bar {tone}" x="{x}" y="{top}" width="{width}" height="{BAR}"/>')
    return parts


def _state(lanes: Lanes, line: Line) -> str:
    """Return the state of a line in words, with how long it took, or how long after the press it was."""
    took, after = lanes.seconds(line), lanes.after(line)
    figure = ""
    if took is not None:
        figure = f"{duration(took)}{' so far' if line.end is None else ''}"
    elif after:
        figure = offset(after)
    word = f"{mark_of(line.word).glyph} {line.word}" if line.word else ""
    room = STATE_LIMIT - len(word) - len(figure) - 2
    says = _cut(line.says, room) if line.says != line.word and room > 6 else ""
    return ", ".join(each for each in (word, says, figure) if each)


def _x(lanes: Lanes, seconds: float) -> float:
    total = (lanes.end - lanes.start).total_seconds()
    return round(LEFT + (RIGHT - LEFT) * min(max(seconds / total, 0.0), 1.0), 1) if total > 0 else LEFT


def _cut(text: str, limit: int) -> str:
    shown = visible(text)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def _text(x: float, y: int, words: str, name: str = "") -> str:
    kind = f' class="{name}"' if name else ""
    return f'<text{kind} x="{x}" y="{y}">{escape(words)}</text>'
