"""What is timed: the routes, the places where, and the limits that the catalogue sets."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from releases.probes.base import Settings
from releases.probes.criteria import Criterion
from releases.probes.places import Place
from releases.probes.routes import Route


def _criterion(text: str) -> str:
    return str(Criterion.parse(text))


Milliseconds = Annotated[float, Field(ge=1, le=60_000, allow_inf_nan=False)]


class TimedRoute(Settings):
    """One route and the time it may take."""

    path: Route
    """The route, asked anonymously."""
    budget_ms: Milliseconds | None = None
    """Milliseconds that 95 of 100 requests must stay within, at each place; without it only the baseline counts."""
    criteria: Annotated[tuple[Annotated[str, AfterValidator(_criterion)], ...], Field(max_length=6)] = ()
    """Further limits, at each place: `p50 <= 80ms`, `p99 <= 0.5s`, or `p95 <= +10%` over the baseline, which counts
    only where the rank test says that it is not by chance. p99 takes 100 samples."""
    edge: bool = True
    """Whether to measure through the cache, as readers do."""
    origin: bool = True
    """Whether to measure at the instances, taking turns."""


class ResponseTimeSettings(Settings):
    """The routes to measure, and what counts as worse."""

    routes: tuple[TimedRoute, ...] = Field(min_length=1, max_length=10)
    """Routes that are measured, one request at a time."""
    samples: Annotated[int, Field(strict=True, ge=1, le=500)] = 30
    """Requests per route and place; fewer than 20 measured are inconclusive."""
    warm_up: Annotated[int, Field(strict=True, ge=0, le=50)] = 2
    """Requests before them that are not counted, per route and place (at the instances: per instance)."""
    pause_ms: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 2.0
    """Milliseconds between two requests, so that measuring is no load test."""
    worse_by_percent: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 25.0
    """Increase of p50 or p95 over the baseline, in percent, from which a significant change counts."""
    worse_by_ms: Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)] = 5.0
    """And in milliseconds: both must be exceeded, so that noise on very fast routes is no regression."""


@dataclass(frozen=True, slots=True)
class Series:
    """One route at one place: where to ask, in turns."""

    route: TimedRoute
    place: str
    targets: tuple[Place, ...]

    @property
    def subject(self) -> str:
        return f"{self.route.path} at the {self.place}"

    @property
    def criteria(self) -> list[Criterion]:
        return [Criterion.parse(text) for text in self.route.criteria]
