"""The auditor's desk: who decided what, on which evidence. Nothing here is live, and every time is UTC."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.book_questions import Days, asked_days, asked_text, in_words, joined, place_in_words
from dashboard.filters import position
from dashboard.requests import actor_of, page
from dashboard.wording import count
from releases.queries.book_search import services_and_environments
from releases.queries.book_state import book_state
from releases.queries.decisions import COUNT_LIMIT, KINDS, Asked, Summary, asked_period, decisions, summary
from releases.services.book_exports import note_export
from releases.services.permissions import require

View = Callable[..., HttpResponse]


def desk(view: View) -> View:
    """Make a view a page of the desk: for whoever may read the whole book."""

    @require_safe
    @page
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        require(actor_of(request), "read_book", scope="read", service="", on="the book")
        return view(request, *args, **kwargs)

    return wrapped


def note_taken(request: HttpRequest, form: str, question: str) -> None:
    """Write down who takes what is sent. A HEAD takes nothing, and so writes nothing."""
    if request.method != "HEAD":
        note_export(form, question, actor=actor_of(request))


@desk
def audit(request: HttpRequest) -> HttpResponse:
    """Show the decisions that answer a question, newest first."""
    days = asked_days(request.GET)
    asked = asked_decisions(request, days)
    at = position(request)
    inside = asked_period(asked)
    shown = decisions(asked, inside, at) if not days.problems else None
    services, environments = services_and_environments()
    return render(
        request,
        "audit_decisions.html",
        {
            "at": timezone.now(),
            "state": book_state(),
            "days": days,
            "problems": days.problems,
            "sought": asked,
            "kinds": [(key, kind.title) for key, kind in KINDS.items()],
            "services": choices("all services", services, asked.service),
            "environments": choices("all environments", environments, asked.environment),
            "question": question_in_words(asked),
            "nothing": _nothing(asked),
            "query": _query(asked, days),
            "page": shown,
            "position": at,
            "inside": inside,
            "summary": _summary_words(asked, summary(asked, inside)) if shown else "",
        },
        status=422 if days.problems else 200,
    )


def asked_decisions(request: HttpRequest, days: Days) -> Asked:
    """Read the question; a kind that is none asks for all."""
    kind = request.GET.get("kind", "")
    return Asked(
        kind=kind if kind in KINDS else "",
        service=asked_text(request.GET, "service", 40),
        environment=asked_text(request.GET, "environment", 40),
        period=days.period,
    )


def _query(asked: Asked, days: Days) -> dict[str, str]:
    """Return what the address says, so that links keep the question."""
    return {
        "kind": asked.kind,
        "service": asked.service,
        "environment": asked.environment,
        "from": days.first,
        "to": days.last,
    }


def question_in_words(asked: Asked) -> str:
    """Return the question in words: `Rollbacks of payments in March 2026`."""
    return joined(KINDS[asked.kind].title, place_in_words(asked.service, asked.environment), in_words(asked.period))


def _nothing(asked: Asked) -> str:
    return joined("No", KINDS[asked.kind].one, place_in_words(asked.service, asked.environment), in_words(asked.period))


def _summary_words(asked: Asked, found: Summary) -> str:
    """Return `3 rollbacks · 2 people`."""
    kind = KINDS[asked.kind]
    if found.more:
        return f"more than {count(COUNT_LIMIT, kind.one, kind.many)}"
    return f"{count(found.decisions, kind.one, kind.many)} · {count(found.people, 'person', 'people')}"


def choices(everything: str, keys: list[str], chosen: str) -> list[tuple[str, str]]:
    """Return the options of a select; what the address names is among them, even where there is no such thing."""
    known = keys if not chosen or chosen in keys else [*keys, chosen]
    return [("", everything), *((key, key) for key in known)]
