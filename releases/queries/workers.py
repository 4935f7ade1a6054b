"""What the workers say of themselves: where they run, which queues they serve, and whether they still report."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from releases.models import Environment, Worker
from releases.queries.readiness import WORKER_FRESH

HOSTS_LIMIT = 10
WORKERS_LIMIT = 200


@dataclass(frozen=True, slots=True)
class ShownWorker:
    """One worker process."""

    worker: Worker
    alive: bool
    """It has reported itself lately."""
    differs: bool
    """It reads another catalogue than the other workers of its role that are alive."""


def hosts_of(role: str) -> Sequence[str]:
    """Return the hosts where workers of a role have reported themselves, the latest first."""
    names = Worker.objects.filter(role=role).order_by("-seen_at").values_list("host", flat=True)[:100]
    return list(dict.fromkeys(names))[:HOSTS_LIMIT]


def all_workers() -> Sequence[ShownWorker]:
    """Return the workers that have reported themselves within a day, those that are silent first."""
    since = timezone.now() - WORKER_FRESH
    found = list(Worker.objects.order_by("role", "host", "name")[:WORKERS_LIMIT])
    digests: dict[str, list[str]] = {}
    for worker in found:
        if worker.seen_at >= since:
            digests.setdefault(worker.role, []).append(worker.catalogue_digest)
    shown = [
        ShownWorker(
            worker,
            alive=worker.seen_at >= since,
            differs=worker.seen_at >= since and len(set(digests[worker.role])) > 1,
        )
        for worker in found
    ]
    return sorted(shown, key=lambda each: each.alive)


def places_without_a_worker() -> Sequence[str]:
    """Return the queues' environments that no worker serves now, as `archive/production (act)`."""
    served = {
        queue
        for queues in Worker.objects.filter(seen_at__gte=timezone.now() - WORKER_FRESH).values_list("queues", flat=True)
        for queue in queues
    }
    places = Environment.objects.filter(listed=True, service__listed=True).select_related("service")
    return [
        f"{place} ({role})"
        for place in places
        for role, queue in (("act", place.act_queue), ("probe", place.probe_queue))
        if queue not in served
    ]
