"""The sweep's judgement of every way back: who else would notice that the worker itself is gone?

An answer, and an item's word, counts when it was the same in two judgements in a row. A worker that restarts in
between, or a broker that does, is therefore never told of. That something else is at work in an environment is no turn
either: it ends.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from releases import broker
from releases.queries.places import listed_places
from releases.queries.readiness import ReadinessItem, answer_of, busy, queue
from releases.services import turns

JUDGE_EVERY = 30.0
"""Seconds of the sweep's own clock between two judgements."""
IN_A_ROW = 2
BROKER_SECONDS = 2.5
"""How long one judgement waits for the broker."""
LOCK = "lock"


@dataclass(slots=True)
class Judging:
    """What the last judgement was, by environment: the answer of all with how often in a row, and the items' words."""

    clock: Callable[[], float] = time.monotonic
    judged_at: float = float("-inf")
    same: dict[int, tuple[str, int]] = field(default_factory=dict)
    words: dict[int, dict[str, str]] = field(default_factory=dict)

    def judge_when_due(self) -> None:
        if self.clock() - self.judged_at < JUDGE_EVERY:
            return
        self.judged_at = self.clock()
        queue_item = queue.item(broker.watch.answers(BROKER_SECONDS))
        judged: dict[int, tuple[str, int]] = {}
        words: dict[int, dict[str, str]] = {}
        for place in listed_places():
            if place.back is None or place.rollback is not None:
                continue
            items = lasting([*place.back.items, queue_item])
            answer = answer_of(items)
            before, times = self.same.get(place.pk, ("", 0))
            judged[place.pk] = (answer, times + 1 if answer == before else 1)
            words[place.pk] = {item.key: item.word for item in items}
            if answer != "not known" and judged[place.pk][1] >= IN_A_ROW:
                last = self.words.get(place.pk, {})
                steady = [item for item in items if last.get(item.key) == item.word]
                turns.turn(place.pk, ready=answer == "ready", red=[item for item in items if item.red], steady=steady)
        self.same, self.words = judged, words


def lasting(items: Iterable[ReadinessItem]) -> list[ReadinessItem]:
    """Return the items without those that are red because something is at work, which ends by itself."""
    found = list(items)
    at_work = any(item.key == busy.KEY and item.red for item in found)
    return [item for item in found if item.key != busy.KEY and not (item.key == LOCK and at_work)]
