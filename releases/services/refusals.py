"""What keeps a deployment, a rehearsal or a rollback from being begun, each as the problem that a person reads."""

from releases import queries
from releases.errors import DO_NOT_RETRY, Conflict, Invalid, Moved, Problem
from releases.intake import RollbackSpec
from releases.models import (
    Deployment,
    Environment,
    Execution,
    Freeze,
    Rehearsal,
    Release,
    RenderedCommand,
    RenderedDeploy,
)
from releases.queries.receipts import newest_receipt
from releases.states import (
    OPEN_REHEARSAL,
    ExecutionStatus,
)


def without_command(environment: Environment, *names: str) -> None:
    """Refuse where the catalogue names no such command here."""
    for name in names:
        if name not in environment.command_names:
            raise Conflict(
                Problem(
                    f"no_{name}_command",
                    f"The catalogue has no {name} command for {environment}.",
                    f"a command `commands.{name}` in the catalogue file; until then a pipeline deploys and reports it",
                    field="environment",
                    got=environment.key,
                    retry=DO_NOT_RETRY,
                )
            )


def while_frozen(environment: Environment) -> None:
    """Refuse while a freeze is on, with who froze it, why, and how to lift it."""
    freeze = Freeze.objects.filter(environment=environment, lifted_at=None).first()
    if freeze is not None:
        raise Conflict(
            Problem(
                "environment_frozen",
                f"{environment} is frozen by {freeze.frozen_by} since {freeze.frozen_at:%d %b %Y %H:%M} UTC: "
                f"{freeze.reason}",
                f"a lifted freeze: a person lifts it, with a reason, on the page of {environment}",
                field="environment",
                got=environment.key,
                retry="after the freeze is lifted",
            ),
            made=freeze,
        )


def while_busy(environment: Environment) -> None:
    """Refuse while something else changes, or is about to change, what is served here."""
    rollback = queries.open_rollback(environment)
    if rollback is not None:
        what = f"{rollback.tag} by {rollback.requested_by}"
    elif rehearsal := Rehearsal.objects.filter(environment=environment, status__in=OPEN_REHEARSAL).first():
        what = f"{rehearsal.tag} by {rehearsal.requested_by}"
    elif started := queries.started().filter(environment=environment).first():
        what = f"{started.tag}, started by {started.reported_by},"
    elif execution := Execution.objects.filter(environment=environment, status=ExecutionStatus.EXECUTING).first():
        what = f"{execution.tag} ({execution.kind}) by {execution.started_by}"
    else:
        return
    raise Conflict(
        Problem(
            "environment_busy",
            f"{what} is on in {environment}.",
            "an environment in which nothing else runs",
            field="environment",
            got=environment.key,
            retry="when that has ended",
        )
    )


def of_another_command(rendered: RenderedCommand | RenderedDeploy | None, digest: str) -> None:
    """Refuse a press that was shown another command than a worker has rendered: what you saw is what runs."""
    if rendered is not None and rendered.digest and rendered.digest != digest:
        raise Moved(
            Problem(
                "command_changed",
                "The command that would run is not the one that was shown."
                if digest
                else "No command was shown yet; a worker has rendered it meanwhile.",
                "a press that was shown the command that would run",
                field="digest",
                retry="after a fresh look",
            )
        )


def without_rehearsal(environment: Environment, release: Release) -> None:
    """Refuse a release that was not rehearsed where the environment requires that."""
    if not environment.requires_rehearsal:
        return
    receipt = newest_receipt(environment, release)
    if receipt is not None and receipt.counts:
        return
    raise Conflict(
        Problem(
            "rehearsal_required",
            f"{environment} requires a rehearsal, and "
            + (f"{receipt.rehearsal.tag} does not count: {receipt.why}." if receipt else f"{release} has none."),
            "a rehearsal of this release that is proven and fresh: press Rehearse on the page of another environment",
            field="version",
            got=release.version,
            retry="after the rehearsal",
        ),
        made=receipt.rehearsal if receipt else None,
    )


def while_rolling_back(environment: Environment, target: int) -> None:
    """Refuse a second rollback, and point to the one that is open."""
    rollback = queries.open_rollback(environment)
    if rollback is not None:
        asked = Deployment.objects.filter(pk=target, environment=environment).values_list("release__version").first()
        raise Moved(
            Problem(
                "rollback_open",
                f"{rollback.requested_by} already rolls {environment} back to {rollback.target.release.version}: "
                f"{rollback.tag}.",
                f"no open rollback of {environment}; watch {rollback.tag}",
                field="target",
                got=asked[0] if asked else f"D-{target}",
                retry=f"when {rollback.tag} has ended",
            ),
            made=rollback,
        )


def unless_live(spec: RollbackSpec, live: Deployment | None, environment: Environment) -> Deployment:
    """Return what is live, or refuse a press that was shown something else."""
    if live is None or live.pk != spec.live:
        is_live = f"{live.release.version} ({live.tag})" if live else "nothing"
        raise Moved(
            Problem(
                "live_moved",
                f"D-{spec.live} was shown as live in {environment}; now it is {is_live}.",
                "the deployment that is live now",
                field="live",
                got=f"D-{spec.live}",
                retry="after a fresh look",
            )
        )
    return live


def unless_a_target(spec: RollbackSpec, back: queries.WayBack) -> Deployment:
    """Return the deployment to go back to, or refuse one that is no target."""
    for deployment in back.targets:
        if deployment.pk == spec.target:
            return deployment
    why = next(
        (skipped.why for skipped in back.skipped if skipped.deployment.pk == spec.target), "it is not earlier here"
    )
    raise Invalid(
        Problem(
            "not_a_target",
            f"D-{spec.target} is no target of a rollback: {why}.",
            "one of "
            + (", ".join(deployment.tag for deployment in back.targets[:10]) or "none: nothing to go back to"),
            field="target",
            got=f"D-{spec.target}",
            retry=DO_NOT_RETRY,
        )
    )
