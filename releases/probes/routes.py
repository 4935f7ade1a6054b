"""Routes as the catalogue names them: one exact path of the service, never a pattern and never another host."""

import re
from typing import Annotated

from pydantic import AfterValidator

LONGEST = 2000
"""Characters of a route, well under what servers and caches accept as a request line."""

_FORBIDDEN = re.compile(r"[^\x21-\x7e]|[#\\<>\"{}|^`]")
_PATTERN = re.compile(r"[*\[\]$]|\(\?")


def check_route(route: str) -> str:
    """Return the route if it is one path such as `/articles/7?page=2`; raise ValueError with a sentence if not."""
    if not route.startswith("/") or route.startswith("//"):
        raise ValueError("a route is a path of this service that starts with one slash, without scheme and host")
    if len(route) > LONGEST:
        raise ValueError(f"a route has at most {LONGEST} characters, this one has {len(route)}")
    if found := _FORBIDDEN.search(route):
        raise ValueError(f"character U+{ord(found[0]):04X} at position {found.start() + 1} must be percent-encoded")
    return route


def check_exact_route(route: str) -> str:
    """Return the route if no cache could read it as a pattern; raise ValueError with a sentence if one could."""
    check_route(route)
    if found := _PATTERN.search(route):
        raise ValueError(
            f"{found[0]!r} could be read as a pattern; name one exact path, or other routes would be purged"
        )
    return route


def url_of(base: str, route: str) -> str:
    """Join the base URL of a place and a route."""
    return base.rstrip("/") + route


Route = Annotated[str, AfterValidator(check_route)]
"""One path of the service, with a query if need be."""

ExactRoute = Annotated[str, AfterValidator(check_exact_route)]
"""A route that is safe to hand to a purge: no character that a cache could take for a pattern."""
