"""What the rows say of one way back; the items are made from this, for one environment as for a whole board."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from releases.models import (
    Deployment,
    Environment,
    Execution,
    ReadinessLook,
    RenderedCommand,
    Worker,
)
from releases.queries.wayback import Skipped, WayBack, started
from releases.states import ExecutionStatus

WORKER_FRESH = timedelta(seconds=30)
"""A worker that reported itself within this time counts as alive."""
LOOK_FRESH = timedelta(minutes=5)
"""How long what a worker found counts. It looks every minute; what is older is not known."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the items of one way back are made from."""

    now: datetime
    live: Deployment | None
    target: Deployment | None
    rendered: RenderedCommand | None
    look: ReadinessLook | None
    queue: str
    workers: Sequence[Worker]
    """Of the queue, alive or not, the latest first."""
    executing: Execution | None
    started: Deployment | None
    """A deployment that was started and has not ended."""
    skipped: Sequence[Skipped] = ()
    """Earlier deployments that are no target; a board does not name them."""

    @property
    def looked(self) -> ReadinessLook | None:
        """The worker's last look, where it was at this very way back."""
        look = self.look
        return look if look is not None and self.live is not None and look.live_id == self.live.pk else None

    @property
    def alive(self) -> list[Worker]:
        return [worker for worker in self.workers if self.now - worker.seen_at <= WORKER_FRESH]


def facts_of(environment: Environment, back: WayBack, rendered: RenderedCommand | None) -> Facts:
    """Read what the items of one environment need."""
    deploying = started().filter(environment=environment)
    return Facts(
        now=timezone.now(),
        live=back.live,
        target=back.target,
        rendered=rendered,
        look=ReadinessLook.objects.filter(environment=environment, target=back.target).first() if back.target else None,
        queue=environment.act_queue,
        workers=workers_by_queue().get(environment.act_queue, []),
        executing=Execution.objects.filter(environment=environment, status=ExecutionStatus.EXECUTING).first(),
        started=deploying.select_related("release").order_by("-pk").first(),
        skipped=back.skipped,
    )


def workers_by_queue() -> dict[str, list[Worker]]:
    """Return the act workers of each queue, the latest first. One query."""
    found: dict[str, list[Worker]] = {}
    for worker in Worker.objects.filter(role="act").order_by("-seen_at"):
        for queue in worker.queues:
            found.setdefault(queue, []).append(worker)
    return found


def fresh(at: datetime, now: datetime) -> bool:
    """Whether a look still counts; one in the future was written by a clock that ran ahead, and counts no longer."""
    return abs(now - at) <= LOOK_FRESH
