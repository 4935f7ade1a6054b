"""What was live in an environment at a moment, as it was recorded."""

from dataclasses import dataclass
from datetime import datetime

from releases.models import Deployment, Environment
from releases.queries.history import HistoryRow, rows_of
from releases.states import DeploymentKind, DeploymentStatus, RehearsalOutcome


@dataclass(frozen=True, slots=True)
class LiveAt:
    """The answer for one moment."""

    row: HistoryRow | None
    """The deployment that was live; None before the first."""
    until: datetime | None
    """When another one took its place; None where it is live still."""
    first: datetime | None
    """Where nothing was live yet: when the record begins; None where nothing was ever deployed."""
    rehearsing: bool = False
    """It was put in place by a rehearsal, which had not (yet) been measured to have taken it back."""


def live_at(environment: Environment, moment: datetime) -> LiveAt:
    """Return the last deployment that had finished by then. What a rehearsal took back does not count."""
    finished = Deployment.objects.filter(environment=environment, status=DeploymentStatus.FINISHED)
    last = finished.filter(finished_at__lte=moment).select_related("rehearsal").order_by("-finished_at", "-pk").first()
    after = (
        finished.filter(finished_at__gt=moment).order_by("finished_at").values_list("finished_at", flat=True).first()
    )
    if last is None:
        return LiveAt(None, None, after)
    chosen = last.pk
    rehearsing = last.kind == DeploymentKind.REHEARSAL
    if rehearsing:
        rehearsal = last.rehearsal
        ended = rehearsal.ended_at
        if rehearsal.outcome == RehearsalOutcome.PROVEN and ended is not None and ended <= moment:
            chosen, rehearsing = rehearsal.back_to_id, False
        elif rehearsal.outcome == RehearsalOutcome.PROVEN and ended is not None:
            after = min(ended, after) if after else ended
    (row,) = rows_of([chosen])
    return LiveAt(row, after, None, rehearsing)
