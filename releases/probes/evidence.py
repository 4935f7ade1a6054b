"""What a finding may show of an answer: status and the fields that decide about caching, bounded, without secrets."""

from releases.http import Response
from releases.probes.base import Json

SHOWN_FIELDS = (
    "cache-control",
    "cdn-cache-control",
    "surrogate-control",
    "expires",
    "vary",
    "age",
    "date",
    "cache-status",
    "x-cache",
    "x-cache-status",
    "cf-cache-status",
    "x-varnish",
    "via",
)
STABLE_FIELDS = ("cache-control", "cdn-cache-control", "surrogate-control", "surrogate-key", "pragma", "vary")
"""Fields that say the same with every answer, as long as nobody changes the rules."""
LONGEST_VALUE = 200
MOST_LINES = 3


def stable_fields(response: Response) -> dict[str, Json]:
    """Return the caching fields that one release can be compared with another by."""
    return {
        name: ", ".join(line[:LONGEST_VALUE] for line in lines[:MOST_LINES])
        for name in STABLE_FIELDS
        if (lines := response.get_all(name))
    }


def caching_fields(response: Response) -> dict[str, Json]:
    """Return status and caching fields of an answer; of a cookie only that there is one, and its name."""
    shown: dict[str, Json] = {"status": response.status}
    for name in SHOWN_FIELDS:
        if lines := response.get_all(name):
            shown[name] = ", ".join(line[:LONGEST_VALUE] for line in lines[:MOST_LINES])
    if cookies := response.get_all("set-cookie"):
        names = [line.partition("=")[0].strip()[:60] for line in cookies[:MOST_LINES]]
        shown["set-cookie"] = ", ".join(f"{name}=(not shown)" for name in names)
    return shown
