"""p95 across releases as inline SVG: one point for each deployment, by order and not by date.

A point's shape and tone are those of its verdict's mark, a rollback carries its sign, and what was not measured is a
gap that is never joined. The last value is written out; the page has all figures in a table beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from dashboard.marks import mark_of
from dashboard.wording import number

WIDTH, HEIGHT = 600, 140
LEFT, RIGHT, TOP, BOTTOM = 12, 520, 20, 116
"""Where the points lie; the last value stands to the right of them."""


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
    known = [dot.value for dot in dots if dot.value is not None]
    top = max(1.0, *known, *([budget] if budget else [])) * 1.1
    places = [LEFT + (RIGHT - LEFT) * index / max(1, len(dots) - 1) for index in range(len(dots))]
    parts = [f"<title>{escape(sentence(subject, dots, budget))}</title>"]
    parts.append(f'<path class="axis" d="M{LEFT} {BOTTOM}H{RIGHT}"/>')
    if budget is not None:
        y = _y(budget, top)
        parts.append(f'<path class="budget" d="M{LEFT} {y}H{RIGHT}"/>')
        parts.append(f'<text x="{LEFT}" y="{y - 5}">budget {escape(number(budget, "ms"))}</text>')
    parts += [f'<path class="joined" d="{path}"/>' for path in _joined(dots, places, top)]
    for dot, x in zip(dots, places, strict=True):
        if dot.value is not None:
            parts.append(_shape(dot, round(x, 1), _y(dot.value, top)))
        if dot.rollback:
            parts.append(f'<text class="sign" x="{round(x, 1)}" y="{BOTTOM + 16}">↶</text>')
    last = next(index for index in reversed(range(len(dots))) if dots[index].value is not None)
    value = dots[last].value
    assert value is not None, "chosen for it"
    parts.append(f'<text x="{RIGHT + 12}" y="{_y(value, top) + 5}">{escape(number(value, "ms"))}</text>')
    return Markup(  # noqa: S704 - every text in it went through `escape`
        f'<svg class="distribution across" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">'
        + "".join(parts)
        + "</svg>"
    )


def sentence(subject: str, dots: Sequence[Dot], budget: float | None) -> str:
    """Say what the picture shows: `/articles: p95 of the last 12 deployments, 180 to 810 ms, last 205 ms; …`."""
    known = [dot.value for dot in dots if dot.value is not None]
    gaps = len(dots) - len(known)
    missing = f"; {gaps} not measured" if gaps else ""
    against = f"; budget {number(budget, 'ms')}" if budget is not None else ""
    deployments = f"the last {len(dots)} deployments" if len(dots) > 1 else "one deployment"
    span = f"{number(min(known))} to {number(max(known), 'ms')}, last {number(known[-1], 'ms')}"
    return f"{subject}: p95 of {deployments}, {span}{missing}{against}."


def _y(value: float, top: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * min(max(value, 0) / top, 1), 1)


def _joined(dots: Sequence[Dot], places: Sequence[float], top: float) -> list[str]:
    """Return the paths between neighbours that were both measured."""
    paths: list[str] = []
    pen = False
    for dot, x in zip(dots, places, strict=True):
        if dot.value is None:
            pen = False
            continue
        point = f"{round(x, 1)} {_y(dot.value, top)}"
        if pen:
            paths[-1] += f"L{point}"
        else:
            paths.append(f"M{point}")
        pen = True
    return [path for path in paths if "L" in path]


def _shape(dot: Dot, x: float, y: float) -> str:
    mark = mark_of(dot.word)
    kind = mark.shape.partition("-")[0]
    tone = f'class="dot {mark.tone}"'
    if kind == "square":
        return f'<path {tone} d="M{x - 4} {round(y - 4, 1)}h8v8h-8z"/>'
    if kind == "triangle":
        return f'<path {tone} d="M{x} {round(y - 5, 1)}l5 9h-10z"/>'
    if kind == "diamond":
        return f'<path {tone} d="M{x} {round(y - 5, 1)}l5 5-5 5-5-5z"/>'
    return f'<circle {tone} cx="{x}" cy="{y}" r="4"/>'
