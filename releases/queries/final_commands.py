"""The commands of a release in their last form: as they ran, or as the worker that would run them has rendered them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from releases.models import Deployment, Execution, RenderedCommand, Rollback
from releases.queries.standing import rollback_of
from releases.queries.wayback import rendered_for, way_back
from releases.states import DeploymentKind


@dataclass(frozen=True, slots=True)
class FinalCommand:
    """One command; without an argv there is a sentence that says why."""

    name: str
    argv: Sequence[str]
    digest: str
    host: str
    at: datetime | None
    """When it ran, or when it was rendered."""
    ran: bool
    says: str = ""


def final_commands(deployment: Deployment) -> list[FinalCommand]:
    """Return the deploy command and the rollback command of a deployment."""
    return [_deploy(deployment), _rollback(deployment)]


def _deploy(deployment: Deployment) -> FinalCommand:
    rollback = rollback_of(deployment)
    if rollback is not None:
        ran = rollback.execution
        return _ran("Rollback that brought it", ran) if ran else _none("Rollback that brought it", "Nothing ran.")
    if deployment.kind == DeploymentKind.REHEARSAL:
        return _none("Deploy", "It was here only for a rehearsal, which keeps its commands.")
    if deployment.execution is not None:
        return _ran("Deploy", deployment.execution)
    return _none("Deploy", "Rollbook did not run it: the deployment was reported.")


def _rollback(deployment: Deployment) -> FinalCommand:
    undone = (
        Rollback.objects.filter(undone=deployment, execution__isnull=False)
        .select_related("execution", "target__release")
        .order_by("-pk")
        .first()
    )
    if undone is not None and undone.execution is not None:
        return _ran(f"Roll back to {undone.target.release.version}", undone.execution)
    place = deployment.environment
    if place.live_id != deployment.pk:
        return _none("Roll back", "It is not live, and no rollback of it was run.")
    target = way_back(place).target
    if target is None:
        return _none("Roll back", "There is nothing to go back to.")
    return _would_run(f"Roll back to {target.release.version}", rendered_for(place, target))


def _ran(name: str, execution: Execution) -> FinalCommand:
    return FinalCommand(name, execution.argv, execution.digest, execution.host, execution.started_at, ran=True)


def _would_run(name: str, rendered: RenderedCommand | None) -> FinalCommand:
    if rendered is None:
        return _none(name, "No worker has rendered it yet.")
    problem = str(rendered.problems[0]) if rendered.problems else ""
    return FinalCommand(
        name, rendered.argv, rendered.digest, rendered.host, rendered.rendered_at, ran=False, says=problem
    )


def _none(name: str, why: str) -> FinalCommand:
    return FinalCommand(name, (), "", "", None, ran=False, says=why)
