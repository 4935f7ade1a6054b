"""A service, and an environment's history."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard import filters, marks
from dashboard.live import token_of
from dashboard.permits import may, who_may
from dashboard.requests import fragment, page
from dashboard.sessions import keeps_words
from releases.models import Environment, Service, User
from releases.queries.board import Place
from releases.queries.history import (
    RUNNING_ROWS_LIMIT,
    HistoryRow,
    deployments_page,
    newest_releases,
    rows_again,
)
from releases.queries.paging import Page, number
from releases.queries.places import place as place_of, places_of
from releases.services.people import choose_service
from releases.states import DeploymentKind

OF_AN_ENVIRONMENT = ("kind", "owner", "outcome", "from", "to")
"""The filters of an environment's history."""


@require_safe
@page
def service(request: HttpRequest, service: str) -> HttpResponse:
    found = get_object_or_404(Service, key=service)
    places = places_of(found)
    assert isinstance(request.user, User), "a page for signed-in people"
    return render(
        request,
        "service.html",
        {
            "at": timezone.now(),
            "service": found,
            "places": places,
            "mine": request.user.services.filter(pk=found.pk).exists(),
            "releases": newest_releases(found),
            "api_address": request.build_absolute_uri(reverse("api_releases")),
            "may_register": may(request, "register_release", found.key),
            "who_may_register": who_may("register_release"),
            "may_roll_back": may(request, "roll_back", found.key),
            "who_may_roll_back": who_may("roll_back"),
        },
    )


def _to_the_service(request: HttpRequest, service: str) -> str:
    return reverse("service", args=[service])


@require_POST
@keeps_words(_to_the_service)
@page
def mine(request: HttpRequest, service: str) -> HttpResponse:
    """Take a service into what the signed-in person's board shows first, or out of it."""
    found = get_object_or_404(Service, key=service)
    assert isinstance(request.user, User), "a page for signed-in people"
    choose_service(request.user, found, mine=request.POST.get("mine") == "true")
    return HttpResponseRedirect(found.get_absolute_url(), status=303)


@require_safe
@page
def environment(request: HttpRequest, service: str, environment: str) -> HttpResponse:
    found = _environment(service, environment)
    asked = filters.asked(request, OF_AN_ENVIRONMENT)
    at = filters.position(request)
    shown: Page[HistoryRow] = Page((), None)
    if asked.wanted is not None:
        shown = deployments_page(asked.wanted, [found.pk], timezone.get_current_timezone(), at)
    context = _context(request, place_of(found), [row for row in shown.rows if row.active])
    return render(
        request,
        "environment.html",
        context
        | filters.context(
            request.path,
            asked,
            shown,
            at,
            [kind.value for kind in DeploymentKind],
            place={"service": service, "environment": environment},
        )
        | {"environment": found, "before": at.before},
        status=422 if asked.problems else 200,
    )


@require_safe
@fragment
def environment_live(request: HttpRequest, service: str, environment: str) -> HttpResponse:
    """Answer the card and the rows named in `rows` as they stand now; 204 when nothing moved since `v`."""
    found = _environment(service, environment)
    numbers = [pk for part in request.GET.get("rows", "").split(".") if (pk := number(part)) is not None]
    place, rows = place_of(found), rows_again(found, numbers)
    known = request.GET.get("v", "")
    token = _token(place, rows)
    if known == token:
        return HttpResponse(status=204)
    # A row that has come to rest is sent once more and then no longer asked for.
    context = _context(request, place, [row for row in rows if row.active])
    verdict_changed = known.partition("-")[2] != token.partition("-")[2]
    announced = f"{place.name}: {place.live.standing.word}" if verdict_changed and place.live else ""
    return render(
        request,
        "_environment_live.html",
        context | {"environment": found, "swapped": rows, "announced": announced, "live": True},
    )


def _context(request: HttpRequest, place: Place, running: Sequence[HistoryRow]) -> dict[str, Any]:
    """Return what the card shows, and how it is asked for again together with the running rows."""
    word = place.live.standing.word if place.live else ""
    active = place.active or bool(running)
    return {
        "at": timezone.now(),
        "place": place,
        "active": active,
        "seconds": 2 if active else 10,
        "token": _token(place, running),
        "asked_again": ".".join(str(row.deployment.pk) for row in running[:RUNNING_ROWS_LIMIT]),
        "title": f"{marks.glyph(word)} {place.name} · history" if word else f"{place.name} · history",
        "may_roll_back": may(request, "roll_back", place.service),
        "who_may_roll_back": who_may("roll_back"),
        "may_lift": may(request, "lift_freeze", place.service),
        "who_may_lift": who_may("lift_freeze"),
        "may_deploy": may(request, "deploy", place.service),
        "may_report": may(request, "report_deployment", place.service),
        "who_may_report": who_may("report_deployment"),
        "live": False,
    }


def _token(place: Place, rows: Sequence[HistoryRow]) -> str:
    """Return what changes with the card or one of these rows, then a dash and what changes with the verdict alone."""
    back = (place.back.items, place.back.looked_at) if place.back else None
    told = repr((place, back, sorted((row.deployment.pk, repr((row.standing, row.progress))) for row in rows)))
    return f"{token_of(told)}-{token_of(place.live.standing.word if place.live else '')}"


def _environment(service: str, environment: str) -> Environment:
    return get_object_or_404(Environment.objects.select_related("service"), service__key=service, key=environment)
