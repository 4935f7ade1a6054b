"""Item: the broker answers, so that a press reaches the worker at once. It is in no row: whoever shows it has asked."""

from releases.queries.readiness.item import ReadinessItem, not_known, ready, red

KEY = "queue"


def item(answers: bool | None) -> ReadinessItem:
    """Return the item for the broker's last answer; None where it was not asked lately."""
    if answers is None:
        return not_known(KEY, "the broker was not asked lately")
    if not answers:
        return red(
            KEY,
            "the broker does not answer",
            "A press is kept and starts when it is back. Or run manage.py rollback on the worker's host.",
        )
    return ready(KEY, "the broker answers")
