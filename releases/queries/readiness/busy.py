"""Item: nothing else is at work in the environment."""

from releases.queries.readiness.facts import Facts
from releases.queries.readiness.item import ReadinessItem, ready, red

KEY = "not busy"


def item(facts: Facts) -> ReadinessItem:
    if (executing := facts.executing) is not None:
        return red(
            KEY, f"{executing.tag} ({executing.kind}) is running", "A rollback stops a deployment of ours, else waits."
        )
    if (started := facts.started) is not None:
        return red(
            KEY,
            f"{started.tag} of {started.release.version} was started and has not finished",
            "Stop the pipeline first, or it may deploy over the rollback.",
        )
    return ready(KEY, "nothing else is running")
