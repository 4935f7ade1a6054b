"""What is known of a rollback short of running it, for the probe that asks: the worker's look, and the rehearsal."""

from typing import Any

from releases import queries
from releases.models import ChecklistRun, Deployment, Environment
from releases.probes.base import RollbackFacts
from releases.services.commands import ask_worker, worker_alive
from releases.services.rehearsal_facts import receipt_of
from releases.states import Purpose


def rollback_facts(environment: Environment, restored: Deployment | None = None) -> RollbackFacts:
    """Have the worker that would run the rollback say what it knows of it, short of running it.

    It is the way back from what is live; while a rollback is measured, from what that brought back (`restored`).
    """
    fresh = Environment.objects.select_related("service", "live__release").get(pk=environment.pk)
    live = restored or fresh.live
    target = queries.way_back(fresh, restored).target
    argv, digest, problems = _looked_at(fresh, target)
    rehearsed = _rehearsed(fresh, live)
    return RollbackFacts(argv, digest, target.release.version if target else None, problems, **rehearsed)


def rollback_facts_for(run: ChecklistRun) -> RollbackFacts:
    """Return the facts for a run: what a rollback brought back is recorded as live only once it was measured."""
    return rollback_facts(run.environment, run.deployment if run.purpose == Purpose.RESTORE else None)


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


def _rehearsed(environment: Environment, live: Deployment | None) -> dict[str, Any]:
    """Return what the rollback's facts say of rehearsing the way back from what is live."""
    receipt = receipt_of(environment, live.release) if live else None
    return {
        "rehearsed_seconds_ago": receipt.age.total_seconds() if receipt and receipt.counts else None,
        "rehearsal_required": environment.requires_rehearsal,
        "rehearsal_says": f"{receipt.rehearsal.tag}: {receipt.why}" if receipt and receipt.why else "",
    }
