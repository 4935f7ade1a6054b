"""A lead's review: what a time came to, and what waits for a decision."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.periods import asked_period, since_monday
from dashboard.permits import may
from dashboard.requests import page
from dashboard.review_text import as_markdown
from releases.models import Service
from releases.queries.delivery import figures
from releases.queries.review import decisions


@require_safe
@page
def review(request: HttpRequest) -> HttpResponse:
    """Show five figures beside those of the time before, and everything that needs a decision."""
    asked = asked_period(request, since_monday(timezone.localdate()))
    services = list(Service.objects.filter(listed=True).values_list("pk", "key"))
    chosen = next((key for _, key in services if key == request.GET.get("service")), "")
    only = [pk for pk, key in services if key == chosen] if chosen else None
    these, earlier = figures(asked.period, only), figures(asked.period.before(), only)
    waiting = decisions(asked.period.start, only)
    context = {
        "at": timezone.now(),
        "times": asked,
        "options": [("", "all services"), *((key, key) for _, key in services)],
        "service": chosen,
        "these": these,
        "earlier": earlier,
        "waiting": waiting,
        "may": partial(may, request),
        "problems": asked.problems,
    }
    context["markdown"] = as_markdown(asked, chosen, these, earlier, waiting, request.build_absolute_uri("/"))
    return render(request, "review.html", context)
