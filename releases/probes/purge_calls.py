"""The requests that purge one route, as the catalogue describes them. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from releases.probes.routes import url_of

PLACEHOLDERS = ("{route}", "{pattern}")


class PurgeCall(NamedTuple):
    """One request to the edge, or to one of its nodes."""

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PurgeRequest:
    """How a route is purged by requests."""

    method: str = "PURGE"
    """`PURGE` or `BAN`."""
    field: str = ""
    """Request field that names what to forget; empty where the address of the request does."""
    value: str = ""
    """What it says: `{route}` is path and query of the route, `{pattern}` the same as a regular expression."""
    nodes: tuple[str, ...] = ()
    """Base URLs of the cache's nodes, each asked in the name of the edge; the edge itself where none is named."""

    def calls(self, base_url: str, route: str) -> Iterator[PurgeCall]:
        """Yield the requests that purge a route of the site at `base_url`."""
        parts = urlsplit(url_of(base_url, route))
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Host": parts.netloc} if self.nodes else {}
        if self.field:
            # The pattern may hold what looks like the other placeholder, so that is filled in first.
            headers[self.field] = self.value.replace("{route}", target).replace("{pattern}", re.escape(target))
        for node in self.nodes or (f"{parts.scheme}://{parts.netloc}",):
            yield PurgeCall(self.method, f"{node.rstrip('/')}{target}", headers)
