"""p95 across releases as inline SVG: one point for each deployment, by order and not by date.

A point's shape and tone are those of its verdict's mark, a rollback carries its sign, and what was not measured is a
gap that is never joined. The last value is written out; the page has all figures in a table beside it. `spark` draws
the same small enough for a cell, where the figure and a sentence beside it say what it shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup, escape

from dashboard.marks import mark_of
from releases.figures import number


class Frame(NamedTuple):
    """The size of a picture, and where its points lie in it."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    point: int
    """Half of a point's width."""


LARGE = Frame(600, 140, 12, 506, 20, 116, 4)
"""The last value stands to the right of the points, on a phone a little beyond the frame."""
SMALL = Frame(120, 28, 4, 116, 4, 19, 2)


@dataclass(frozen=True, slots=True)
class Dot:
    """One deployment."""

    value: float | None
    """Milliseconds; None where it was not measured."""
    word: str
    """Where it stands: a word that has a mark."""
    rollback: bool = False


def line(*, subject: str, dots: Sequence[Dot], budget: float | None) -> Markup:
    """Draw the line, oldest first. `dots` has at least one that was measured."""
    top = _highest(dots, budget)
    parts = [f"<title>{escape(sentence(subject, dots, budget))}</title>"]
    parts.append(f'<path class="axis" d="M{LARGE.left} {LARGE.bottom}H{LARGE.right}"/>')
    if budget is not None:
        written = escape(number(budget, "ms"))
        parts.append(f'<text x="{LARGE.left}" y="{_y(budget, top, LARGE) - 5}">budget {written}</text>')
    parts += _drawn(dots, budget, LARGE)
    value = next(dot.value for dot in reversed(dots) if dot.value is not None)
    parts.append(f'<text x="{LARGE.right + 12}" y="{_y(value, top, LARGE) + 5}">{escape(number(value, "ms"))}</text>')
    return _picture(parts, LARGE, 'class="distribution across" role="img"')


def spark(dots: Sequence[Dot], budget: float | None) -> Markup:
    """Draw the line for a cell, hidden from readers. `dots` has at least one that was measured."""
    return _picture(_drawn(dots, budget, SMALL), SMALL, 'class="distribution across spark" aria-hidden="true"')


def sentence(subject: str, dots: Sequence[Dot], budget: float | None) -> str:
    """Say what the picture shows: `/articles: p95 of the last 12 deployments, 180 to 810 ms, last 205 ms; …`."""
    known = [dot.value for dot in dots if dot.value is not None]
    gaps = len(dots) - len(known)
    missing = f"; {gaps} not measured" if gaps else ""
    against = f"; budget {number(budget, 'ms')}" if budget is not None else ""
    deployments = f"the last {len(dots)} deployments" if len(dots) > 1 else "one deployment"
    span = f"{number(min(known))} to {number(max(known), 'ms')}, last {number(known[-1], 'ms')}"
    return f"{subject}: p95 of {deployments}, {span}{missing}{against}."


def _picture(parts: Sequence[str], frame: Frame, attributes: str) -> Markup:
    size = f'viewBox="0 0 {frame.width} {frame.height}" width="{frame.width}" height="{frame.height}"'
    return Markup(f"<svg {attributes} {size}>{''.join(parts)}</svg>")  # noqa: S704 - every text went through `escape`


def _drawn(dots: Sequence[Dot], budget: float | None, frame: Frame) -> list[str]:
    """Return the budget, the line and the points."""
    top = _highest(dots, budget)
    step = (frame.right - frame.left) / max(1, len(dots) - 1)
    places = [frame.left + step * index for index in range(len(dots))]
    parts = []
    if budget is not None:
        parts.append(f'<path class="budget" d="M{frame.left} {_y(budget, top, frame)}H{frame.right}"/>')
    parts += [f'<path class="joined" d="{path}"/>' for path in _joined(dots, places, top, frame)]
    for dot, x in zip(dots, places, strict=True):
        if dot.value is not None:
            parts.append(_shape(dot, round(x, 1), _y(dot.value, top, frame), frame.point))
        if dot.rollback:
            parts.append(f'<text class="sign" x="{round(x, 1)}" y="{frame.bottom + 4 * frame.point}">↶</text>')
    return parts


def _highest(dots: Sequence[Dot], budget: float | None) -> float:
    known = [dot.value for dot in dots if dot.value is not None]
    return max(1.0, *known, *([budget] if budget else [])) * 1.1


def _y(value: float, top: float, frame: Frame) -> float:
    return round(frame.bottom - (frame.bottom - frame.top) * min(max(value, 0) / top, 1), 1)


def _joined(dots: Sequence[Dot], places: Sequence[float], top: float, frame: Frame) -> list[str]:
    """Return the paths between neighbours that were both measured."""
    paths: list[str] = []
    pen = False
    for dot, x in zip(dots, places, strict=True):
        if dot.value is None:
            pen = False
            continue
        point = f"{round(x, 1)} {_y(dot.value, top, frame)}"
        if pen:
            paths[-1] += f"L{point}"
        else:
            paths.append(f"M{point}")
        pen = True
    return [path for path in paths if "L" in path]


def _shape(dot: Dot, x: float, y: float, half: int) -> str:
    mark = mark_of(dot.word)
    kind = mark.shape.partition("-")[0]
    tone = f'class="dot {mark.tone}"'
    if kind == "square":
        side = 2 * half
        return f'<path {tone} d="M{x - half} {round(y - half, 1)}h{side}v{side}h-{side}z"/>'
    # Those with corners reach one further, so that they look as large.
    top = round(y - half - 1, 1)
    if kind == "triangle":
        return f'<path {tone} d="M{x} {top}l{half + 1} {2 * half + 1}h-{2 * half + 2}z"/>'
    if kind == "diamond":
        return f'<path {tone} d="M{x} {top}l{half + 1} {half + 1}-{half + 1} {half + 1}-{half + 1}-{half + 1}z"/>'
    return f'<circle {tone} cx="{x}" cy="{y}" r="{half}"/>'
