"""Lifting a freeze: a person, with a reason."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dashboard.passwords import TooManyTries, asks_password, check_press
from dashboard.permits import who_may
from dashboard.requests import actor_of, page
from dashboard.returning import answered, came_from, keeping
from dashboard.sessions import keeps_words
from dashboard.views.errors import with_retry_after
from releases.errors import Invalid, Refused
from releases.intake import LiftSpec, from_text
from releases.models import Freeze
from releases.queries.people import people_who_may
from releases.services.freezes import lift_freeze


def _this_page(request: HttpRequest, pk: int) -> str:
    return keeping(request, reverse("freeze_lift", args=[pk]))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_words(_this_page, field="reason")
@page
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    """Show who froze the environment, when and why; a POST with a reason lifts the freeze."""
    freeze = _found(pk)
    if request.method != "POST":
        return _shown(request, freeze)
    try:
        spec = from_text(LiftSpec, {"reason": request.POST.get("reason", "")})
        check_press(request, freeze.environment)
        lifted = lift_freeze(freeze, spec, actor=actor_of(request))
    except (Invalid, TooManyTries) as refusal:
        return _shown(request, freeze, refusal)
    if not lifted:
        return _shown(request, _found(pk), status=409)
    return answered(request, freeze.environment.get_absolute_url(), "Freeze lifted:", str(freeze.environment))


def _found(pk: int) -> Freeze:
    freeze = (
        Freeze.objects.select_related("environment__service", "environment__live__release", "rollback")
        .filter(pk=pk)
        .first()
    )
    if freeze is None:
        raise Http404
    return freeze


def _shown(request: HttpRequest, freeze: Freeze, refusal: Refused | None = None, status: int = 200) -> HttpResponse:
    may = actor_of(request).may("lift_freeze", freeze.environment.service.key)
    context = {
        "at": timezone.now(),
        "freeze": freeze,
        "environment": freeze.environment,
        "may": may,
        "asks_password": asks_password(request, freeze.environment),
        "who_may": who_may("lift_freeze"),
        "people": [] if may else people_who_may("lift_freeze", freeze.environment.service.key),
        "typed": request.POST.get("reason", ""),
        "problems": refusal.problems if refusal else (),
        "pressed": request.method == "POST",
        "back": came_from(request),
    }
    shown = render(request, "freeze_lift.html", context, status=refusal.status if refusal else status)
    return with_retry_after(shown, refusal)
