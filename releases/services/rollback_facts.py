"""What is known of a rollback short of running it, for the probe that asks: the worker's look, and the rehearsal."""

from typing import Any

from releases import queries
from releases.models import Deployment, Environment
from releases.probes.base import RollbackFacts
from releases.services.commands import ask_worker, worker_alive
from releases.services.rehearsal_facts import receipt_of


def rollback_facts(environment: Environment) -> RollbackFacts:
    """Have the worker that would run the rollback say what it knows of it, short of running it."""
    fresh = Environment.objects.select_related("service", "live__release").get(pk=environment.pk)
    target = queries.way_back(fresh).target
    argv, digest, problems = _looked_at(fresh, target)
    return RollbackFacts(argv, digest, target.release.version if target else None, problems, **_rehearsed(fresh))


def _looked_at(
    environment: Environment, target: Deployment | None
) -> tuple[tuple[str, ...], str, tuple[tuple[str, str], ...]]:
    """Return argv and digest of the command, and what stands in its way, as the worker that would run it says."""
    if target is None:
        return (), "", (("no_target", "no earlier deployment here can be gone back to"),)
    answer = ask_worker(environment, target)
    if answer is None:
        silent = "worker_busy" if worker_alive(environment) else "no_worker"
        return (), "", ((silent, f"queue {environment.act_queue}"),)
    found = tuple(
        (identity, f"{sentence} (on {answer.host})") for identity, sentence in (*answer.found, *answer.artifact_found)
    )
    return tuple(answer.argv), answer.digest, found


def _rehearsed(environment: Environment) -> dict[str, Any]:
    """Return what the rollback's facts say of rehearsing the way back from what is live."""
    receipt = receipt_of(environment, environment.live.release) if environment.live else None
    return {
        "rehearsed_seconds_ago": receipt.age.total_seconds() if receipt and receipt.counts else None,
        "rehearsal_required": environment.requires_rehearsal,
        "rehearsal_says": f"{receipt.rehearsal.tag}: {receipt.why}" if receipt and receipt.why else "",
    }
