"""The auditor's desk: releases, and everything that is kept about one, as a page that can be printed and as a file."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from dashboard import evidence_file
from dashboard.book_questions import asked_text, joined, place_in_words
from dashboard.filters import position
from dashboard.requests import actor_of
from dashboard.route_pictures import pictures_of
from dashboard.views.audit import choices, desk, note_taken
from releases import book
from releases.evidence import evidence_text
from releases.intake import REASONS
from releases.models import Release
from releases.queries.audit_release import everything_about
from releases.queries.audit_releases import SoughtReleases, sought_releases
from releases.queries.book_search import services_and_environments
from releases.queries.book_state import book_state
from releases.queries.names import meant, names_in


@desk
def releases(request: HttpRequest) -> HttpResponse:
    """Show the releases that are looked for, newest first."""
    owners = names_in(Release, "owner")
    owner = asked_text(request.GET, "owner", 150)
    found = meant(owner, owners)
    sought = SoughtReleases(
        version=asked_text(request.GET, "version", 100),
        service=asked_text(request.GET, "service", 40),
        owner=owner,
        owners=found.names,
        further=found.further,
    )
    at = position(request)
    services, _ = services_and_environments()
    context = {
        "at": timezone.now(),
        "state": book_state(),
        "sought": sought,
        "owners": owners,
        "services": choices("all services", services, sought.service),
        "question": _in_words(sought),
        "query": {"version": sought.version, "service": sought.service, "owner": sought.owner},
        "page": sought_releases(sought, at),
        "position": at,
    }
    return render(request, "audit_releases.html", context)


def _in_words(sought: SoughtReleases) -> str:
    """Return what is looked for in words: `Releases 2026.11.4 of archive by Ben`."""
    by = f"by {sought.owner}" if sought.owner else ""
    of = place_in_words(sought.service, "")
    return joined("Releases" if sought.version or of or by else "All releases", sought.version, of, by)


@desk
def release(request: HttpRequest, pk: int) -> HttpResponse:
    context = {"at": timezone.now(), "state": book_state(), "base": ""}
    return render(request, "audit_release.html", context | _kept(pk))


@desk
def release_html(request: HttpRequest, pk: int) -> HttpResponse:
    return evidence_file.as_page(_taken(request, pk, "HTML") | {"base": request.build_absolute_uri("/").rstrip("/")})


@desk
def release_json(request: HttpRequest, pk: int) -> HttpResponse:
    taken = _taken(request, pk, "JSON")
    text = evidence_text(taken["all"], made_at=taken["made_at"], made_by=taken["made_by"], head=taken["head"])
    return evidence_file.as_json(text, taken)


def _kept(pk: int) -> dict[str, Any]:
    found = get_object_or_404(Release.objects.select_related("service"), pk=pk)
    everything = everything_about(found)
    return {
        "release": found,
        "all": everything,
        "pictures": pictures_of(everything.measured.timed) if everything.measured else [],
        "reasons": REASONS,
    }


def _taken(request: HttpRequest, pk: int, form: str) -> dict[str, Any]:
    """Return what is kept, for a file; that somebody takes it is a line of the book, behind all that the file shows."""
    kept = _kept(pk)
    _, head = book.ends()  # after the events, so that none of them lies behind it
    note_taken(request, form, f"everything about {kept['release'].tag}, {kept['release']}")
    return kept | {"made_at": timezone.now(), "made_by": actor_of(request).name, "head": head}
