"""Having a release rehearsed, and the page of a rehearsal, which is its receipt."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.carried_out import Shown, show, show_live
from dashboard.permits import may, whom_to_ask
from dashboard.requests import actor_of, fragment, page
from dashboard.returning import answered, came_from
from dashboard.sessions import keeps_form, keeps_words, kept_form
from dashboard.views.deploying import deployable, environment_of, see_other
from releases.errors import Refused
from releases.intake import RehearseSpec, from_text
from releases.models import Environment, Rehearsal
from releases.queries import active_freeze
from releases.queries.steps import NAMES, steps_of_rehearsal
from releases.services.rehearsals import rehearse, steps_of, stop_rehearsal
from releases.states import RehearsalStatus

HEADINGS = {
    RehearsalStatus.QUEUED: "Queued",
    RehearsalStatus.RUNNING: "Rehearsing",
    RehearsalStatus.CANCELLED: "Cancelled",
    RehearsalStatus.REFUSED: "Refused",
}


def _to_the_page(request: HttpRequest, pk: int) -> str:
    return reverse("rehearsal", args=[pk])


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form
@page
def new(request: HttpRequest, service: str, environment: str) -> HttpResponse:
    """Ask which release is to be rehearsed; a POST queues it, 303 to its page."""
    place = environment_of(service, environment)
    if request.method != "POST":
        given = {"version": request.GET.get("version", "")} | kept_form(request)
        return _form(request, place, given["version"], key=given.get("key", ""), back=came_from(request, given))
    version, key = request.POST.get("version", ""), request.POST.get("key", "")
    try:
        spec = from_text(RehearseSpec, {"service": service, "environment": environment, "version": version})
        made = rehearse(spec, actor=actor_of(request), key=key)
    except Refused as refusal:
        if refusal.status == 403:
            raise
        return _form(request, place, version, back=came_from(request), refusal=refusal)
    return answered(request, made.get_absolute_url(), "Rehearsal queued:", f"{made.tag} in {place}")


@require_safe
@page
def rehearsal(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a rehearsal: its steps while they run, then what they proved."""
    late = "Your press of Stop changed nothing" if request.GET.get("late") else ""
    return show(request, _shown(_found(pk)), late)


@require_safe
@fragment
def rehearsal_live(request: HttpRequest, pk: int) -> HttpResponse:
    return show_live(request, _shown(_found(pk)))


@require_POST
@keeps_words(_to_the_page)
@page
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel it, or have its command ended; 303 to its page, which says so when it was too late."""
    done = stop_rehearsal(_found(pk), actor=actor_of(request))
    return see_other(reverse("rehearsal", args=[pk]) + ("" if done else "?late=stop"))


def step_names(place: Environment) -> list[str]:
    """Return what a rehearsal does here, step by step, in words."""
    return [NAMES[kind] for kind in steps_of(place)]


def _form(
    request: HttpRequest, place: Environment, version: str, *, key: str = "", back: str, refusal: Refused | None = None
) -> HttpResponse:
    versions = deployable(place)
    context: dict[str, Any] = {
        "environment": place,
        "version": version or (versions[0] if versions else ""),
        "versions": versions,
        "key": key or str(uuid.uuid4()),
        "back": back,
        "problems": list(refusal.problems) if refusal else [],
        "steps": step_names(place),
        "missing": [name for name in ("deploy", "rollback") if name not in place.command_names],
        "freeze": active_freeze(place),
        "may_deploy": may(request, "deploy", place.service.key),
        "who_may_deploy": whom_to_ask(request, "deploy", place.service.key),
    }
    return render(request, "rehearse.html", context, status=refusal.status if refusal else 200)


def _found(pk: int) -> Rehearsal:
    return get_object_or_404(
        Rehearsal.objects.select_related("environment__service", "release__service", "back_to__release"), pk=pk
    )


def _shown(row: Rehearsal) -> Shown:
    stopping = row.open and bool(row.stop_requested_by)
    if row.status == RehearsalStatus.DONE:
        word, heading = row.outcome, row.outcome.capitalize()
    else:
        word = "stopping" if stopping else row.status
        heading = "Stopping" if stopping else HEADINGS[RehearsalStatus(row.status)]
    label = ""
    if row.open and not stopping:
        label = f"Cancel {row.tag}" if row.status == RehearsalStatus.QUEUED else f"Stop {row.tag}"
    before = row.back_to.release.version
    return Shown(
        tag=row.tag,
        environment=row.environment,
        word=word,
        heading=heading,
        versions=f"{before} → {row.release.version} → {before}",
        detail=row.detail,
        by=row.requested_by,
        at=row.pressed_at,
        ended_at=row.ended_at,
        steps=steps_of_rehearsal(row),
        open=row.open,
        live_address=reverse("rehearsal_live", args=[row.pk]),
        stop_address=reverse("rehearsal_stop", args=[row.pk]),
        stop_label=label,
        release=row.release_id,
        deployment=row.deployment_id,
    )
