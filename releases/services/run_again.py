"""Running a checklist, or some of its probes, again: the newer answers stand beside the older ones."""

from releases import book, queries
from releases.actor import Actor
from releases.book import Tag
from releases.errors import DO_NOT_RETRY, Conflict, Invalid, Problem
from releases.intake import RunAgainSpec
from releases.models import ChecklistRun, Deployment, Environment
from releases.probes.registry import SERVING_VERSION
from releases.services import checklists
from releases.services.idempotency import once
from releases.services.lookups import listed_environment
from releases.services.permissions import require
from releases.services.retrying import retried
from releases.states import Purpose, RunStatus


@retried
def run_again(spec: RunAgainSpec, *, actor: Actor, key: str = "") -> ChecklistRun:
    """Queue a run of the live deployment's checklist. Raises Denied, NotFound, Invalid and Conflict.

    Where the same is waiting or running already, that run is returned: a second press adds nothing.
    """
    require(
        actor, "run_checklist", scope="checklists:write", service=spec.service, on=f"{spec.service}/{spec.environment}"
    )
    environment = listed_environment(spec.service, spec.environment)
    return once(actor, key, spec, lambda: _queue(spec, environment, actor), _find)


def _queue(spec: RunAgainSpec, environment: Environment, actor: Actor) -> ChecklistRun:
    live = _live(environment)
    _refuse_unknown(spec.probes, environment)
    _refuse_during_rollback(environment)
    only = frozenset(spec.probes) | {SERVING_VERSION} if spec.probes else None
    Deployment.objects.select_for_update(of=("self",)).get(pk=live.pk)  # two presses at once take turns
    if (same := _same_that_waits(live, only)) is not None:
        return same
    run = checklists.make_run(
        environment,
        purpose=Purpose.VERIFY,
        deployment=live,
        expected_version=live.release.version,
        compared_with=checklists.usable_baseline(live),
        only=only,
        requested_by=actor.name,
    )
    book.record(
        Tag.CHECKLIST_REQUESTED,
        actor,
        about=live.release.tag,
        environment=environment,
        run=run.tag,
        probes=sorted(spec.probes),
    )
    return run


def _live(environment: Environment) -> Deployment:
    if environment.live is None:
        raise Conflict(
            Problem(
                "nothing_live",
                f"Nothing is recorded as live in {environment}.",
                "a finished deployment there, whose checklist can be run again",
                retry=DO_NOT_RETRY,
            )
        )
    return environment.live


def _refuse_unknown(keys: list[str], environment: Environment) -> None:
    unknown = sorted(set(keys) - set(environment.checklist))
    if unknown or not environment.checklist:
        known = ", ".join(environment.checklist) or "none: the catalogue gives it no checklist"
        raise Invalid(
            Problem(
                "unknown_probe",
                f"The checklist of {environment} has no {', '.join(unknown) or 'probe'}.",
                f"probes of its checklist ({known})",
                field="probes",
                got=", ".join(unknown),
            )
        )


def _refuse_during_rollback(environment: Environment) -> None:
    rollback = queries.open_rollback(environment)
    if rollback is not None:
        raise Conflict(
            Problem(
                "rollback_in_progress",
                f"{rollback.tag} is {rollback.status}; its own checklist measures what it brought back.",
                "a new try when that rollback has ended",
                retry="when it has ended",
            ),
            made=rollback,
        )


def _same_that_waits(live: Deployment, only: frozenset[str] | None) -> ChecklistRun | None:
    unsettled = ChecklistRun.objects.filter(deployment=live, purpose=Purpose.VERIFY).exclude(status=RunStatus.DONE)
    wanted = set(only or live.environment.checklist)
    for run in unsettled.prefetch_related("probes"):
        asked = {probe.key for probe in run.probes.all()}
        if asked == wanted & set(live.environment.checklist) and run.partial == (only is not None):
            return run
    return None


def _find(pk: int) -> ChecklistRun:
    return ChecklistRun.objects.select_related("environment__service", "deployment__release").get(pk=pk)
