"""The page where on-call decides: live → target, note, readiness, the button."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.passwords import TooManyTries, asks_password, check_press
from dashboard.permits import who_may
from dashboard.requests import actor_of, fragment, page
from dashboard.sessions import WORDS_LIMIT, keeps_words
from dashboard.views.errors import with_retry_after
from releases import broker, queries
from releases.errors import Busy, Conflict, Invalid, NotFound, Problem, Refused
from releases.intake import REASONS, RollbackSpec, from_text
from releases.migration_report import COMMAND, NO_COMMAND, loss_digest
from releases.models import Deployment, Environment, Rollback
from releases.queries import configuration, readiness, rollback_page
from releases.queries.migrations import report_token
from releases.queries.people import people_who_may
from releases.queries.standing import progress_by_deployment, standing
from releases.queries.terminal import terminal
from releases.services import checklists, pressing
from releases.services.commands import ask_to_look
from releases.services.lookups import listed_environment
from releases.states import Verdict

NUMBER_DIGITS = 18
"""Longest number that an address may carry."""
BROKER_SECONDS = 0.3
"""How long the page waits to hear of the broker."""
BROKER_SECONDS_LIVE = 2.5
"""How long a live region does, for which nobody waits."""


def _back(request: HttpRequest, service: str, environment: str) -> str:
    words = request.POST.get("words", "")[:WORDS_LIMIT]
    kept = {"to": request.POST.get("target", ""), "reason": request.POST.get("reason", ""), "words": words}
    return reverse("confirm", args=[service, environment], query={key: value for key, value in kept.items() if value})


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_words(_back)
@page
def confirm(request: HttpRequest, service: str, environment: str) -> HttpResponse:
    """Show where a rollback would go and whether it would work; a POST presses the button."""
    place = listed_environment(service, environment)
    if request.method == "POST":
        return _press(request, place)
    seen = _number(request.GET.get("seen"))
    context = _context(request, place, to=_number(request.GET.get("to")), seen=seen)
    _ask_for_a_look(context)
    _add_differences(context)
    return render(request, "confirm.html", context)


@require_safe
@fragment
def confirm_live(request: HttpRequest, service: str, environment: str) -> HttpResponse:
    """Answer readiness and command as they are now; 204 when they are as the reader's, which `v` names."""
    try:
        place = listed_environment(service, environment)
    except NotFound as refusal:
        raise Http404 from refusal
    asked = request.GET
    broker.watch.answers(BROKER_SECONDS_LIVE)
    context = _context(request, place, to=_number(asked.get("to")), shown=_number(asked.get("live")))
    context["changed_command"] = bool(asked.get("d")) and asked["d"] != context["digest"]
    context["first_digest"] = asked.get("d") or context["digest"]
    context["token"] = _token(context)
    if asked.get("v") == context["token"]:
        return HttpResponse(status=204)
    context["live"] = True
    context["new_press"] = asked.get("p", "") != context["press"]
    moved, known, token = context["press"] == "moved", asked.get("m", ""), context["report_token"]
    context["new_report"] = not moved and known != token
    # Only then: a box that somebody ticked stays ticked while what it names stays the same.
    context["new_losses"] = not moved and known.partition("-")[0] != token.partition("-")[0]
    context["announced"] = _announcement(asked.get("v", ""), context)
    return render(request, "_confirm_live.html", context)


def _press(request: HttpRequest, place: Environment) -> HttpResponse:
    """Press the button: 303 to the rollback, or the same page again with what is in the way and the words kept."""
    given = {name: request.POST.get(name, "") for name in ("live", "target", "digest", "reason", "words")}
    given |= {"service": place.service.key, "environment": place.key}
    given["purge"] = "true" if request.POST.get("purge") else "false"
    given["accept_data_loss"] = "true" if request.POST.get("accept_data_loss") else "false"
    shown = request.POST.getlist("losses")
    try:
        spec = from_text(RollbackSpec, given | {"losses": shown})
        check_press(request, place)
        rollback = pressing.press(spec, actor=actor_of(request), key=request.POST.get("key", ""))
    except (Conflict, Invalid, Busy, TooManyTries) as refusal:
        return _again(request, place, given, refusal)
    return HttpResponseRedirect(rollback.get_absolute_url(), status=303)


def _again(request: HttpRequest, place: Environment, given: dict[str, str], refusal: Refused) -> HttpResponse:
    fresh = listed_environment(place.service.key, place.key)
    context = _context(
        request,
        fresh,
        to=_number(given["target"]),
        seen=_number(given["live"]),
        filled=given,
        problems=refusal.problems,
        standing_in_the_way=refusal.made if isinstance(refusal.made, Rollback) else None,
    )
    _ask_for_a_look(context)
    _add_differences(context)
    return with_retry_after(render(request, "confirm.html", context, status=refusal.status), refusal)


def _context(
    request: HttpRequest,
    place: Environment,
    *,
    to: int | None,
    seen: int | None = None,
    shown: int | None = None,
    filled: dict[str, str] | None = None,
    problems: Sequence[Problem] = (),
    standing_in_the_way: Rollback | None = None,
) -> dict[str, Any]:
    """Return what the page says.

    `to` is the chosen target, `seen` the deployment that a link or a refused form showed as live, `shown` the one that
    an open page shows, `filled` what was typed.
    """
    actor = actor_of(request)
    now = timezone.now()
    back = queries.way_back(place)
    target = next((one for one in back.targets if one.pk == to), back.target)
    default = back.target
    if target is not None:  # readiness speaks of the first one
        back = back.towards(target)
    rendered = queries.rendered_for(place, target)
    undone = queries.undone_by(place, target) if target else []
    on = standing_in_the_way or queries.open_rollback(place)
    may = actor.may("roll_back", place.service.key)
    live = back.live
    moved = live is not None and seen not in (None, live.pk)
    failing, measured = rollback_page.failing_probes(live.verify_run_id if live else None)
    facts = readiness.facts_of(place, back, rendered)
    queue_answers = broker.watch.answers(BROKER_SECONDS)
    items = readiness.readiness_of(facts, queue_answers)
    report = queries.migration_report(place, live, target)
    context: dict[str, Any] = {
        "at": now,
        "environment": place,
        "back": back,
        "deployed": live,
        "stands": standing(live, progress_by_deployment([live.pk]).get(live.pk)) if live else None,
        "target": target,
        "not_offered": to if to is not None and (target is None or target.pk != to) else None,
        "why_not": next((one.why for one in back.skipped if one.deployment.pk == to), "it is not earlier here"),
        "compared": target is not None and checklists.counts(target.verify_run),
        "was_live": rollback_page.was_live_for(place, target) if target else None,
        "failing": failing,
        "measured": measured,
        "items": items,
        "red": [item for item in items if item.red],
        "not_known": [item for item in items if not item.known],
        "answer": readiness.answer_of(items),
        "looked_at": facts.looked.looked_at if facts.looked else None,
        "rendered": rendered,
        "digest": rendered.digest if rendered else "",
        "first_digest": rendered.digest if rendered else "",
        "changed_command": False,
        "expected": queries.expected_seconds(place),
        "undone": undone,
        "report": report,
        "report_token": report_token(report),
        "losses": [(loss_digest(loss), loss) for loss in report.losses] if report else [],
        "no_command": NO_COMMAND,
        "has_migrations_command": COMMAND in place.command_names,
        "routes": queries.routes_to_purge(place, target) if target else [],
        "probes": len(place.checklist),
        "freeze": queries.active_freeze(place),
        "open": on,
        "open_reason": REASONS.get(on.reason, on.reason) if on is not None else "",
        "mine": on is not None and on.requester_id == request.user.pk,
        "seen": rollback_page.deployment_here(place, seen) if moved else None,
        "seen_number": seen,
        "moved": moved,
        "may_roll_back": may,
        "may_register": actor.may("register_release", place.service.key),
        "who_may_register": who_may("register_release"),
        "may_deploy": actor.may("deploy", place.service.key),
        "may_report": actor.may("report_deployment", place.service.key),
        "who_may_report": who_may("report_deployment"),
        "asks_password": asks_password(request, place),
        "who_may_roll_back": who_may("roll_back"),
        "people": [] if may else people_who_may("roll_back", place.service.key),
        "address": request.build_absolute_uri(),
        "reasons": _reasons(failing),
        "problems": problems,
        "refused": bool(problems),
        "filled": filled or _defaults(request, live),
        "key": uuid.uuid4().hex,
        "terminal": terminal(
            place, rendered, request.user.get_username(), target.release.version if target and target != default else ""
        ),
        "nobody_works": not facts.alive,
        "broker_silent": queue_answers is False,
        "live": False,
        "new_press": False,
        "new_report": False,
        "new_losses": False,
        "announced": "",
    }
    context["press"] = _press_state(context, shown)
    context["token"] = _token(context)
    return context


def _press_state(context: dict[str, Any], shown: int | None) -> str:
    """Say in one word what stands where the button stands."""
    live, target = context["deployed"], context["target"]
    if not context["may_roll_back"]:
        return "denied"
    if context["open"] is not None:
        return f"open-{context['open'].pk}"
    if shown is not None and (live is None or live.pk != shown):
        return "moved"
    if target is None or (context["not_offered"] is not None and shown is not None):
        return "moved"
    return "go"


def _reasons(failing: Sequence[str]) -> list[tuple[str, str]]:
    """Return the choice of reasons; the first one names what fails."""
    named = f"{REASONS['checklist']}: {', '.join(failing[:2])}" if failing else REASONS["checklist"]
    more = f", +{len(failing) - 2}" if len(failing) > 2 else ""
    return [(key, f"{named}{more}" if key == "checklist" else words) for key, words in REASONS.items()]


def _defaults(request: HttpRequest, live: Deployment | None) -> dict[str, str]:
    """Return what the form holds before anybody typed: what a sign-in kept, else the verdict's own reason."""
    failing = live is not None and live.verdict == Verdict.FAIL
    return {
        "reason": request.GET.get("reason", "checklist" if failing else ""),
        "words": request.GET.get("words", "")[:WORDS_LIMIT],
        "purge": "true",
    }


def _ask_for_a_look(context: dict[str, Any]) -> None:
    if context["target"] is not None:
        ask_to_look(context["environment"], context["target"], context["rendered"], context["looked_at"])


def _add_differences(context: dict[str, Any]) -> None:
    """Say how the configuration under the target differed from what is live; None where it was not kept of both."""
    live, target = context["deployed"], context["target"]
    context["differences"] = configuration.compared(target, live) if live and target else None


def _token(context: dict[str, Any]) -> str:
    """Return what changes when readiness, command or button change; before the dash stands readiness as a whole."""
    rendered = context["rendered"]
    what = (
        context["press"],
        context["items"],
        (rendered.digest, rendered.host, rendered.problems) if rendered else None,
        context["changed_command"],
        context["looked_at"],
        context["report_token"],
    )
    digest = hashlib.sha256(repr(what).encode("utf-8", "replace")).hexdigest()[:16]
    return f"{context['answer'].replace(' ', '_')}-{digest}"


def _announcement(known: str, context: dict[str, Any]) -> str:
    """Return what a screen reader is told: when the button changed, or when readiness turned."""
    if context["new_press"] and context["press"] == "moved":
        return "What is live has changed."
    if context["new_press"] and context["open"] is not None:
        return f"{context['open'].requested_by} pressed: {context['open'].tag}."
    if context["new_losses"] and context["losses"]:
        return "Going back would lose data; the page says which."
    if known.partition("-")[0] == context["token"].partition("-")[0]:
        return ""
    if context["answer"] == "ready":
        return "The rollback would work."
    first = [*context["red"], *context["not_known"]][0]
    return f"{'Not ready' if first.red else 'Not known'}: {first.key}, {first.says}."


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS else None
