"""Deployments whose deploy command Rollbook runs itself, by the same executor as a rollback.

A person has it deployed, stopped or cancelled. The worker waits for the baseline, claims, runs the command under the
environment's lock, and closes the deployment as a report would. Each step goes from its row.
"""

from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from releases import actor as actors, book
from releases.actor import Actor
from releases.book import Tag
from releases.catalogue import Command
from releases.executor import EnvironmentLock, LockHeld, Result
from releases.intake import DeploySpec
from releases.knocks import knock
from releases.models import Deployment, Environment, Execution, Freeze, Release, RenderedDeploy, Rollback, User
from releases.services import checklists, places, refusals
from releases.services.commands import CannotRender, command_named
from releases.services.denials import note_denial
from releases.services.deployments import begin, conclude
from releases.services.executions import acquired, begin_execution, end_execution, record_late, run_leased
from releases.services.idempotency import once
from releases.services.lookups import listed_environment, registered_release
from releases.services.permissions import require
from releases.services.retrying import retried
from releases.states import (
    CommandState,
    DeploymentKind,
    DeploymentStatus,
    ExecutionKind,
    ExecutionStatus,
    RollbackStatus,
    RunStatus,
)

COMMAND = "deploy"


@retried
def deploy(spec: DeploySpec, *, actor: Actor, key: str = "") -> Deployment:
    """Have Rollbook deploy a release: the baseline is measured, then a worker runs the catalogue's deploy command.

    Raises Denied, NotFound, or Conflict: `no_deploy_command`, `environment_busy`, `command_changed`, and whatever keeps
    a reported deployment from starting.
    """
    require(actor, "deploy", scope="deployments:run", service=spec.service, on=f"{spec.service}/{spec.environment}")
    environment = listed_environment(spec.service, spec.environment)
    release = registered_release(environment.service, spec.version)
    return once(
        actor,
        key,
        spec,
        lambda: _deploy(environment, release, actor, spec),
        lambda pk: Deployment.objects.get(pk=pk),
    )


@retried
def stop_deployment(deployment: Deployment, *, actor: Actor) -> bool:
    """End a deployment that Rollbook runs: cancelled where nothing ran, else its command is told to end.

    Return whether this call did; what a command that was stopped has left behind is measured.
    """
    require(actor, "deploy", scope="deployments:run", service=deployment.environment.service.key, on=deployment.tag)
    with transaction.atomic():
        return cancel(deployment, f"Cancelled by {actor.name}; nothing ran.", actor) or request_stop(deployment, actor)


@retried
def cancel(deployment: Deployment, why: str, actor: Actor, *, refused: bool = False) -> bool:
    """Close a deployment of ours whose command was not begun; return whether this call did."""
    with transaction.atomic():
        cancelled = (
            _open(deployment)
            .filter(execution=None)
            .update(status=DeploymentStatus.CANCELLED, finished_at=timezone.now(), detail=why)
        )
        if cancelled:
            checklists.give_up(deployment.baseline, f"{deployment.tag} was cancelled")
            book.record(
                Tag.DEPLOYMENT_REFUSED if refused else Tag.DEPLOYMENT_CANCELLED,
                actor,
                about=deployment.tag,
                environment=deployment.environment,
                reason=why,
                before={"status": DeploymentStatus.STARTED},
                after={"status": DeploymentStatus.CANCELLED},
            )
    return bool(cancelled)


def request_stop(deployment: Deployment, actor: Actor) -> bool:
    """Tell the command of a deployment of ours to end; return whether this call did. In the caller's transaction."""
    asked = _open(deployment).filter(stop_requested_by="").update(stop_requested_by=actor.name)
    if asked:
        Execution.objects.filter(deployment=deployment, status=ExecutionStatus.EXECUTING).update(
            stop_requested=f"stopped by {actor.name}"
        )
        book.record(
            Tag.DEPLOYMENT_STOP_REQUESTED,
            actor,
            about=deployment.tag,
            environment=deployment.environment,
            before={"stop_requested_by": ""},
            after={"stop_requested_by": actor.name},
        )
    return bool(asked)


def _deploy(environment: Environment, release: Release, actor: Actor, spec: DeploySpec) -> Deployment:
    assert actor.user is not None, "the command line names the system user"
    refusals.without_command(environment, "deploy")
    # Whoever is second waits here, and then sees the deployment of the first.
    Environment.objects.select_for_update(of=("self",), no_key=True).get(pk=environment.pk)
    refusals.while_busy(environment)
    rendered = RenderedDeploy.objects.filter(environment=environment, release=release).first()
    refusals.of_another_command(rendered, spec.digest)
    run_here = {"requester": actor.user, "seen_digest": spec.digest}
    deployment = begin(environment, release, actor, spec.what_changed, **run_here)
    knock("run_deployment", environment.act_queue, deployment.pk)
    return deployment


def _open(deployment: Deployment) -> QuerySet[Deployment]:
    """Return the row while it is one of ours that has not ended."""
    return Deployment.objects.filter(
        pk=deployment.pk,
        kind=DeploymentKind.DEPLOYMENT,
        status=DeploymentStatus.STARTED,
        requester__isnull=False,
    )


def run_deployment(deployment_id: int) -> None:
    """Run the deploy command of a deployment whose baseline was measured. A lost claim does nothing."""
    deployment = _get(deployment_id)
    if not deployment.run_here or deployment.status != DeploymentStatus.STARTED or deployment.execution is not None:
        return
    if deployment.baseline is not None and deployment.baseline.status != RunStatus.DONE:
        return  # its end knocks again
    environment = deployment.environment
    try:
        command = command_named(COMMAND, environment, deployment)
    except CannotRender as error:
        cancel(deployment, f"{error} Nothing has run.", actors.worker(), refused=True)
        return
    if why := _refusal(deployment, command):
        cancel(deployment, why, actors.worker(), refused=True)
        return
    checklists.give_up_all(environment, f"{deployment.tag} is about to change what is served")
    place_lock = places.lock_of(environment)
    try:
        with acquired(place_lock, f"deployment {deployment.tag}", partial(_wait, deployment)):
            execution = _claim(deployment, command)
            if execution is not None:
                _run_command(deployment, execution, command, place_lock)
    except LockHeld:
        return  # the sweep has it tried again


@retried
def settle_lost_deployment(deployment_id: int) -> None:
    """Close a deployment whose worker was lost, once the lock is free; until then say who holds it.

    The command is never run again. It is recorded as failed, since nobody saw it succeed, and the checklist measures
    what is served. Runs on the environment's `act` queue, beside the lock.
    """
    deployment = _get(deployment_id)
    execution = deployment.execution
    lost = execution is not None and execution.command == CommandState.LOST
    if not lost or deployment.status != DeploymentStatus.STARTED:
        return
    holder = places.lock_of(deployment.environment).holder()
    if holder is not None:
        _wait(deployment, f"The worker was lost; its command may still be at work. {holder.sentence}")
        return
    detail = "The worker was lost while the command ran; what the command did was not seen. Nothing is run again."
    with transaction.atomic():
        conclude(deployment, succeeded=False, actor=actors.sweep(), detail=detail, command=CommandState.LOST.value)


def _get(deployment_id: int) -> Deployment:
    return Deployment.objects.select_related(
        "environment__service", "release__service", "baseline", "execution", "requester", "replaced__release"
    ).get(pk=deployment_id)


def _refusal(deployment: Deployment, command: Command) -> str:
    """Say why the command may not start now, or return an empty text. Nothing has run."""
    assert deployment.requester_id is not None, "one that Rollbook runs has a requester"
    requester = User.objects.get(pk=deployment.requester_id)  # as they are now, not when the row was read
    if not requester.may("deploy", deployment.environment.service.key):
        why = f"{deployment.reported_by} may no longer deploy. Nothing has run."
        asked = Actor(name=deployment.reported_by, via="worker", user=requester)
        note_denial(asked, "deploy", why, on=deployment.tag)
        return why
    if deployment.seen_digest and command.digest != deployment.seen_digest:
        return (
            "The command that would run is not the one that was shown: the catalogue changed in between. "
            "Nothing has run; look at the new command and deploy again."
        )
    freeze = Freeze.objects.filter(environment=deployment.environment, lifted_at=None).first()
    if freeze is not None:
        return f"{deployment.environment} was frozen by {freeze.frozen_by}: {freeze.reason}. Nothing has run."
    return ""


@retried
def _claim(deployment: Deployment, command: Command) -> Execution | None:
    environment = deployment.environment
    try:
        with transaction.atomic():
            execution = begin_execution(environment, ExecutionKind.DEPLOY, command, deployment.reported_by)
            taken = (
                _open(deployment).filter(execution=None, stop_requested_by="").update(execution=execution, detail="")
            )
            if not taken:
                transaction.set_rollback(True)
                return None
            book.record(
                Tag.DEPLOYMENT_CLAIMED,
                actors.worker(),
                about=deployment.tag,
                environment=environment,
                execution=execution.tag,
                digest=command.digest,
                host=execution.host,
                before={"execution": ""},
                after={"execution": execution.tag},
            )
    except IntegrityError:
        _wait(deployment, "Waiting: another command is executing in this environment.")
        return None
    return execution


def _run_command(deployment: Deployment, execution: Execution, command: Command, place_lock: EnvironmentLock) -> None:
    _record_end(deployment, execution, run_leased(execution, command, place_lock))


@retried
def _record_end(deployment: Deployment, execution: Execution, result: Result) -> None:
    with transaction.atomic():
        # A stop that comes now writes the deployment and its execution too, in this order.
        Deployment.objects.select_for_update(no_key=True).get(pk=deployment.pk)
        if not end_execution(execution, result):
            record_late(deployment.tag, execution, result)
            return
        # A rollback that waits for this command is in a hurry: it does not wait for the sweep.
        for rollback in Rollback.objects.filter(environment=deployment.environment, status=RollbackStatus.QUEUED):
            knock("run_rollback", deployment.environment.act_queue, rollback.pk)
        conclude(
            deployment,
            succeeded=result.state is CommandState.EXITED and result.exit_code == 0,
            actor=actors.worker(),
            detail=result.problem,
            execution=execution.tag,
            command=result.state.value,
            exit_code=result.exit_code,
            stop_reason=result.stop_reason,
            output_sha256=result.output_sha256,
            left_behind=list(result.left_behind),
        )


def _wait(deployment: Deployment, why: str) -> None:
    _open(deployment).update(detail=why)
