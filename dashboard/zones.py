"""In which zone somebody reads times: the one they chose, else the browser's, else UTC."""

import zoneinfo
from dataclasses import dataclass

from django.http import HttpRequest

from releases.zones import is_zone

COOKIE = "zone"
"""What app.js writes: the browser's zone. It decides nothing but how times are written."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A zone, and how it came to be."""

    key: str
    chosen: bool = False
    lost: str = ""
    """The person's choice, where this machine does not know it (any more)."""

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.key)


def zone_of(request: HttpRequest) -> Shown:
    """Return the zone for whoever looks; what is not known falls back to the browser's, and that to UTC."""
    wanted = getattr(request.user, "time_zone", "")
    if wanted and is_zone(wanted):
        return Shown(wanted, chosen=True)
    return Shown(guessed(request) or "UTC", lost=wanted)


def guessed(request: HttpRequest) -> str:
    """Return the browser's zone; empty without JavaScript, or where it is not known here."""
    name = request.COOKIES.get(COOKIE, "")
    return name if is_zone(name) else ""
