"""Pressing the button: the rollback, the freeze, the bad mark and their events in one transaction."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from releases import book, broker, queries
from releases.actor import Actor
from releases.book import Tag
from releases.intake import REASONS, RollbackSpec
from releases.knocks import knock
from releases.models import Deployment, Environment, Event, Freeze, Rehearsal, Release, Rollback
from releases.queries import readiness
from releases.queries.standing import rollback_of
from releases.services import deploying, refusals, rehearsals
from releases.services.commands import look_soon
from releases.services.data_loss import accepted_losses, shown_at_press
from releases.services.idempotency import once
from releases.services.lookups import listed_environment
from releases.services.passages import keep_rollback
from releases.services.permissions import require
from releases.services.retrying import retried
from releases.states import OPEN_REHEARSAL, DeploymentStatus


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


def _word_shown(live: Deployment) -> str:
    """Return what the confirm page says of what is live: the outcome where that is a rollback, else the verdict."""
    brought_here_by = rollback_of(live)
    return (brought_here_by.outcome if brought_here_by else "") or live.verdict


def _press(spec: RollbackSpec, environment: Environment, actor: Actor) -> Rollback:
    refusals.while_rolling_back(environment, spec.target)
    environment = locked(environment)
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
                    "verdict": _word_shown(live),
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
    # At last: whoever holds the head of the book waits for no other row.
    book.append(_events(rollback, actor, why, frozen=frozen, marked=marked))
    knock("run_rollback", environment.act_queue, rollback.pk)
    if marked:  # after the one that matters
        look_elsewhere(rollback)
    return rollback


def _events(rollback: Rollback, actor: Actor, why: str, *, frozen: bool, marked: bool) -> list[Event]:
    """Return what a press did, in the order in which the book tells it."""
    environment, live, target, shown = rollback.environment, rollback.undone, rollback.target, rollback.at_press
    events: list[Event] = []
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
    if shown["accepted_losses"]:
        events.append(
            book.entry(
                Tag.DATA_LOSS_ACCEPTED,
                actor,
                about=rollback.tag,
                environment=environment,
                reason=why,
                losses=shown["accepted_losses"],
                migrations=shown["migrations"],
                verdict=shown["verdict"],
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
            digest=rollback.seen_digest,
            readiness=shown["readiness"],
            verdict=shown["verdict"],
            routes_to_purge=rollback.routes_to_purge if rollback.purge_wanted else [],
            accepted_losses=shown["accepted_losses"],
        )
    )
    return events


def locked(environment: Environment) -> Environment:
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


def look_elsewhere(rollback: Rollback) -> None:
    """Have the service's other ways back looked at: whether a release is bad decides whether it is a target."""
    others = Environment.objects.filter(service=rollback.environment.service_id, listed=True, live__isnull=False)
    for environment in others.exclude(pk=rollback.environment_id).select_related("service"):
        look_soon(environment)
