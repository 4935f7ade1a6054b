"""Names of time zones that are known here. Pure, but for the machine's own list, which is read once."""

import zoneinfo
from functools import cache

AREAS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


@cache
def _known() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def is_zone(name: str) -> bool:
    """Whether a name, which anybody may have written, is that of a zone."""
    return name in _known()


@cache
def zone_names() -> tuple[str, ...]:
    """Return the zones that a person chooses from: UTC, then places by name, without the old spellings of both."""
    return ("UTC", *sorted(name for name in _known() if name.partition("/")[0] in AREAS))
