"""Writing a note about a release or a rollback, and correcting one."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dashboard.permits import may, whom_to_ask
from dashboard.requests import actor_of, page
from dashboard.returning import answered, came_from, keeping
from dashboard.sessions import keeps_words
from releases.errors import Conflict, Invalid
from releases.intake import NoteSpec, from_text
from releases.models import Release, Rollback
from releases.queries.notes import notes_about
from releases.services.notes import add_note


def shown_notes(request: HttpRequest, thing: Release | Rollback) -> dict[str, Any]:
    """Return what `_notes.html` shows on the page of a release or a rollback."""
    service = thing.service if isinstance(thing, Release) else thing.environment.service
    kind = "release" if isinstance(thing, Release) else "rollback"
    return {
        "notes": notes_about(thing),
        "notes_url": reverse(f"{kind}_notes", args=[thing.pk]),
        "may_note": may(request, "add_note", service.key),
        "who_may_note": whom_to_ask(request, "add_note", service.key),
    }


def _this_page(request: HttpRequest, pk: int) -> str:
    return keeping(request, request.path)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_words(_this_page, field="text")
@page
def of_release(request: HttpRequest, pk: int) -> HttpResponse:
    return _write(request, get_object_or_404(Release.objects.select_related("service"), pk=pk))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_words(_this_page, field="text")
@page
def of_rollback(request: HttpRequest, pk: int) -> HttpResponse:
    return _write(request, get_object_or_404(Rollback.objects.select_related("environment__service"), pk=pk))


def _write(request: HttpRequest, thing: Release | Rollback) -> HttpResponse:
    """Show the form, for a note or with ?corrects= for a correction; a POST writes it and leads to it."""
    if request.method != "POST":
        return _form(request, thing, request.GET.get("corrects", ""))
    corrects = request.POST.get("corrects", "")
    try:
        spec = from_text(NoteSpec, {"text": request.POST.get("text", ""), "corrects": corrects})
        note = add_note(thing, spec, actor=actor_of(request))
    except (Invalid, Conflict) as refusal:
        return _form(request, thing, corrects, refusal)
    return answered(
        request, f"{thing.get_absolute_url()}#note-{note.pk}", "Note written:", f"{note.tag} about {thing.tag}"
    )


def _form(
    request: HttpRequest, thing: Release | Rollback, corrects: str, refusal: Invalid | Conflict | None = None
) -> HttpResponse:
    context = shown_notes(request, thing)
    old = next((note for note in context["notes"] if str(note.pk) == corrects), None)
    context |= {
        "at": timezone.now(),
        "thing": thing,
        "corrects": corrects if refusal else old.pk if old else "",
        "old": old,
        "typed": request.POST.get("text", old.text if old else ""),
        "problems": refusal.problems if refusal else (),
        "back": came_from(request),
    }
    return render(request, "note_add.html", context, status=refusal.status if refusal else 200)
