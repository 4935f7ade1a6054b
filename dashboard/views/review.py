"""A lead's review: what a time came to, and what waits for a decision, each answered where it stands."""

import uuid
from collections.abc import Iterator
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.jinja import url
from dashboard.passwords import asks_password
from dashboard.periods import asked_period, since_monday
from dashboard.permits import whom_to_ask_each
from dashboard.requests import page
from dashboard.returning import told_once
from dashboard.review_text import as_markdown
from dashboard.service_choice import chosen_service
from dashboard.views.rehearsals import step_names
from dashboard.views.results import CAME_TRUE
from releases.models import Deployment, Environment, Freeze, Release, Rollback
from releases.queries.delivery import figures
from releases.queries.review import Decisions, decisions

FILTERS = ("service", "from", "to")


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
        "ask": whom_to_ask_each(request, _permissions(waiting)),
        "asks_password": partial(asks_password, request),
        "came_true": CAME_TRUE,
        "step_names": step_names,
        "new_key": lambda: str(uuid.uuid4()),
        "this_review": url("review", query={name: request.GET.get(name, "") for name in FILTERS}),
        "told": told_once(request),
        "problems": asked.problems,
    }
    context["markdown"] = as_markdown(asked, chosen.key, these, earlier, waiting, request.build_absolute_uri("/"))
    return render(request, "review.html", context)


def _permissions(waiting: Decisions) -> Iterator[tuple[str, str]]:
    """Yield what it takes to answer each, as pairs of a permission and a service."""
    for kind, permissions in (
        (waiting.results, ("confirm_result",)),
        (waiting.freezes, ("lift_freeze",)),
        (waiting.unmeasured, ("run_checklist", "add_note")),
        (waiting.bad, ("add_note",)),
        (waiting.rehearsals, ("deploy",)),
        (waiting.notes, ("add_note",)),
    ):
        for one in kind.listed:
            for permission in permissions:
                yield permission, _service_of(one)


def _service_of(one: Deployment | Freeze | Release | Environment | Rollback) -> str:
    of = one if isinstance(one, Release | Environment) else one.environment
    return of.service.key
