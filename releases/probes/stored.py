"""Whether two answers to the same request are one and the same object out of a cache."""

from collections.abc import Sequence
from dataclasses import dataclass

from releases.http import Response
from releases.probes import cache_status


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What one answer tells of the object behind it. `at` is the monotonic second at which it arrived."""

    hit: bool | None
    field: str
    age: int | None
    stored_as: str | None
    generation: str | None
    date: str | None
    at: float
    expired: bool = False
    """Whether the cache says that it fetched the answer because the stored one was stale."""


def glimpse(response: Response, generation: str, at: float) -> Glimpse:
    """Take down the marks of an answer; `generation` names the field that the service makes anew, or is empty."""
    said = cache_status.read(response.headers)
    mark = response.get(generation) if generation else None
    return Glimpse(said.hit, said.field, said.age, said.stored_as, mark, response.get("date"), at, said.expired)


def is_same(before: Glimpse, after: Glimpse) -> bool | None:
    """Return whether `after` is the object that `before` showed, or None when nothing tells.

    The marks in the order of their strength. Date and Age count whole seconds, so they tell objects apart only if
    `before` was at least a second old.
    """
    if before.generation and after.generation:
        return before.generation == after.generation
    if before.stored_as and after.stored_as:
        return before.stored_as == after.stored_as
    if after.hit is False:
        return False
    if before.age is not None and after.age is not None and before.age >= 1:
        # An object only grows older. That it is younger now means that another reader had it fetched in between.
        return after.age >= before.age
    return True if after.hit else None


def same_mark(before: Glimpse, after: Glimpse) -> bool:
    """Return whether a mark that names the object itself is the same in both."""
    if before.generation and after.generation:
        return before.generation == after.generation
    return bool(before.stored_as) and before.stored_as == after.stored_as


def is_telling(seen: Glimpse) -> bool:
    """Return whether this answer can be recognised later on, even when readers fetch the route in between."""
    return bool(seen.generation or seen.stored_as or (seen.age or 0) >= 1)


def from_cache(earlier: Sequence[Glimpse], later: Glimpse) -> bool | None:
    """Return whether `later` came from the cache, as its object was seen before or it says so; None when nothing tells.

    All earlier answers count: behind a round robin the one before came from another node.
    """
    if later.generation and any(seen.generation for seen in earlier):
        return any(seen.generation == later.generation for seen in earlier)
    return later.hit
