"""How long a rollback is likely to take: as the last ones here did, or as the way back of rehearsals did."""

from collections.abc import Iterable
from typing import NamedTuple

from releases.models import Environment, RehearsalStep, Rollback
from releases.states import Outcome, RehearsalOutcome, RehearsalStepKind

TAKEN = 10
"""From how many of the newest the median is taken."""


class Estimate(NamedTuple):
    """A median in seconds, and what it was taken from."""

    seconds: float
    number: int
    noun: str
    """`rollback` or `rehearsal`."""


def expected_seconds(environment: Environment) -> Estimate | None:
    """Return the median seconds from press to outcome of the last restored rollbacks, else of rehearsals."""
    ended = Rollback.objects.filter(
        environment=environment,
        outcome__in=[Outcome.RESTORED, Outcome.RESTORED_WITH_DIFFERENCES],
        first_outcome="",  # one that was measured again hours later does not tell how long a rollback takes
    )
    times = [(row.ended_at - row.pressed_at).total_seconds() for row in ended.order_by("-pk")[:TAKEN] if row.ended_at]
    return _median(times, "rollback") or _median(_rehearsed(environment), "rehearsal")


def _rehearsed(environment: Environment) -> list[float]:
    """Return the seconds that the way back took in the last proven rehearsals of the service: command and checklist."""
    steps = RehearsalStep.objects.filter(
        rehearsal__environment__service=environment.service_id,
        rehearsal__outcome=RehearsalOutcome.PROVEN,
        kind__in=[RehearsalStepKind.ROLL_BACK, RehearsalStepKind.CHECK_AGAIN],
    ).select_related("execution", "run")
    seconds: dict[int, float] = {}
    for step in steps.order_by("-rehearsal", "position")[: 2 * TAKEN]:
        seconds[step.rehearsal_id] = seconds.get(step.rehearsal_id, 0.0) + (step.seconds or 0.0)
    return list(seconds.values())


def _median(times: Iterable[float], noun: str) -> Estimate | None:
    found = sorted(times)
    return Estimate(found[len(found) // 2], len(found), noun) if found else None
