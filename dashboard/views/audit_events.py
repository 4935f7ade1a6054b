"""The auditor's desk, events: every line of the book, searched by who, about what, which action, where and when."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dashboard.book_questions import Days, asked_days, asked_text, in_words, joined, place_in_words
from dashboard.filters import position
from dashboard.views.audit import choices, desk
from releases.book import Tag
from releases.models import Event
from releases.queries.book_search import services_and_environments, within
from releases.queries.book_state import book_state
from releases.queries.events import SUBJECTS, Sought, events as events_of
from releases.queries.names import meant, names_in


@desk
def events(request: HttpRequest) -> HttpResponse:
    """Show the events that are looked for, newest first."""
    days = asked_days(request.GET)
    names = names_in(Event, "actor")
    sought = asked_events(request, days, names)
    at = position(request)
    inside = within(sought.period)
    services, environments = services_and_environments()
    return render(
        request,
        "audit_events.html",
        {
            "at": timezone.now(),
            "state": book_state(),
            "days": days,
            "problems": days.problems,
            "sought": sought,
            "names": names,
            "actions": _actions(),
            "services": choices("all services", services, sought.service),
            "environments": choices("all environments", environments, sought.environment),
            "question": events_in_words(sought),
            "query": _query(sought, days),
            "page": events_of(sought, inside, at) if not days.problems else None,
            "position": at,
            "inside": inside,
        },
        status=422 if days.problems else 200,
    )


def asked_events(request: HttpRequest, days: Days, names: list[str]) -> Sought:
    """Read what is looked for."""
    actor = asked_text(request.GET, "actor", 150)
    found = meant(actor, names)
    action = request.GET.get("action", "")
    return Sought(
        actor=actor,
        names=found.names,
        further=found.further,
        object=asked_text(request.GET, "object", 40).upper(),
        action=action if action in SUBJECTS or action in list(Tag) else "",
        service=asked_text(request.GET, "service", 40),
        environment=asked_text(request.GET, "environment", 40),
        period=days.period,
    )


def events_in_words(sought: Sought) -> str:
    """Return what is looked for in words: `Events rollback by Ana Ruiz about RB-7 of archive in March 2026`."""
    by = f"by {sought.actor}" if sought.actor else ""
    about = f"about {sought.object}" if sought.object else ""
    what = f"Events {sought.action}" if sought.action else "All events" if not (by or about) else "Events"
    return joined(what, by, about, place_in_words(sought.service, sought.environment), in_words(sought.period))


def _actions() -> list[tuple[str, str]]:
    """Return the choices of the action: every subject, and under it its tags."""
    options = [("", "any action")]
    for subject in SUBJECTS:
        options.append((subject, f"{subject}: any"))
        options += [(tag.value, f"{subject}: {_words(tag)}") for tag in Tag if tag.partition(":")[0] == subject]
    return options


def _words(tag: Tag) -> str:
    return tag.partition(":")[2].replace("_", " ")


def _query(sought: Sought, days: Days) -> dict[str, str]:
    return {
        "actor": sought.actor,
        "object": sought.object,
        "action": sought.action,
        "service": sought.service,
        "environment": sought.environment,
        "from": days.first,
        "to": days.last,
    }
