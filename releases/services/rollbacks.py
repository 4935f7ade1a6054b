"""Pressing the button, cancelling, stopping, measuring again: a person's part. The worker's is `rolling_back`."""

from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone

from releases import book, broker, queries
from releases.actor import Actor
from releases.book import Tag
from releases.display import utc_text
from releases.errors import DO_NOT_RETRY, Conflict, Problem
from releases.intake import REASONS, OverrideSpec, RollbackSpec, VerifySpec
from releases.knocks import knock
from releases.models import Environment, Execution, Freeze, Rehearsal, Release, Rollback
from releases.queries import readiness
from releases.services import deploying, refusals, rehearsals
from releases.services.commands import look_soon
from releases.services.data_loss import accepted_losses, shown_at_press
from releases.services.freezes import as_frozen
from releases.services.idempotency import once
from releases.services.lookups import listed_environment
from releases.services.passages import keep_rollback
from releases.services.permissions import require
from releases.services.retrying import retried
from releases.services.rollback_rows import moved_from
from releases.states import OPEN_REHEARSAL, VERIFIABLE, DeploymentStatus, ExecutionStatus, RollbackStatus


@retried
def press(spec: RollbackSpec, *, actor: Actor, key: str = "") -> Rollback:
    """Queue a rollback: the row, the freeze, the bad mark and the event in one transaction, then the knock.

    Raises Denied, NotFound, Invalid for a target that is none, or Conflict: `rollback_open` when one is already on
    (carried as `made`), `live_moved` when something else is live than was shown, `command_changed` and
    `losses_changed` when it was not shown what would run, or what would be lost.
    """
    require(actor, "roll_back", scope="rollbacks:write", service=spec.service, on=f"{spec.service}/{spec.environment}")
    environment = listed_environment(spec.service, spec.environment)
    return once(actor, key, spec, lambda: _press(spec, environment, actor), lambda pk: Rollback.objects.get(pk=pk))


@retried
def cancel(rollback: Rollback, *, actor: Actor) -> bool:
    """Cancel a rollback that nobody has claimed, with its freeze and bad mark. Return whether this call did."""
    require(actor, "roll_back", scope="rollbacks:write", service=rollback.environment.service.key, on=rollback.tag)
    with transaction.atomic():
        detail = f"Cancelled by {actor.name}; nothing ran."
        was = moved_from(rollback, RollbackStatus.CANCELLED, ended_at=timezone.now(), detail=detail)
        if was is None:
            return False
        _take_back(rollback, actor)
        book.record(
            Tag.ROLLBACK_CANCELLED,
            actor,
            about=rollback.tag,
            environment=rollback.environment,
            before={"status": was},
            after={"status": rollback.status},
        )
    return True


@retried
def stop(rollback: Rollback, *, actor: Actor) -> bool:
    """Ask the worker to end the running command; what happened is then measured. Return whether this call asked."""
    require(actor, "roll_back", scope="rollbacks:write", service=rollback.environment.service.key, on=rollback.tag)
    with transaction.atomic():
        was = moved_from(rollback, RollbackStatus.STOPPING, stop_requested_by=actor.name)
        if was is None:
            return False
        Execution.objects.filter(
            pk__in=[rollback.execution_id, rollback.purge_execution_id], status=ExecutionStatus.EXECUTING
        ).update(stop_requested=f"stopped by {actor.name}")
        book.record(
            Tag.ROLLBACK_STOP_REQUESTED,
            actor,
            about=rollback.tag,
            environment=rollback.environment,
            before={"status": was},
            after={"status": rollback.status},
        )
    return True


@retried
def override_lock(rollback: Rollback, spec: OverrideSpec, *, actor: Actor) -> bool:
    """Have a queued rollback run although a command still holds the lock. Return whether this call asked for it.

    For a process that will never end by itself: whoever asks has looked at it.
    """
    require(actor, "roll_back", scope="rollbacks:write", service=rollback.environment.service.key, on=rollback.tag)
    with transaction.atomic():
        waiting = Rollback.objects.filter(pk=rollback.pk, status=RollbackStatus.QUEUED, override_by="")
        asked = waiting.exclude(lock_holder="").update(
            override_by=actor.name, override_reason=spec.reason, knocked_at=timezone.now(), version=F("version") + 1
        )
        if not asked:
            return False
        book.record(
            Tag.ROLLBACK_LOCK_OVERRIDDEN,
            actor,
            about=rollback.tag,
            environment=rollback.environment,
            reason=spec.reason,
            holder=rollback.lock_holder,
            before={"override_by": ""},
            after={"override_by": actor.name},
        )
        knock("run_rollback", rollback.environment.act_queue, rollback.pk)
    return True


@retried
def verify_now(rollback: Rollback, spec: VerifySpec, *, actor: Actor) -> bool:
    """Have a rollback that ended without an answer measured again. Return whether this call did; nothing is run again.

    Raises Denied, or Conflict: `superseded` when something else happened here since, `rollback_open` when another one
    is on.
    """
    require(actor, "roll_back", scope="rollbacks:write", service=rollback.environment.service.key, on=rollback.tag)
    before = {"status": RollbackStatus.DONE, "outcome": rollback.outcome, "detail": rollback.detail}
    try:
        with transaction.atomic():
            _refuse_if_superseded(rollback)
            reopened = Rollback.objects.filter(
                pk=rollback.pk, status=RollbackStatus.DONE, outcome__in=VERIFIABLE
            ).update(
                status=RollbackStatus.VERIFYING,
                first_outcome=Coalesce(NullIf("first_outcome", Value("")), "outcome"),
                outcome="",
                serving="",
                restore_run=None,
                ended_at=None,
                detail="",
                verify_requested_by=actor.name,
                verify_reason=spec.reason,
                knocked_at=timezone.now(),
                version=F("version") + 1,
            )
            if not reopened:
                return False
            book.record(
                Tag.ROLLBACK_VERIFY_REQUESTED,
                actor,
                about=rollback.tag,
                environment=rollback.environment,
                reason=spec.reason,
                before=before,
                after={"status": RollbackStatus.VERIFYING, "outcome": "", "detail": ""},
            )
            knock("continue_rollback", rollback.environment.act_queue, rollback.pk)
    except IntegrityError:
        refusals.while_rolling_back(rollback.environment, target=rollback.target_id)
        raise
    return True


def _refuse_if_superseded(rollback: Rollback) -> None:
    """Refuse to measure a rollback after which something else was brought here: it would be judged by that."""
    live = _locked(rollback.environment).live
    if live is not None and live.pk not in (rollback.deployment_id, rollback.undone_id):
        raise Conflict(
            Problem(
                "superseded",
                f"{live.release.version} ({live.tag}) is live in {rollback.environment} since then.",
                f"the state that {rollback.tag} left; run the checklist of {live.release.version} instead",
                retry=DO_NOT_RETRY,
            )
        )


def _press(spec: RollbackSpec, environment: Environment, actor: Actor) -> Rollback:
    refusals.while_rolling_back(environment, spec.target)
    environment = _locked(environment)
    back = queries.way_back(environment)
    live = refusals.unless_live(spec, back.live, environment)
    target = refusals.unless_a_target(spec, back)
    rendered = queries.rendered_for(environment, target)
    refusals.of_another_command(rendered, spec.digest)
    report = queries.migration_report(environment, live, target)
    losses = accepted_losses(spec, report)
    now = timezone.now()
    facts = readiness.facts_of(environment, back.towards(target), rendered)
    try:
        with transaction.atomic():
            assert actor.user is not None, "the command line names the system user"
            rollback = Rollback.objects.create(
                environment=environment,
                undone=live,
                target=target,
                requester=actor.user,
                requested_by=actor.name,
                reason=spec.reason,
                words=spec.words,
                seen_digest=spec.digest,
                at_press={
                    "verdict": live.verdict,
                    "readiness": [item.stored() for item in readiness.readiness_of(facts, broker.watch.last())],
                    "looked_at": facts.looked.looked_at.isoformat() if facts.looked else "",
                    "argv": rendered.argv if rendered else [],
                    "migrations": shown_at_press(report),
                    "accepted_losses": losses,
                },
                routes_to_purge=queries.routes_to_purge(environment, target),
                purge_wanted=spec.purge,
                pressed_at=now,
                knocked_at=now,
            )
            keep_rollback(rollback)
    except IntegrityError:
        refusals.while_rolling_back(environment, spec.target)
        raise
    why = f"{REASONS[spec.reason]}{f': {spec.words}' if spec.words else ''}"
    frozen = _freeze(environment, rollback, actor, why)
    marked = _mark_bad(live.release, rollback, actor, why)
    if live.status == DeploymentStatus.STARTED:
        deploying.request_stop(live, actor)
    for rehearsal in Rehearsal.objects.filter(environment=environment, status__in=OPEN_REHEARSAL):
        rehearsals.request_stop(rehearsal, actor)
    events = []
    if frozen:
        events.append(
            book.entry(
                Tag.ENVIRONMENT_FROZEN,
                actor,
                about=rollback.tag,
                environment=environment,
                reason=why,
                before={"frozen_by": ""},
                after={"frozen_by": actor.name},
            )
        )
    if marked:
        events.append(
            book.entry(
                Tag.RELEASE_MARKED_BAD,
                actor,
                about=live.release.tag,
                environment=environment,
                reason=why,
                rollback=rollback.tag,
                before={"bad_by": ""},
                after={"bad_by": actor.name},
            )
        )
    if losses:
        events.append(
            book.entry(
                Tag.DATA_LOSS_ACCEPTED,
                actor,
                about=rollback.tag,
                environment=environment,
                reason=why,
                losses=losses,
                migrations=shown_at_press(report),
                verdict=live.verdict,
            )
        )
    events.append(
        book.entry(
            Tag.ROLLBACK_PRESSED,
            actor,
            about=rollback.tag,
            environment=environment,
            reason=why,
            live=live.tag,
            live_version=live.release.version,
            target=target.tag,
            target_version=target.release.version,
            digest=spec.digest,
            readiness=rollback.at_press["readiness"],
            verdict=live.verdict,
            routes_to_purge=rollback.routes_to_purge if spec.purge else [],
            accepted_losses=losses,
        )
    )
    book.append(events)  # at last: whoever holds the head of the book waits for no other row
    knock("run_rollback", environment.act_queue, rollback.pk)
    if marked:  # after the one that matters
        _look_elsewhere(rollback)
    return rollback


def _locked(environment: Environment) -> Environment:
    """Read the environment again; until the transaction ends nobody makes another deployment its live one."""
    return (
        Environment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("service", "live__release")
        .get(pk=environment.pk)
    )


def _freeze(environment: Environment, rollback: Rollback, actor: Actor, why: str) -> bool:
    if queries.active_freeze(environment) is not None:
        return False
    Freeze.objects.create(
        environment=environment,
        reason=f"{rollback.tag}: {why}",
        frozen_by=actor.name,
        frozen_at=rollback.pressed_at,
        rollback=rollback,
    )
    return True


def _mark_bad(release: Release, rollback: Rollback, actor: Actor, why: str) -> bool:
    marked = Release.objects.filter(pk=release.pk, bad_since=None).update(
        bad_since=rollback.pressed_at, bad_reason=f"{rollback.tag}: {why}", bad_by=actor.name
    )
    return bool(marked)


def _look_elsewhere(rollback: Rollback) -> None:
    """Have the service's other ways back looked at: whether a release is bad decides whether it is a target."""
    others = Environment.objects.filter(service=rollback.environment.service_id, listed=True, live__isnull=False)
    for environment in others.exclude(pk=rollback.environment_id).select_related("service"):
        look_soon(environment)


def _take_back(rollback: Rollback, actor: Actor) -> None:
    """Undo what the press did besides queueing: nothing ran, so nothing is frozen or bad because of it."""
    now = timezone.now()
    why = f"{rollback.tag} was cancelled before anything ran"
    freeze = Freeze.objects.filter(rollback=rollback, lifted_at=None).first()
    lifted = Freeze.objects.filter(rollback=rollback, lifted_at=None).update(
        lifted_at=now, lifted_by=actor.name, lift_reason=why
    )
    unmarked = Release.objects.filter(
        pk=rollback.undone.release_id, bad_since=rollback.pressed_at, bad_reason__startswith=f"{rollback.tag}:"
    ).update(bad_since=None, bad_reason="", bad_by="")
    if lifted and freeze is not None:
        book.record(
            Tag.FREEZE_LIFTED,
            actor,
            about=rollback.tag,
            environment=rollback.environment,
            reason=why,
            before=as_frozen(freeze),
            after={"lifted_by": actor.name},
        )
    if unmarked:
        look_soon(rollback.environment)
        _look_elsewhere(rollback)
        book.record(
            Tag.RELEASE_UNMARKED_BAD,
            actor,
            about=f"R-{rollback.undone.release_id}",
            environment=rollback.environment,
            reason=why,
            before={"bad_by": rollback.requested_by, "bad_since": utc_text(rollback.pressed_at)},
            after={"bad_by": "", "bad_since": ""},
        )


def knock_again(rollback: Rollback) -> None:
    """Knock for a rollback that nobody has taken yet."""
    Rollback.objects.filter(pk=rollback.pk).update(knocked_at=timezone.now())
    knock("run_rollback", rollback.environment.act_queue, rollback.pk)
