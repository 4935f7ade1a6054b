"""Before and after of each route of a release, as the pictures that its page and its evidence show."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dashboard import pictures
from releases.queries.release_page import BeforeAfter
from releases.queries.timings import Timing


@dataclass(frozen=True, slots=True)
class RoutePicture:
    """Before and after of one route: the places where it was measured, and a picture of the readers' one."""

    route: str
    places: Sequence[BeforeAfter]
    picture: Markup | None
    drawn: BeforeAfter | None


def pictures_of(found: Sequence[BeforeAfter]) -> list[RoutePicture]:
    """Return one picture for each route, in the order given."""
    routes = list(dict.fromkeys(each.route for each in found))
    return [_picture(route, [each for each in found if each.route == route]) for route in routes]


def _picture(route: str, places: Sequence[BeforeAfter]) -> RoutePicture:
    drawn = next((each for each in places if each.after.samples), None)
    if drawn is None:
        return RoutePicture(route, places, None, None)
    before = drawn.before if drawn.before and drawn.before.samples else None
    picture = pictures.distribution(
        subject=f"{route} at the {drawn.place}",
        before=_series(before) if before else None,
        after=_series(drawn.after),
        budget=drawn.after.budget,
    )
    return RoutePicture(route, places, picture, drawn)


def _series(timing: Timing) -> pictures.Series:
    return pictures.Series(timing.samples, timing.p50, timing.p95, timing.p99)
