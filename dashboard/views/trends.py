"""Trends for leads: how often, how often it failed, how long it took until it was good again, and response times."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from markupsafe import Markup

from dashboard.line_picture import Dot, line
from dashboard.periods import asked_period, last_quarter
from dashboard.requests import page
from dashboard.service_choice import chosen_service
from releases.queries.delivery import figures, weeks
from releases.queries.lead_time import lead_times
from releases.queries.trends import Line, response_times

FEWEST = 5
"""Deployments from which on a rate says anything."""
PARTS = (
    ("detect", "Detect", "from the end of the deployment to the first checklist that failed"),
    ("decide", "Decide", "from there to the press"),
    ("run", "Run", "from the press to the end of the command"),
    ("verify", "Verified", "from there to the measured outcome"),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One environment's response times, with their picture."""

    line: Line
    picture: Markup


@require_safe
@page
def trends(request: HttpRequest) -> HttpResponse:
    """Show the figures of a time with their definitions, week by week, and p95 across the releases of one service."""
    times = asked_period(request, last_quarter(timezone.localdate()))
    chosen = chosen_service(request)
    found = figures(times.period, chosen.only)
    context = {
        "at": timezone.now(),
        "times": times,
        "problems": times.problems,
        "options": chosen.options,
        "service": chosen.key,
        "found": found,
        "earlier": figures(times.period.before(), chosen.only),
        "lead": lead_times(times.period, chosen.only),
        "lead_earlier": lead_times(times.period.before(), chosen.only),
        "weeks": weeks(times.period, chosen.only),
        "days": max(1, (times.period.end - times.period.start).days),
        "parts": [(title, meaning, found.median(part)) for part, title, meaning in PARTS],
        "fewest": FEWEST,
        "drawn": _drawn(response_times(chosen.key)) if chosen.key else [],
    }
    return render(request, "trends.html", context)


def _drawn(lines: Sequence[Line]) -> list[Drawn]:
    return [Drawn(each, _picture(each)) for each in lines]


def _picture(found: Line) -> Markup:
    budget = next((point.budget for point in reversed(found.points) if point.budget is not None), None)
    dots = [Dot(point.p95, point.standing.word, point.rollback) for point in found.points]
    return line(subject=f"{found.environment}, {found.route}", dots=dots, budget=budget)
