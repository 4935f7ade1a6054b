"""What the confirm page shows before a press, for a caller that presses through the JSON face."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from releases import broker, queries
from releases.display import utc_text
from releases.errors import DO_NOT_RETRY, Invalid, Problem
from releases.migration_report import loss_digest
from releases.models import Deployment, Environment, MigrationReport, RenderedCommand
from releases.queries import readiness
from releases.services.commands import ask_to_look

BROKER_SECONDS = 0.3
"""How long the answer waits to hear of the broker."""


def way_back_json(request: HttpRequest, place: Environment, to: str) -> dict[str, Any]:
    """Return what is live, where a rollback would go, whether it would work, and the body of a press that has seen it.

    `to` is the version of another target. A worker is asked to look where none has lately. Raises Invalid where no
    target has that version: what is said of readiness would be about another one.
    """
    back = queries.way_back(place)
    target = _target(back, to)
    if target is not None:
        back = back.towards(target)
    rendered = queries.rendered_for(place, target)
    report = queries.migration_report(place, back.live, target)
    facts = readiness.facts_of(place, back, rendered)
    items = readiness.readiness_of(facts, broker.watch.answers(BROKER_SECONDS))
    looked_at = facts.looked.looked_at if facts.looked else None
    if target is not None:
        ask_to_look(place, target, rendered, looked_at)
    on = queries.open_rollback(place)
    return {
        "service": place.service.key,
        "environment": place.key,
        "live": _deployment(back.live) if back.live else None,
        "target": _deployment(target) if target else None,
        "other_targets": [_deployment(one) for one in back.targets if one != target],
        "skipped": [{**_deployment(one.deployment), "why": one.why} for one in back.skipped],
        "undoes": [_deployment(one) for one in queries.undone_by(place, target)] if target else [],
        "rollback_note": back.live.release.rollback_note if back.live else None,
        "command": _command(rendered),
        "routes_to_purge": queries.routes_to_purge(place, target) if target else [],
        "readiness": readiness.answer_of(items),
        "items": [item.stored() for item in items],
        "looked_at": utc_text(looked_at) if looked_at else None,
        "migrations": _migrations(report),
        "losses": report.losses if report else [],
        "open_rollback": on.tag if on else None,
        "press": _press(place, back.live, target, rendered, report),
        "url": request.build_absolute_uri(reverse("confirm", args=[place.service.key, place.key])),
    }


def _target(back: queries.WayBack, to: str) -> Deployment | None:
    if not to:
        return back.target
    for one in back.targets:
        if one.release.version == to:
            return one
    why = next((one.why for one in back.skipped if one.deployment.release.version == to), "it is not earlier here")
    raise Invalid(
        Problem(
            "not_a_target",
            f"The version is no target of a rollback: {why}.",
            "one of " + (", ".join(one.release.version for one in back.targets[:10]) or "none: nothing to go back to"),
            field="to",
            got=to,
            retry=DO_NOT_RETRY,
        )
    )


def _deployment(deployment: Deployment) -> dict[str, Any]:
    release = deployment.release
    return {
        "id": deployment.tag,
        "version": release.version,
        "owner": release.owner,
        "verified": deployment.verified,
        "verdict": deployment.verdict or None,
    }


def _command(rendered: RenderedCommand | None) -> dict[str, Any] | None:
    """Return the command as the worker that would run it rendered it; nothing where none has yet."""
    if rendered is None:
        return None
    return {
        "argv": rendered.argv,
        "digest": rendered.digest or None,
        "host": rendered.host,
        "rendered_at": utc_text(rendered.rendered_at),
        "problems": rendered.problems,
    }


def _migrations(report: MigrationReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "migrations": report.migrations if report.answered_at else None,
        "answered_at": utc_text(report.answered_at) if report.answered_at else None,
        "problem": report.problem or None,
    }


def _press(
    place: Environment,
    live: Deployment | None,
    target: Deployment | None,
    rendered: RenderedCommand | None,
    report: MigrationReport | None,
) -> dict[str, Any] | None:
    """Return the body of a press by a caller who saw all this; a reason is theirs to add, and what they accept."""
    if live is None or target is None:
        return None
    return {
        "service": place.service.key,
        "environment": place.key,
        "live": live.pk,
        "target": target.pk,
        "digest": rendered.digest if rendered else "",
        "losses": [loss_digest(loss) for loss in report.losses] if report else [],
    }
