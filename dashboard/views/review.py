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
from dashboard.service_choice import chosen_service
from releases.queries.delivery import figures
from releases.queries.review import decisions


@require_safe
@page
def review(request: HttpRequest) -> HttpResponse:
    """Show five figures beside those of the time before, and everything that needs a decision."""
    asked = asked_period(request, since_monday(timezone.localdate()))
    chosen = chosen_service(request)
    these, earlier = figures(asked.period, chosen.only), figures(asked.period.before(), chosen.only)
    waiting = decisions(asked.period.start, chosen.only)
    context = {
        "at": timezone.now(),
        "times": asked,
        "options": chosen.options,
        "service": chosen.key,
        "these": these,
        "earlier": earlier,
        "waiting": waiting,
        "may": partial(may, request),
        "problems": asked.problems,
    }
    context["markdown"] = as_markdown(asked, chosen.key, these, earlier, waiting, request.build_absolute_uri("/"))
    return render(request, "review.html", context)
