"""What was live in an environment at a moment, answered in a sentence."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import wording
from dashboard.requests import page
from releases.errors import Invalid, Problem
from releases.intake import from_text
from releases.models import Environment
from releases.queries.live_at import live_at as look_up
from releases.wanted import LocalMomentSpec, MomentSpec


@require_safe
@page
def live_at(request: HttpRequest, service: str, environment: str) -> HttpResponse:
    """Answer for the moment `t`; a form's `local` time leads to the address that says the same everywhere."""
    place = get_object_or_404(Environment.objects.select_related("service"), service__key=service, key=environment)
    zone = timezone.get_current_timezone()
    now = timezone.now()
    moment, problems = now, tuple[Problem, ...]()
    try:
        if local := request.GET.get("local", "").strip():
            there = from_text(LocalMomentSpec, {"local": local}).local.replace(tzinfo=zone)
            query = {"t": wording.iso(there)}
            return HttpResponseRedirect(reverse("live_at", args=[service, environment], query=query))
        if t := request.GET.get("t", "").strip():
            moment = from_text(MomentSpec, {"t": t}).t
    except Invalid as refusal:
        problems = tuple(refusal.problems)
    context = {
        "at": now,
        "place": place,
        "moment": moment,
        "asked_for_now": "t" not in request.GET and not problems,
        "found": None if problems else look_up(place, min(moment, now)),
        "problems": problems,
        "zone": timezone.get_current_timezone_name(),
        "local": request.GET.get("local", "")[:40] or f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}",
    }
    return render(request, "live_at.html", context, status=422 if problems else 200)
