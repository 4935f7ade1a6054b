"""The places that a probe asks: the edge, and the origin behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from releases.http import Deadline
from releases.probes.base import Context


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to ask: `edge` or `origin`, with its base URL."""

    name: str
    url: str
    is_edge: bool


def edge_and_origin(context: Context[Any]) -> Iterator[Place]:
    """Yield the edge, and the first instance as the origin if the catalogue names one.

    One instance is enough to see what the service says: that all of them run the same version is for
    `serving_version` to prove.
    """
    yield Place("edge", context.edge, True)
    if context.instances:
        yield Place("origin", context.instances[0].url, False)


def share(deadline: Deadline, left: int, most: float) -> float:
    """Return the seconds that the next of `left` requests may take, so that one that hangs leaves time for the rest."""
    return min(most, deadline.remaining() / max(1, left))
