"""What a person does to a rollback on its page: cancel, stop, run it despite the lock, have it measured again."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.passwords import TooManyTries, asks_password, check_press
from dashboard.permits import whom_to_ask
from dashboard.requests import actor_of, page
from dashboard.sessions import keeps_words
from dashboard.views.errors import with_retry_after
from dashboard.views.rollbacks import found
from releases.errors import Invalid, Refused
from releases.intake import OverrideSpec, VerifySpec, from_text
from releases.models import Rollback
from releases.services import rollbacks
from releases.states import VERIFIABLE, RollbackStatus


def _to_the_page(request: HttpRequest, pk: int) -> str:
    return reverse("rollback", args=[pk])


def _to_override(request: HttpRequest, pk: int) -> str:
    return reverse("rollback_override", args=[pk])


def _to_verify(request: HttpRequest, pk: int) -> str:
    return reverse("rollback_verify", args=[pk])


@require_POST
@keeps_words(_to_the_page)
@page
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel a rollback that nobody has taken; 303 to its page, which says so when it was too late."""
    done = rollbacks.cancel(found(pk), actor=actor_of(request))
    return _back_to(pk, "" if done else "cancel")


@require_POST
@keeps_words(_to_the_page)
@page
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the worker to end the command; 303 to the page, which says so when there was nothing to stop."""
    done = rollbacks.stop(found(pk), actor=actor_of(request))
    return _back_to(pk, "" if done else "stop")


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_words(_to_verify, field="reason")
@page
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask why a rollback is to be measured again; a POST with a reason has it measured, 303 to its page."""
    row = found(pk)
    if request.method != "POST":
        return _ask_to_verify(request, row)
    try:
        spec = from_text(VerifySpec, {"reason": request.POST.get("reason", "")})
        done = rollbacks.verify_now(row, spec, actor=actor_of(request))
    except Invalid as refusal:
        return _ask_to_verify(request, row, refusal)
    return _back_to(pk, "" if done else "verify")


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_words(_to_override, field="reason")
@page
def override(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask why a rollback is to run although the lock is held; a POST with a reason has it run, 303 to its page."""
    row = found(pk)
    if request.method != "POST":
        return _ask_to_override(request, row)
    try:
        spec = from_text(OverrideSpec, {"reason": request.POST.get("reason", "")})
        check_press(request, row.environment)
        done = rollbacks.override_lock(row, spec, actor=actor_of(request))
    except (Invalid, TooManyTries) as refusal:
        return _ask_to_override(request, row, refusal)
    return _back_to(pk, "" if done else "override")


def _ask_to_override(request: HttpRequest, row: Rollback, refusal: Refused | None = None) -> HttpResponse:
    context = {
        "r": row,
        "environment": row.environment,
        "waits": row.status == RollbackStatus.QUEUED and bool(row.lock_holder) and not row.override_by,
        "may": actor_of(request).may("roll_back", row.environment.service.key),
        "who_may": whom_to_ask(request, "roll_back", row.environment.service.key),
        "typed": request.POST.get("reason", ""),
        "problems": refusal.problems if refusal else (),
        "asks_password": asks_password(request, row.environment),
    }
    shown = render(request, "rollback_override.html", context, status=refusal.status if refusal else 200)
    return with_retry_after(shown, refusal)


def _ask_to_verify(request: HttpRequest, row: Rollback, refusal: Invalid | None = None) -> HttpResponse:
    context = {
        "at": timezone.now(),
        "r": row,
        "environment": row.environment,
        "verifiable": row.outcome in VERIFIABLE,
        "may": actor_of(request).may("roll_back", row.environment.service.key),
        "who_may": whom_to_ask(request, "roll_back", row.environment.service.key),
        "typed": request.POST.get("reason", ""),
        "problems": refusal.problems if refusal else (),
    }
    return render(request, "rollback_verify.html", context, status=refusal.status if refusal else 200)


def _back_to(pk: int, late: str) -> HttpResponse:
    return HttpResponseRedirect(reverse("rollback", args=[pk], query={"late": late} if late else None), status=303)
