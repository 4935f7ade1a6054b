"""The history of everything: what was deployed and registered, by filter, page by page."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import filters
from dashboard.requests import page
from releases.queries.filtering import all_places
from releases.queries.history import deployments_page, releases_page
from releases.queries.paging import Page
from releases.wanted import KINDS, RELEASE


@require_safe
@page
def history(request: HttpRequest) -> HttpResponse:
    asked = filters.asked(request)
    at = filters.position(request)
    places = all_places()
    zone = timezone.get_current_timezone()
    shown: Page[Any] = Page((), None)
    if asked.wanted is not None and asked.wanted.releases:
        shown = releases_page(asked.wanted, zone, at)
    elif asked.wanted is not None:
        shown = deployments_page(asked.wanted, places.matching(asked.wanted), zone, at)
    return render(
        request,
        "history.html",
        filters.context(request.path, asked, shown, at, KINDS, places)
        | {"at": timezone.now(), "of_releases": asked.given.get("kind") == RELEASE},
        status=422 if asked.problems else 200,
    )
