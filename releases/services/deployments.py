"""A deployment's start and finish: the one pair of functions behind form, API, command, and our own deploy command."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from releases import book, queries
from releases.actor import Actor
from releases.book import Tag
from releases.errors import DO_NOT_RETRY, Conflict, Problem
from releases.intake import FinishSpec, StartSpec
from releases.models import Deployment, Environment, Freeze, Release
from releases.services import checklists, refusals
from releases.services.commands import look_soon
from releases.services.idempotency import once
from releases.services.lookups import known_deployment, listed_environment, registered_release
from releases.services.permissions import require
from releases.services.retrying import retried
from releases.states import DeploymentKind, DeploymentStatus, Purpose


@retried
def start_deployment(spec: StartSpec, *, actor: Actor, key: str = "") -> Deployment:
    """Write that a deployment begins, and have the baseline measured.

    Raises Denied, NotFound, or Conflict `environment_frozen` with who froze it, why, and how to lift it.
    """
    require(
        actor,
        "report_deployment",
        scope="deployments:write",
        service=spec.service,
        on=f"{spec.service}/{spec.environment}",
    )
    environment = listed_environment(spec.service, spec.environment)
    release = registered_release(environment.service, spec.version)
    return once(
        actor,
        key,
        spec.model_copy(update={"wait": 0}),
        lambda: begin(environment, release, actor, spec.what_changed),
        lambda pk: Deployment.objects.get(pk=pk),
    )


@retried
def finish_deployment(pk: int, spec: FinishSpec, *, actor: Actor, key: str = "") -> Deployment:
    """Write that a deployment has ended, make it the live one, and have the checklist answered.

    Never refused because of a freeze: production has changed, so it is recorded, as *despite freeze*.
    """
    of = Deployment.objects.filter(pk=pk).values_list("environment__service__key", flat=True).first() or ""
    require(actor, "report_deployment", scope="deployments:write", service=of, on=f"D-{pk}")
    deployment = known_deployment(pk)
    _refuse_our_own(deployment)
    return once(
        actor,
        key,
        f"finish {pk} {spec.model_dump_json()}",
        lambda: conclude(deployment, succeeded=spec.succeeded, actor=actor),
        known_deployment,
    )


def _refuse_our_own(deployment: Deployment) -> None:
    if deployment.run_here:
        raise Conflict(
            Problem(
                "run_by_rollbook",
                f"Rollbook runs the deploy command of {deployment.tag} itself; it ends with its command.",
                "the number of a deployment that was reported as started",
                field="deployment",
                got=deployment.tag,
                retry=DO_NOT_RETRY,
            )
        )
    if deployment.kind == DeploymentKind.ROLLBACK:
        raise Conflict(
            Problem(
                "is_a_rollback",
                f"{deployment.tag} is what a rollback put in place; it ends by what is measured, not by a report.",
                "the number of a deployment that was reported as started",
                field="deployment",
                got=deployment.tag,
                retry=DO_NOT_RETRY,
            )
        )


def make_live(deployment: Deployment) -> None:
    """Make a finished deployment the recorded live one of its environment, in the caller's transaction."""
    Environment.objects.filter(pk=deployment.environment_id).update(live=deployment)
    look_soon(deployment.environment)


def begin(environment: Environment, release: Release, actor: Actor, what_changed: str, **run_here: Any) -> Deployment:
    """Write the deployment and have its baseline measured, in the caller's transaction. Raises Conflict.

    A release that is marked bad is deployed again only with an answer to "what changed?", kept in the book.
    """
    refusals.while_frozen(environment)
    if release.bad and not what_changed:
        raise Conflict(
            Problem(
                "release_is_bad",
                f"{release} was marked bad by {release.bad_by}: {release.bad_reason}",
                "an answer to the question what changed since then (`what_changed`), or another version",
                field="what_changed",
                retry="with an answer",
            ),
            made=release,
        )
    refusals.without_rehearsal(environment, release)
    live = Environment.objects.values_list("live", flat=True).get(pk=environment.pk)
    deployment = Deployment.objects.create(
        release=release,
        environment=environment,
        replaced_id=live,
        reported_by=actor.name,
        started_at=timezone.now(),
        **run_here,
    )
    deployment.baseline = checklists.make_run(environment, purpose=Purpose.BASELINE, deployment=deployment)
    deployment.save(update_fields=["baseline"])
    book.record(
        Tag.DEPLOYMENT_STARTED,
        actor,
        about=deployment.tag,
        environment=environment,
        reason=what_changed,
        version=release.version,
        run_here=deployment.run_here,
    )
    if release.bad:
        book.record(
            Tag.RELEASE_DEPLOYED_AGAIN,
            actor,
            about=release.tag,
            environment=environment,
            reason=what_changed,
            version=release.version,
            deployment=deployment.tag,
            marked_bad_by=release.bad_by,
            marked_bad_because=release.bad_reason,
        )
    return deployment


def _expected_version(deployment: Deployment, succeeded: bool) -> str:
    """After a failed deployment the earlier version should still be served."""
    if succeeded:
        return deployment.release.version
    return deployment.replaced.release.version if deployment.replaced else ""


def conclude(deployment: Deployment, *, succeeded: bool, actor: Actor, detail: str = "", **facts: Any) -> Deployment:
    """Close a deployment, make it the live one if it succeeded, and have the checklist answered.

    `facts` go into the book. Raises Conflict `already_finished` where it was closed otherwise.
    """
    environment = deployment.environment
    status = DeploymentStatus.FINISHED if succeeded else DeploymentStatus.FAILED
    freeze = Freeze.objects.filter(environment=environment, lifted_at=None).first()
    frozen = freeze is not None
    rollback = queries.open_rollback(environment) if succeeded else None
    during = rollback.tag if rollback else ""
    with transaction.atomic():
        moved = Deployment.objects.filter(pk=deployment.pk, status=DeploymentStatus.STARTED).update(
            status=status,
            finished_at=timezone.now(),
            despite_freeze=frozen,
            during_rollback=during,
            detail=detail,
        )
        if not moved:
            deployment.refresh_from_db()
            if deployment.status == status:
                return deployment
            raise Conflict(
                Problem(
                    "already_finished",
                    f"{deployment.tag} was already reported as {deployment.status}.",
                    "a deployment that is still running",
                    got=deployment.tag,
                    retry=DO_NOT_RETRY,
                ),
                made=deployment,
            )
        deployment.refresh_from_db()
        was_live = queries.live_version(environment)
        checklists.give_up(deployment.baseline, "the deployment ended before the baseline was measured")
        if status is DeploymentStatus.FINISHED:
            make_live(deployment)
        else:
            look_soon(environment)
        verify = checklists.make_run(
            environment,
            purpose=Purpose.VERIFY,
            deployment=deployment,
            expected_version=_expected_version(deployment, succeeded),
            compared_with=checklists.usable_baseline(deployment),
        )
        if rollback is not None:
            checklists.give_up(verify, f"{during} is on; its checklist measures what is served, against its target")
        book.record(
            Tag.DEPLOYMENT_FINISHED if succeeded else Tag.DEPLOYMENT_FAILED,
            actor,
            about=deployment.tag,
            environment=environment,
            version=deployment.release.version,
            despite_freeze=frozen,
            during_rollback=during,
            before={"status": DeploymentStatus.STARTED, "live": was_live},
            after={"status": status, "live": queries.live_version(environment)},
            **facts,
        )
        if freeze is not None:
            book.record(
                Tag.DEPLOYMENT_DESPITE_FREEZE,
                actor,
                about=deployment.tag,
                environment=environment,
                version=deployment.release.version,
                status=status.value,
                frozen_by=freeze.frozen_by,
                frozen_because=freeze.reason,
            )
    return deployment
