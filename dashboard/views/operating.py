"""For whoever runs Rollbook: the workers, and the way from nothing to the first rehearsal."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.requests import page
from releases.models import Environment
from releases.queries import setup as way
from releases.queries.workers import all_workers, places_without_a_worker


@require_safe
@page
def workers(request: HttpRequest) -> HttpResponse:
    """Show every worker that has reported itself, and which environment has none."""
    shown = all_workers()
    context = {"at": timezone.now(), "workers": shown, "missing": places_without_a_worker()}
    return render(request, "workers.html", context)


@require_safe
@page
def setup(request: HttpRequest) -> HttpResponse:
    """Show the five steps, where each stands, and what to do next."""
    steps = way.steps()
    place = Environment.objects.filter(listed=True, production=False).select_related("service").first()
    context = {
        "at": timezone.now(),
        "steps": steps,
        "done": sum(step.done for step in steps),
        "next": next((step for step in steps if not step.done), None),
        "rehearse": reverse("rehearse", args=[place.service.key, place.key]) if place else "",
    }
    return render(request, "setup.html", context)
