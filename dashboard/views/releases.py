"""A release with its record, its checklist and its deployments; and the form that registers one."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.backends.utils import csrf_input
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dashboard import marks
from dashboard.live import token_of
from dashboard.permits import may, may_somewhere, who_may, whom_to_ask
from dashboard.requests import actor_of, fragment, page
from dashboard.route_pictures import pictures_of
from dashboard.sessions import keeps_form, kept_form
from dashboard.views.notes import shown_notes
from releases.errors import Problem, Refused
from releases.intake import ReleaseSpec, from_text, lines
from releases.models import Release, Service, User
from releases.queries.differences import differences_of
from releases.queries.expected_results import results_of
from releases.queries.final_commands import final_commands
from releases.queries.history import Row, deployments_of
from releases.queries.lead_time import lead_time_of
from releases.queries.release_page import Checklist, before_after, checklist_of, could_go_to, live_in
from releases.queries.timeline import timeline
from releases.services.releases import register_release
from releases.states import Purpose

FIELDS = (
    "service",
    "version",
    "owner",
    "expected_result",
    "rollback_note",
    "affected_routes",
    "change_url",
    "assumptions",
    "change_size",
    "committed_at",
)


@require_safe
@page
def release(request: HttpRequest, pk: int) -> HttpResponse:
    found = _release(pk)
    rows = deployments_of(found)
    context = _measured(request, found, rows)
    places = live_in(found)
    return render(
        request,
        "release.html",
        context
        | {
            "places": places,
            "lead": lead_time_of(found),
            "timeline": timeline(found, rows),
            **shown_notes(request, found),
            "may_roll_back": may(request, "roll_back", found.service.key),
            "who_may_roll_back": who_may("roll_back"),
            "may_read_book": may(request, "read_book"),
            "who_may_read_book": who_may("read_book"),
            "live": False,
        },
    )


@require_safe
@fragment
def release_live(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer what is measured as it stands now; 204 when nothing moved since `v`. Asked only while a run is active."""
    found = _release(pk)
    context = _measured(request, found, deployments_of(found))
    known = request.GET.get("v", "")
    if known == context["token"]:
        return HttpResponse(status=204)
    verdict_changed = known.partition("-")[2] != context["token"].partition("-")[2]
    announced = f"{found.version}: {context['word']}" if verdict_changed and context["word"] else ""
    return render(request, "_release_live.html", context | {"announced": announced, "live": True})


@require_safe
@page
def by_version(request: HttpRequest, service: str, version: str) -> HttpResponse:
    return redirect(get_object_or_404(Release, service__key=service, version=version))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form
@page
def register(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        assert isinstance(request.user, User), "only for signed-in people"
        given = {"service": request.GET.get("service", ""), "owner": request.user.name} | kept_form(request)
        return _register_form(request, given, key=given.get("key", ""))
    given = {name: request.POST.get(name, "") for name in FIELDS}
    key = request.POST.get("key", "")
    try:
        spec = from_text(ReleaseSpec, {**given, "affected_routes": lines(given["affected_routes"])})
        made = register_release(spec, actor=actor_of(request), key=key)
    except Refused as refusal:
        if refusal.status == 403:
            raise
        return _register_form(request, given, key=key, refusal=refusal)
    response = redirect(made)
    response.status_code = 303
    return response


def _register_form(
    request: HttpRequest, given: dict[str, str], *, key: str = "", refusal: Refused | None = None
) -> HttpResponse:
    """Show the form with everything that was typed; each problem stands beside its field as well as on top."""
    problems = [_beside_its_field(problem) for problem in refusal.problems] if refusal else []
    # What a problem does not repeat, such as credentials, the form does not repeat either.
    secret = {problem.field for problem in problems if problem.code == "invalid" and not problem.got}
    if any(problem.code in ("idempotency_key_reused", "bad_idempotency_key") for problem in problems):
        key = ""
    return render(
        request,
        "release_register.html",
        {
            "given": {name: "" if name in secret else given.get(name, "") for name in FIELDS},
            "key": key or str(uuid.uuid4()),
            "problems": problems,
            "existing": refusal.made if refusal and isinstance(refusal.made, Release) else None,
            "options": _services(given.get("service", "")),
            "may_register": may_somewhere(request, "register_release"),
            "who_may_register": whom_to_ask(request, "register_release"),
        },
        status=refusal.status if refusal else 200,
    )


def _services(given: str) -> list[tuple[str, str]]:
    """Return what the form offers as services. What was given stays in it, known or not."""
    offered = [(service.key, f"{service.key} - {service.title}") for service in Service.objects.filter(listed=True)]
    if given in dict(offered):
        return offered
    return [(given, given or "choose one"), *offered] if offered else []


def _beside_its_field(problem: Problem) -> Problem:
    """Name the field of the form: `affected_routes.1` is a line of `affected_routes`, a key is no field at all."""
    name = problem.field.partition(".")[0]
    return replace(problem, field=name if name in FIELDS else "")


def _release(pk: int) -> Release:
    return get_object_or_404(Release.objects.select_related("service"), pk=pk)


def _measured(request: HttpRequest, found: Release, rows: Sequence[Row]) -> dict[str, Any]:
    """Return what is measured of a release: the checklist of one of its deployments, and all of these."""
    shown = _shown(rows, request.GET.get("deployment", ""))
    asked = request.GET.get("run", "")
    chosen = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
    checklist = checklist_of(shown.deployment, chosen=chosen) if shown else None
    measuring = shown is not None and checklist is None and shown.progress is not None
    baseline = checklist_of(shown.deployment, Purpose.BASELINE) if shown and measuring else None
    active = bool(baseline) or (shown is not None and shown.active) or (checklist is not None and checklist.active)
    word = shown.standing.word if shown else ""
    title = f"{found.version} · {found.service.key}"
    next_places = could_go_to(found) if not rows and found.service.listed else []
    return {
        "at": timezone.now(),
        "release": found,
        "rows": rows,
        "shown": shown,
        "checklist": checklist,
        "baseline": baseline,
        "before_after": pictures_of(before_after(checklist)) if checklist and not checklist.active else [],
        "promised": results_of(found, shown.deployment if shown else None),
        "may_confirm": may(request, "confirm_result", found.service.key),
        "differences": differences_of(shown.deployment) if shown else None,
        "commands": final_commands(shown.deployment) if shown else [],
        "active": active,
        "token": _token(rows, checklist, baseline, word),
        "word": word,
        "title": f"{marks.glyph(word)} {title}" if word else title,
        "may_report": may(request, "report_deployment", found.service.key),
        "next_places": next_places,
        "deploy_places": [place for place in next_places if "deploy" in place.command_names]
        if may(request, "deploy", found.service.key)
        else [],
        "at_hand": _at_hand(request, found, shown, active),
    }


def _at_hand(request: HttpRequest, found: Release, shown: Row | None, active: bool) -> dict[str, Any]:
    """Return what the reader may do about the checklist: have what is live checked again, accept what was found."""
    accepts = may(request, "accept_finding", found.service.key)
    hand: dict[str, Any] = {"again": "", "accept": accepts, "csrf": csrf_input(request)}
    if shown is not None and not active and may(request, "run_checklist", found.service.key):
        place = shown.deployment.environment
        if place.live_id == shown.deployment.pk and place.checklist:
            hand["again"] = reverse("checklist_again", args=[place.service.key, place.key])
    return hand


def _shown(rows: Sequence[Row], asked: str) -> Row | None:
    """Return the deployment that was asked for, else the newest one in production, else the newest one.

    A pass on staging must not stand above a failure that readers see.
    """
    for_readers = (row for row in rows if row.deployment.environment.production)
    newest = next(for_readers, rows[0] if rows else None)
    return next((row for row in rows if str(row.deployment.pk) == asked), newest)


def _token(rows: Sequence[Row], checklist: Checklist | None, baseline: Checklist | None, word: str) -> str:
    """Return what changes when anything measured changes, then a dash and what changes with the verdict alone."""
    listed = [(row.deployment.pk, row.standing, row.progress) for row in rows]
    lines = [
        (line.key, line.word, line.probe.done, line.probe.total, line.probe.doing)
        for run in (checklist, baseline)
        if run
        for line in run.lines
    ]
    run = (checklist.run.pk, checklist.run.status, checklist.verdict, len(checklist.waiting)) if checklist else None
    return f"{token_of(repr((listed, lines, run)))}-{token_of(word)}"
