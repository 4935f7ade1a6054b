"""Response times as the probe `response_time` keeps them, read back for pages."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from releases.models import Environment

KEY = "response_time"
PLACES = ("edge", "origin")
SAMPLES_SHOWN = 500
ROUTES_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one route took at one place, in milliseconds."""

    route: str
    place: str
    """`edge` or `origin`."""
    n: int
    p50: float | None
    p95: float | None
    p99: float | None
    budget: float | None
    samples: tuple[float, ...] = ()

    @property
    def subject(self) -> tuple[str, str]:
        return self.route, self.place


def timings(figures: Mapping[str, Any], settings: object = None) -> list[Timing]:
    """Read a probe's figures: the routes in the order of its settings, the edge before the origin.

    What is not there or is no number is left out. The budgets come from the settings.
    """
    routes = figures.get("routes")
    if not isinstance(routes, Mapping):
        return []
    budgets = _budgets(settings)
    known = [route for route in budgets if route in routes]
    ordered = known + [route for route in routes if route not in budgets]
    return [
        _timing(route, place, routes[route][place], budgets.get(route))
        for route in ordered[:ROUTES_LIMIT]
        if isinstance(routes[route], Mapping)
        for place in PLACES
        if isinstance(routes[route].get(place), Mapping)
    ]


def headline(found: Iterable[Timing], first_route: str = "") -> Timing | None:
    """Choose the timing that stands for a deployment in a list: one over its budget, else the catalogue's first route.

    Timings that were read without their settings have no order of their own; `first_route` then names the route.
    """
    measured = [timing for timing in found if timing.p95 is not None]
    over = [timing for timing in measured if timing.budget is not None and (timing.p95 or 0) > timing.budget]
    if over:
        return max(over, key=lambda timing: timing.p95 or 0)
    wanted = first_route or (measured[0].route if measured else "")
    return min(measured, key=lambda timing: timing.route != wanted, default=None)


def kept(figures: Mapping[str, Any], settings: object) -> dict[str, Any] | None:
    """Return what a deployment keeps of a probe's figures for lists, without samples; None: nothing was measured."""
    found = headline(timings(figures, settings))
    if found is None:
        return None
    return {"route": found.route, "place": found.place, "n": found.n, "p95_ms": found.p95, "budget_ms": found.budget}


def told(response_time: Mapping[str, Any] | None) -> Timing | None:
    """Read what a deployment keeps."""
    if not response_time:
        return None
    return Timing(
        route=response_time["route"],
        place=response_time["place"],
        n=response_time["n"],
        p50=None,
        p95=response_time["p95_ms"],
        p99=None,
        budget=response_time["budget_ms"],
    )


def first_route(environment: Environment) -> str:
    """Return the route that the catalogue times first, or an empty text."""
    return next(iter(_budgets(environment.checklist.get(KEY))), "")


def _budgets(settings: object) -> dict[str, float | None]:
    """Return the routes of the probe's settings in their order, each with its budget in milliseconds or None."""
    routes = settings.get("routes") if isinstance(settings, Mapping) else None
    if not isinstance(routes, list):
        return {}
    return {
        str(route.get("path", "")): _number(route.get("budget_ms")) for route in routes if isinstance(route, Mapping)
    }


def _timing(route: str, place: str, measured: Mapping[str, Any], budget: float | None) -> Timing:
    found = measured.get("samples_ms")
    samples = [_number(value) for value in found[:SAMPLES_SHOWN]] if isinstance(found, list) else []
    return Timing(
        route=route,
        place=place,
        n=len(found) if isinstance(found, list) else 0,
        p50=_number(measured.get("p50_ms")),
        p95=_number(measured.get("p95_ms")),
        p99=_number(measured.get("p99_ms")),
        budget=budget,
        samples=tuple(sample for sample in samples if sample is not None),
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
