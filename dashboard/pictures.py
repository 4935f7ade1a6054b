"""Pictures drawn by the server as inline SVG: geometry and classes only, the colours stand in the style sheet.

A picture never speaks alone: it has a title in words, and the page has the figures in a table beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from releases.figures import number

WIDTH, HEIGHT = 600, 172
LEFT, RIGHT = 8, 592
MIDDLE = 76
"""The shared axis: before above it, after below."""
TALLEST = 62
"""Height of the largest share."""
BINS = 24
FEWEST_FOR_BINS = 30
"""Below, each sample is a dot: bins would make shapes out of accidents."""


@dataclass(frozen=True, slots=True)
class Series:
    """One side of the picture: its samples, and p50 and p95 as they stand in the table, all in milliseconds."""

    samples: Sequence[float]
    p50: float | None
    p95: float | None
    p99: float | None


def distribution(*, subject: str, before: Series | None, after: Series, budget: float | None) -> Markup:
    """Draw two histograms on one axis, before above it in outline, after below it filled.

    The axis goes from 0 to the larger of 1.5 budgets and p99; what is slower is counted in the last bin, which says so.
    """
    end = _end(before, after, budget)
    few = min(len(side.samples) for side in (before, after) if side) < FEWEST_FOR_BINS
    parts = [f"<title>{escape(sentence(subject, before, after, budget))}</title>"]
    if before is not None:
        parts += _dots(before, end, "before") if few else _bars(before, _tallest(before, after, end), end, "before")
    parts += _dots(after, end, "after") if few else _bars(after, _tallest(before, after, end), end, "after")
    parts.append(f'<path class="axis" d="M{LEFT} {MIDDLE}H{RIGHT}"/>')
    if budget is not None:
        x = _x(budget, end)
        parts.append(f'<path class="budget" d="M{x} 4V{2 * MIDDLE - 4}"/>')
        parts.append(_text(x, 12, f"budget {number(budget, 'ms')}", "budget-name", beside=True))
    for side, up in ((before, True), (after, False)):
        if side is not None:
            parts += _ticks(side, end, up)
    parts += _scale(before, after, end)
    return Markup(  # noqa: S704 - every text in it went through `escape`
        f'<svg class="distribution" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">'
        + "".join(parts)
        + "</svg>"
    )


def sentence(subject: str, before: Series | None, after: Series, budget: float | None) -> str:
    """Say what the picture shows: `/articles at the edge: p95 rose from 205 ms to 810 ms; budget 300 ms.`"""
    against = f"; budget {number(budget, 'ms')}" if budget is not None else ""
    now = number(after.p95, "ms")
    if before is None or before.p95 is None or after.p95 is None:
        return f"{subject}: p95 is {now}{against}."
    was = number(before.p95, "ms")
    if was == now:
        return f"{subject}: p95 stayed at {now}{against}."
    verb = "rose" if after.p95 > before.p95 else "fell"
    return f"{subject}: p95 {verb} from {was} to {now}{against}."


def _end(before: Series | None, after: Series, budget: float | None) -> float:
    """Return the milliseconds at the right end of the axis; never 0."""
    slowest = [side.p99 for side in (before, after) if side and side.p99]
    return max([1.0, *slowest, *([budget * 1.5] if budget else [])])


def _x(milliseconds: float, end: float) -> float:
    return round(LEFT + (RIGHT - LEFT) * min(max(milliseconds, 0) / end, 1), 1)


def _shares(samples: Sequence[float], end: float) -> list[float]:
    counts = [0] * BINS
    for sample in samples:
        counts[min(int(max(sample, 0) / end * BINS), BINS - 1)] += 1
    return [count / len(samples) for count in counts]


def _tallest(before: Series | None, after: Series, end: float) -> float:
    """Return the largest share of both sides, so that they have one scale."""
    return max(max(_shares(side.samples, end)) for side in (before, after) if side)


def _bars(side: Series, tallest: float, end: float, name: str) -> list[str]:
    width = (RIGHT - LEFT) / BINS
    bars = []
    for place, share in enumerate(_shares(side.samples, end)):
        if not share:
            continue
        height = round(TALLEST * share / tallest, 1)
        y = MIDDLE - height if name == "before" else MIDDLE
        x = round(LEFT + place * width + 1, 1)
        bars.append(f'<rect class="{name}" x="{x}" y="{round(y, 1)}" width="{round(width - 2, 1)}" height="{height}"/>')
    return bars


def _dots(side: Series, end: float, name: str) -> list[str]:
    """Draw each sample by itself, in three rows so that equal ones stay apart."""
    sign = -1 if name == "before" else 1
    return [
        f'<circle class="{name}" cx="{_x(sample, end)}" cy="{MIDDLE + sign * (16 + 14 * (place % 3))}" r="4"/>'
        for place, sample in enumerate(side.samples)
    ]


def _ticks(side: Series, end: float, up: bool) -> list[str]:
    """Draw a short tick at p50 and a long one at p95."""
    sign = -1 if up else 1
    return [
        f'<path class="tick" d="M{_x(value, end)} {MIDDLE}v{sign * length}"/>'
        for value, length in ((side.p50, 16), (side.p95, TALLEST + 6))
        if value is not None
    ]


def _scale(before: Series | None, after: Series, end: float) -> list[str]:
    """Write 0 and the end below the picture, and how many samples lie beyond the end."""
    y = HEIGHT - 6
    beyond = [sum(sample > end for sample in side.samples) if side else 0 for side in (before, after)]
    last = number(end, "ms")
    if any(beyond):
        told = f"{beyond[0]} before, {beyond[1]} after" if before is not None else str(beyond[1])
        last = f"over {last}: {told}"
    return [_text(LEFT, y, "0", "scale"), _text(RIGHT, y, last, "scale end")]


def _text(x: float, y: float, words: str, name: str, *, beside: bool = False) -> str:
    if beside:  # to the left of its line where there is no room to the right
        x, name = (x - 6, f"{name} end") if x > WIDTH * 0.75 else (x + 6, name)
    return f'<text class="{name}" x="{round(x, 1)}" y="{y}">{escape(words)}</text>'
