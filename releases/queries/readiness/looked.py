"""The items that only the worker can answer, as it last found them. What is old, or of another way, is not known."""

from dataclasses import replace

from releases.queries.readiness.facts import Facts, fresh
from releases.queries.readiness.item import ReadinessItem, not_known, read

LOOKED = ("artifact", "migrations", "rehearsal", "lock")
"""Keys of what a look must answer; `services.readiness` has a module for each."""
HOLDS = frozenset({"migrations"})
"""Keys of what does not get better with time: what lies between two releases, and is lost on the way back."""


def items(facts: Facts) -> list[ReadinessItem]:
    look = facts.looked
    if look is None:
        return [not_known(key, "no worker has looked yet", "A worker looks every minute.") for key in LOOKED]
    kept = [read(stored) for stored in look.items]
    missing = [key for key in LOOKED if key not in {item.key for item in kept}]
    kept += [not_known(key, f"the worker on {look.host} did not look at it") for key in missing]
    if fresh(look.looked_at, facts.now):
        return kept
    if look.looked_at > facts.now:
        says, what_to_do = f"the clock of {look.host} runs ahead", "Set it right: nobody can tell how old its look is."
    else:
        says, what_to_do = f"not looked at since {look.looked_at:%H:%M}Z", "See whether the worker still runs."
    return [_aged(item, says, what_to_do) for item in kept]


def _aged(item: ReadinessItem, says: str, what_to_do: str) -> ReadinessItem:
    if item.key in HOLDS and item.red:
        return replace(item, says=f"{item.says} ({says})")
    return not_known(item.key, says, what_to_do)
