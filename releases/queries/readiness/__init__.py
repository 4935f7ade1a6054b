"""Readiness, item by item: would a rollback work right now?

Each item is a small module with a key. Some are made from rows whenever a page asks (target, command, worker, not
busy); those that only the worker can answer are kept in a `ReadinessLook`, written by `services.readiness`; the queue's
is added by whoever asked the broker.
"""

from collections.abc import Iterable

from releases.queries.readiness import busy, command, looked, queue, target, worker
from releases.queries.readiness.facts import LOOK_FRESH, WORKER_FRESH, Facts, facts_of, workers_by_queue
from releases.queries.readiness.item import ReadinessItem

__all__ = [
    "LOOK_FRESH",
    "WORKER_FRESH",
    "Facts",
    "ReadinessItem",
    "answer_of",
    "facts_of",
    "items_of",
    "readiness_of",
    "workers_by_queue",
]


def readiness_of(facts: Facts, queue_answers: bool | None) -> list[ReadinessItem]:
    """Say item by item whether a rollback would work right now: red ones first, then what is not known."""
    return _in_order([*items_of(facts), queue.item(queue_answers)])


def items_of(facts: Facts) -> list[ReadinessItem]:
    """Return every item that the rows answer. Where there is nothing to go back to, nothing else is said of the way."""
    found = [target.item(facts)]
    if facts.target is not None:
        found += [command.item(facts), *looked.items(facts)]
    return _in_order([*found, worker.item(facts), busy.item(facts)])


def answer_of(items: Iterable[ReadinessItem]) -> str:
    """Return the answer of all items together: not ready, not known, or ready."""
    found = list(items)
    if any(item.red for item in found):
        return "not ready"
    return "ready" if all(item.ready for item in found) else "not known"


def _in_order(items: list[ReadinessItem]) -> list[ReadinessItem]:
    return sorted(items, key=lambda item: (not item.red, item.known))
