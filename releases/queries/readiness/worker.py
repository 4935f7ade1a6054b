"""Item: a worker is alive on the queue, and all of them hold the same catalogue."""

from releases.queries.readiness.facts import WORKER_FRESH, Facts
from releases.queries.readiness.item import ReadinessItem, ready, red

KEY = "worker"


def item(facts: Facts) -> ReadinessItem:
    alive = facts.alive
    grace = int(WORKER_FRESH.total_seconds())
    if not alive:
        last = facts.workers[0] if facts.workers else None
        heard = f"; the last was heard on {last.host} at {last.seen_at:%Y-%m-%d %H:%M:%SZ}" if last else ""
        return red(
            KEY,
            f"no worker has reported itself in the last {grace} s{heard}",
            "Start manage.py work act, or run manage.py rollback on the worker's host.",
        )
    if len({worker.catalogue_digest for worker in alive}) > 1:
        hosts = ", ".join(sorted({worker.host for worker in alive}))
        return red(KEY, f"the workers' catalogues differ: {hosts}", "Give every worker the same catalogue file.")
    return ready(KEY, f"{len(alive)} alive, heard within {grace} s")
