"""How response times and results went across releases: the last deployments of an environment, by their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from releases.models import Deployment, Environment
from releases.queries.standing import Standing, standing
from releases.queries.timings import first_route, told
from releases.states import DeploymentKind, DeploymentStatus

SHOWN = 30
"""How many deployments a line has."""
PLACES_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Point:
    """One deployment of a line."""

    deployment: Deployment
    standing: Standing
    p95: float | None
    """Milliseconds; None where it was not measured."""
    budget: float | None

    @property
    def rollback(self) -> bool:
        return self.deployment.kind == DeploymentKind.ROLLBACK

    @property
    def at(self) -> datetime:
        return self.deployment.finished_at or self.deployment.started_at


@dataclass(frozen=True, slots=True)
class Line:
    """The response times of one environment's last deployments, oldest first."""

    environment: Environment
    route: str
    points: Sequence[Point]


def response_times(service: str) -> list[Line]:
    """Return a line for each production environment of a service that times a route."""
    places = Environment.objects.filter(service__key=service, production=True, listed=True).select_related("service")
    lines = [_line(place) for place in places[:PLACES_LIMIT]]
    return [line for line in lines if any(point.p95 is not None for point in line.points)]


def _line(environment: Environment) -> Line:
    newest = (
        Deployment.objects.filter(environment=environment, status=DeploymentStatus.FINISHED)
        .exclude(kind=DeploymentKind.REHEARSAL)
        .select_related("release", "rollback")
        .order_by("-pk")[:SHOWN]
    )
    deployments = list(newest)[::-1]
    points = []
    for deployment in deployments:
        timing = told(deployment.response_time)
        points.append(
            Point(
                deployment,
                standing(deployment, None),
                timing.p95 if timing else None,
                timing.budget if timing else None,
            )
        )
    return Line(environment, first_route(environment), points)
