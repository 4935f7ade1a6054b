"""The auditor's desk: everything that is kept about one release, as one page that can be printed, and as a file."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from dashboard import evidence_file
from dashboard.requests import actor_of
from dashboard.route_pictures import pictures_of
from dashboard.views.audit import desk
from releases import book
from releases.evidence import evidence_text
from releases.intake import REASONS
from releases.models import Release
from releases.queries.audit_release import everything_about
from releases.queries.book_state import book_state
from releases.services.book_exports import note_export


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
    _, head = book.ends()
    actor = actor_of(request)
    kept = _kept(pk)
    note_export(form, f"everything about {kept['release'].tag}, {kept['release']}", actor=actor)
    return kept | {"made_at": timezone.now(), "made_by": actor.name, "head": head}
