"""What a person does after the press: cancel, stop, run despite a lock, measure again. The worker's: `rolling_back`."""

from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.display import utc_text
from releases.errors import DO_NOT_RETRY, Moved, Problem
from releases.intake import OverrideSpec, VerifySpec
from releases.knocks import knock
from releases.models import Execution, Freeze, Release, Rollback
from releases.services import refusals
from releases.services.commands import look_soon
from releases.services.freezes import as_frozen
from releases.services.permissions import require
from releases.services.pressing import locked, look_elsewhere
from releases.services.retrying import retried
from releases.services.rollback_rows import moved_from
from releases.states import VERIFIABLE, ExecutionStatus, RollbackStatus


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
    live = locked(rollback.environment).live
    if live is not None and live.pk not in (rollback.deployment_id, rollback.undone_id):
        raise Moved(
            Problem(
                "superseded",
                f"{live.release.version} ({live.tag}) is live in {rollback.environment} since then.",
                f"the state that {rollback.tag} left; run the checklist of {live.release.version} instead",
                retry=DO_NOT_RETRY,
            )
        )


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
        look_elsewhere(rollback)
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
