"""What a person sees when something was refused or went wrong: what failed, what was expected, whether to try again."""

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.returning import came_from
from dashboard.views import health
from releases.away import database_away
from releases.errors import Refused


def refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """Show a refusal as a page of its own."""
    template = {403: "errors/403.html", 404: "errors/404.html"}.get(refusal.status, "errors/refused.html")
    context = _context(request) | {"problems": refusal.problems, "back": came_from(request)}
    response = render(request, template, context, status=refusal.status)
    return with_retry_after(response, refusal)


def with_retry_after(response: HttpResponse, refusal: Refused | None) -> HttpResponse:
    """Say in the header when to try again, where a refusal says so."""
    if refusal and refusal.retry_after:
        response["Retry-After"] = str(refusal.retry_after)
    return response


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "errors/403.html", _context(request), status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "errors/404.html", _context(request), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that Rollbook made a mistake, or, where the database was away, that and what helps meanwhile."""
    if database_away(sys.exception()):
        context = _context(request) | {"hosts": health.act_hosts()}
        response = render(request, "errors/503.html", context, status=503)
        response["Retry-After"] = "5"
        return response
    return render(request, "errors/500.html", _context(request), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "errors/csrf.html", _context(request), status=403)


def _context(request: HttpRequest) -> dict[str, object]:
    return {"request_id": getattr(request, "request_id", "")}
