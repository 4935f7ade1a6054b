"""What the rehearsals of a release say, for the probes that read them."""

from releases.catalogue import CatalogueError, UnknownPlace
from releases.models import ChecklistRun, Environment, RehearsalStep, Release
from releases.probes.base import RehearsalFacts
from releases.queries.receipts import FRESH, Receipt, newest_receipt
from releases.services import places
from releases.states import ExecutionKind, Purpose


def receipt_of(environment: Environment, release: Release) -> Receipt | None:
    """Return the newest receipt of a release, weighed by the commands as this worker's catalogue has them."""
    try:
        digests = places.place(environment).command_digests
    except (places.NoCatalogue, CatalogueError, UnknownPlace):
        digests = None
    return newest_receipt(environment, release, digests)


def rehearsal_facts(environment: Environment, release: Release) -> RehearsalFacts | None:
    """Return what the newest rehearsal of a release that ended has shown; None where there is none."""
    receipt = receipt_of(environment, release)
    if receipt is None:
        return None
    rehearsal = receipt.rehearsal
    steps = RehearsalStep.objects.filter(rehearsal=rehearsal, execution__isnull=False).select_related("execution")
    ran = {step.execution.kind: step.execution for step in steps if step.execution is not None}
    deploy = ran.get(ExecutionKind.DEPLOY)
    return RehearsalFacts(
        tag=rehearsal.tag,
        outcome=rehearsal.outcome,
        detail=rehearsal.detail,
        seconds_ago=receipt.age.total_seconds(),
        too_old=f"it is {receipt.age.days} days old, more than {FRESH.days}" if receipt.age > FRESH else "",
        changed=receipt.changed,
        deploy_command=deploy.command if deploy else "",
        deploy_exit=deploy.exit_code if deploy else None,
    )


def facts_for(run: ChecklistRun) -> RehearsalFacts | None:
    """Return what is known of rehearsing the release that a run judges, or the live one."""
    judged = run.deployment
    if judged is None:
        fresh = Environment.objects.select_related("live__release").get(pk=run.environment_id)
        judged = fresh.live
    return rehearsal_facts(run.environment, judged.release) if judged is not None else None


def why_not_asked(run: ChecklistRun) -> str:
    """Say why a run does not ask about rehearsals: it is part of one, or measures a rollback."""
    if run.purpose == Purpose.RESTORE:
        return "a rollback is measured by what is served now"
    return "this run is part of a rehearsal" if RehearsalStep.objects.filter(run=run).exists() else ""
