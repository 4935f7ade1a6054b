"""Having a release rehearsed, and stopping that: a person's part. The worker's is `rehearsing`."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.errors import DO_NOT_RETRY, Conflict, Problem
from releases.intake import RehearseSpec
from releases.knocks import knock
from releases.models import Environment, Execution, Rehearsal, RehearsalStep, Release
from releases.services import refusals
from releases.services.idempotency import once
from releases.services.lookups import listed_environment, registered_release
from releases.services.permissions import require
from releases.services.retrying import retried
from releases.states import ExecutionStatus, RehearsalStatus, RehearsalStepKind

COPY = "copy_configuration"


@retried
def rehearse(spec: RehearseSpec, *, actor: Actor, key: str = "") -> Rehearsal:
    """Queue a rehearsal: the real deploy command, the checklist, the real rollback command, the checklist again.

    Raises Denied, NotFound, or Conflict: `is_production`, `no_deploy_command`, `no_rollback_command`,
    `nothing_to_go_back_to`, `already_live`, `environment_frozen`, `environment_busy`.
    """
    require(actor, "deploy", scope="deployments:run", service=spec.service, on=f"{spec.service}/{spec.environment}")
    environment = listed_environment(spec.service, spec.environment)
    release = registered_release(environment.service, spec.version)
    return once(
        actor, key, spec, lambda: _rehearse(environment, release, actor), lambda pk: Rehearsal.objects.get(pk=pk)
    )


@retried
def stop_rehearsal(rehearsal: Rehearsal, *, actor: Actor) -> bool:
    """Cancel a rehearsal that nobody has claimed, or end its command; no further step begins.

    Return whether this call did.
    """
    require(actor, "deploy", scope="deployments:run", service=rehearsal.environment.service.key, on=rehearsal.tag)
    with transaction.atomic():
        return request_stop(rehearsal, actor)


@retried
def request_stop(rehearsal: Rehearsal, actor: Actor) -> bool:
    """Write that a rehearsal is to end, in a transaction of its own or the caller's; return whether this call did."""
    before: dict[str, str] = {"status": RehearsalStatus.QUEUED}
    after: dict[str, str] = {"status": RehearsalStatus.CANCELLED}
    with transaction.atomic():
        queued = Rehearsal.objects.filter(pk=rehearsal.pk, status=RehearsalStatus.QUEUED)
        done = queued.update(
            status=RehearsalStatus.CANCELLED,
            detail=f"Cancelled by {actor.name}; nothing ran.",
            stop_requested_by=actor.name,
            ended_at=timezone.now(),
            version=F("version") + 1,
        )
        if not done:
            before = {"status": RehearsalStatus.RUNNING, "stop_requested_by": ""}
            after = {"status": RehearsalStatus.RUNNING, "stop_requested_by": actor.name}
            running = Rehearsal.objects.filter(pk=rehearsal.pk, status=RehearsalStatus.RUNNING, stop_requested_by="")
            done = running.update(stop_requested_by=actor.name, version=F("version") + 1)
            Execution.objects.filter(rehearsal_step__rehearsal=rehearsal, status=ExecutionStatus.EXECUTING).update(
                stop_requested=f"stopped by {actor.name}"
            )
            knock("continue_rehearsal", rehearsal.environment.act_queue, rehearsal.pk)
        if not done:
            return False
        book.record(
            Tag.REHEARSAL_STOP_REQUESTED,
            actor,
            about=rehearsal.tag,
            environment=rehearsal.environment,
            before=before,
            after=after,
        )
    return True


def steps_of(environment: Environment) -> list[RehearsalStepKind]:
    """Return the steps of a rehearsal here; the configuration is copied where the catalogue has a command for it."""
    return [
        kind
        for kind in RehearsalStepKind
        if kind is not RehearsalStepKind.COPY_CONFIGURATION or COPY in environment.command_names
    ]


def _rehearse(environment: Environment, release: Release, actor: Actor) -> Rehearsal:
    assert actor.user is not None, "the command line names the system user"
    if environment.production:
        raise _refusal(
            "is_production",
            f"{environment} is production; a rehearsal puts a release in place and takes it back.",
            "an environment that is not production",
        )
    refusals.without_command(environment, "deploy", "rollback")
    # Whoever is second waits here, and then sees the rehearsal of the first.
    environment = (
        Environment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("service", "live__release")
        .get(pk=environment.pk)
    )
    live = environment.live
    if live is None:
        raise _refusal(
            "nothing_to_go_back_to",
            f"Nothing is live in {environment}, so there is nothing to go back to.",
            "an environment with a version that was deployed before",
        )
    if live.release_id == release.pk:
        raise _refusal(
            "already_live",
            f"{release.version} is live in {environment} already.",
            "another release than the live one, or an environment that still serves the earlier one",
        )
    refusals.while_frozen(environment)
    refusals.while_busy(environment)
    rehearsal = Rehearsal.objects.create(
        environment=environment,
        release=release,
        back_to=live,
        requester=actor.user,
        requested_by=actor.name,
        pressed_at=timezone.now(),
        knocked_at=timezone.now(),
    )
    RehearsalStep.objects.bulk_create(
        RehearsalStep(rehearsal=rehearsal, position=position, kind=kind)
        for position, kind in enumerate(steps_of(environment))
    )
    book.record(
        Tag.REHEARSAL_REQUESTED,
        actor,
        about=rehearsal.tag,
        environment=environment,
        version=release.version,
        back_to=live.tag,
        back_to_version=live.release.version,
    )
    knock("continue_rehearsal", environment.act_queue, rehearsal.pk)
    return rehearsal


def _refusal(code: str, failed: str, expected: str) -> Conflict:
    return Conflict(Problem(code, failed, expected, field="environment", retry=DO_NOT_RETRY))
