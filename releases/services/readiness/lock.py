"""Item: no command holds the environment's lock on this host."""

import time

from releases.http import Deadline
from releases.models import Execution
from releases.queries.readiness.item import ReadinessItem, ready, red
from releases.services import places
from releases.services.readiness.seen import Seen
from releases.states import ExecutionStatus

KEY = "lock"
ENDING_SECONDS = 1.0
"""A command that has just ended lets go of the lock within this time."""
PAUSE_SECONDS = 0.1


def item(seen: Seen) -> ReadinessItem:
    lock = places.lock_of(seen.environment)
    deadline = Deadline.after(ENDING_SECONDS)
    while (holder := lock.holder()) is not None:
        executing = Execution.objects.filter(environment=seen.environment, status=ExecutionStatus.EXECUTING).first()
        if executing is not None:
            return red(KEY, f"{executing.tag} holds it on {holder.host}", "It is free when that command has ended.")
        if deadline.reached:
            what_to_do = f"Look at that process on {holder.host}; a rollback waits for it, or runs despite it."
            return red(KEY, holder.sentence, what_to_do)
        time.sleep(PAUSE_SECONDS)
    return ready(KEY, "free")
