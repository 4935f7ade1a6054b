"""The history of everything: what was deployed and registered, by filter, page by page."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import filters
from dashboard.requests import page
from dashboard.shared import Shared
from releases.history_export import (
    DEPLOYMENT_COLUMNS,
    RELEASE_COLUMNS,
    Facts,
    as_csv,
    as_json_lines,
    deployment_facts,
    release_facts,
)
from releases.queries.filtering import Places, all_places
from releases.queries.history import deployments_page, every_deployment, every_release, releases_page
from releases.queries.paging import Page
from releases.queries.passages import search_page
from releases.wanted import KINDS, RELEASE, Wanted, wanted


@require_safe
@page
def history(request: HttpRequest) -> HttpResponse:
    asked = filters.asked(request)
    at = filters.position(request)
    places = _places.get(None, settings.SHARED_SECONDS)
    zone = timezone.get_current_timezone()
    shown: Page[Any] = Page((), None)
    if asked.wanted is not None and asked.wanted.words:
        shown = search_page(asked.wanted, zone, at)
    elif asked.wanted is not None and asked.wanted.releases:
        shown = releases_page(asked.wanted, zone, at)
    elif asked.wanted is not None:
        shown = deployments_page(asked.wanted, places.matching(asked.wanted), zone, at)
    return render(
        request,
        "history.html",
        filters.context(request.path, asked, shown, at, KINDS, places)
        | {"at": timezone.now(), "of_releases": asked.given.get("kind") == RELEASE, "searched": "q" in asked.given},
        status=422 if asked.problems else 200,
    )


@require_safe
@page
def history_csv(request: HttpRequest) -> HttpResponse:
    """Send the whole filtered list as CSV, as it is read."""
    spec = _wanted(request)
    columns = RELEASE_COLUMNS if spec.releases else DEPLOYMENT_COLUMNS
    return _file(as_csv(columns, _facts(spec)), "csv", "text/csv; charset=utf-8")


@require_safe
@page
def history_jsonl(request: HttpRequest) -> HttpResponse:
    """Send the whole filtered list as JSON Lines, as it is read."""
    return _file(as_json_lines(_facts(_wanted(request))), "jsonl", "application/jsonl; charset=utf-8")


_places: Shared[None, Places] = Shared(lambda _: all_places())


def _wanted(request: HttpRequest) -> Wanted:
    return wanted({name: str(value) for name, value in request.GET.items()})


def _facts(spec: Wanted) -> Iterator[Facts]:
    # The zone is read now: what follows runs when this request's own is no longer set.
    zone = timezone.get_current_timezone()
    if spec.releases:
        return map(release_facts, every_release(spec, zone))
    return map(deployment_facts, every_deployment(spec, all_places().matching(spec), zone))


def _file(pieces: Iterator[str], ending: str, content_type: str) -> HttpResponse:
    name = f"rollbook-history-{timezone.now().astimezone(UTC):%Y-%m-%dT%H%MZ}.{ending}"
    disposition = f'attachment; filename="{name}"'
    response = StreamingHttpResponse(pieces, content_type=content_type, headers={"Content-Disposition": disposition})
    # The two share only a base class; to what wraps a view they are the same.
    return cast(HttpResponse, response)
