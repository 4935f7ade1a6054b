"""The places that a probe asks: the edge, and the origin behind it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from releases.http import Deadline
from releases.probes.base import Context, Instance


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to ask: `edge` or `origin`, with its base URL."""

    name: str
    url: str
    is_edge: bool
    fields: Mapping[str, str] = field(default_factory=dict)
    """Request fields that this place wants with every request (Host, where an instance knows its public name only)."""


def edge_and_origin(context: Context[Any]) -> Iterator[Place]:
    """Yield the edge, and the first instance as the origin if the catalogue names one.

    One instance is enough to see what the service says: that all of them run the same version is for
    `serving_version` to prove.
    """
    yield Place("edge", context.edge, True)
    if context.instances:
        first = context.instances[0]
        yield Place("origin", first.url, False, fields_for(first))


def fields_for(instance: Instance) -> dict[str, str]:
    """Return the request fields that an instance wants with every request."""
    return {"Host": instance.host} if instance.host else {}


def share(deadline: Deadline, left: int, most: float) -> float:
    """Return the seconds that the next of `left` requests may take, so that one that hangs leaves time for the rest."""
    return min(most, deadline.remaining() / max(1, left))
