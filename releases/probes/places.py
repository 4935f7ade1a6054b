"""The places that a probe asks: the edge, and the origin behind it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from releases.http import Deadline
from releases.probes.base import Context, Instance


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to ask, with its base URL: `edge`, `origin`, or `instance NAME`."""

    name: str
    url: str
    is_edge: bool
    fields: Mapping[str, str] = field(default_factory=dict)
    """Request fields that this place wants with every request: what an instance gets to know from the edge."""


def edge_and_origin(context: Context[Any]) -> Iterator[Place]:
    """Yield the edge, and the first instance as the origin if the catalogue names one.

    One instance is enough to see what the service says: that all of them run the same version is for
    `serving_version` to prove.
    """
    yield Place("edge", context.edge, True)
    if context.instances:
        first = context.instances[0]
        yield Place("origin", first.url, False, fields_for(first, context.edge))


def edge_and_instances(context: Context[Any]) -> list[Place]:
    """Return the edge, and every instance behind it by its name."""
    edge = Place("edge", context.edge, True)
    return [
        edge,
        *(Place(f"instance {one.name}", one.url, False, fields_for(one, context.edge)) for one in context.instances),
    ]


def fields_for(instance: Instance, edge: str) -> dict[str, str]:
    """Return the request fields with which the edge would ask an instance.

    Where the edge ends TLS the instance is told so, or it would lead every request to https:// and so back to the edge.
    """
    fields = {"Host": instance.host} if instance.host else {}
    ends_tls = edge.startswith("https:") and instance.url.startswith("http:")
    return fields | ({"X-Forwarded-Proto": "https"} if ends_tls else {})


def share(deadline: Deadline, left: int, most: float) -> float:
    """Return the seconds that the next of `left` requests may take, so that one that hangs leaves time for the rest."""
    return min(most, deadline.remaining() / max(1, left))
