"""The small picture of response times in a board's cell, with the sentence that says what it shows."""

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from dashboard.line_picture import Dot, sentence, spark
from releases.display import visible
from releases.queries.board import Place
from releases.queries.response_lines import Timed, response_lines


@dataclass(frozen=True, slots=True)
class BoardLine:
    """p95 of an environment's last deployments."""

    picture: Markup
    says: str


def board_lines(places: Iterable[Place]) -> dict[int, BoardLine]:
    """Return the line of each environment whose live deployment was timed, and another one before it."""
    routes = {place.pk: place.live.p95.route for place in places if place.live and place.live.p95}
    lines = response_lines(list(routes))
    return {
        pk: _line(routes[pk], found) for pk, found in lines.items() if sum(one.p95 is not None for one in found) > 1
    }


def _line(route: str, timed: list[Timed]) -> BoardLine:
    dots = [Dot(one.p95, one.word, one.rollback) for one in timed]
    budget = next((one.budget for one in reversed(timed) if one.budget is not None), None)
    return BoardLine(spark(dots, budget), sentence(visible(route), dots, budget))
