"""The program's addresses, and beside them the least that a signed-in page can be: what all others are measured by."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.http import require_safe

from dashboard.requests import fragment, page

BODY = b"<!doctype html><title>bare</title>" + b"<p>static</p>\n" * 1500
BODY = BODY[:20_000]


@require_safe
@page
def bare(request: HttpRequest) -> HttpResponse:
    """Answer 20 kB of static bytes to somebody whose session and row were loaded."""
    return HttpResponse(BODY)


@require_safe
@fragment
def bare_304(request: HttpRequest) -> HttpResponse:
    """Answer that nothing changed to somebody whose session and row were loaded."""
    return HttpResponse(status=304)


urlpatterns = [path("bare", bare), path("bare-304", bare_304), path("", include("config.urls"))]
handler403 = "dashboard.views.errors.permission_denied"
handler404 = "dashboard.views.errors.not_found"
handler500 = "dashboard.views.errors.server_error"
