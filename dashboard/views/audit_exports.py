"""What the auditor's desk shows as files: exactly the filtered list, as CSV, or as JSON Lines with the whole chain."""

from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import cast

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone

from dashboard.book_questions import Days, asked_days
from dashboard.views.audit import asked_decisions, desk, note_taken, question_in_words
from dashboard.views.audit_events import asked_events, events_in_words
from releases.book_export import VERIFIER, Filter, export_lines
from releases.decision_export import DECISION_COLUMNS, EVENT_COLUMNS, decision_facts, event_facts
from releases.errors import Invalid
from releases.history_export import as_csv
from releases.models import Event
from releases.queries.book_search import within
from releases.queries.decisions import KINDS, every_decision
from releases.queries.events import every_event
from releases.queries.names import names_in

CSV = "text/csv; charset=utf-8"
JSON_LINES = "application/jsonl; charset=utf-8"


@desk
def decisions_csv(request: HttpRequest) -> HttpResponse:
    asked = asked_decisions(request, _days(request))
    rows = map(decision_facts, every_decision(asked, within(asked.period)))
    note_taken(request, "CSV", question_in_words(asked))
    return _file(request, "decisions", as_csv(DECISION_COLUMNS, rows), "csv", CSV)


@desk
def decisions_jsonl(request: HttpRequest) -> HttpResponse:
    """Send the chain, with the decisions that answer the question in full and everything else as digests."""
    asked = asked_decisions(request, _days(request))
    shown = Filter(
        service=asked.service,
        since=asked.period.since,
        until=asked.period.until,
        environment=asked.environment,
        actions=[tag.value for tag in KINDS[asked.kind].actions],
    )
    note_taken(request, "JSON Lines", question_in_words(asked))
    return _chain(request, "decisions", shown)


@desk
def events_csv(request: HttpRequest) -> HttpResponse:
    sought = asked_events(request, _days(request), names_in(Event, "actor"))
    rows = map(event_facts, every_event(sought, within(sought.period)))
    note_taken(request, "CSV", events_in_words(sought))
    return _file(request, "events", as_csv(EVENT_COLUMNS, rows), "csv", CSV)


@desk
def events_jsonl(request: HttpRequest) -> HttpResponse:
    """Send the chain, with the events that are looked for in full and everything else as digests."""
    sought = asked_events(request, _days(request), names_in(Event, "actor"))
    shown = Filter(
        service=sought.service,
        since=sought.period.since,
        until=sought.period.until,
        environment=sought.environment,
        actors=(sought.names or [sought.actor]) if sought.actor else (),
        actions=sought.tags,
        object=sought.object,
    )
    note_taken(request, "JSON Lines", events_in_words(sought))
    return _chain(request, "events", shown)


@desk
def verifier(request: HttpRequest) -> HttpResponse:
    """Send the program that verifies an export, without Rollbook."""
    disposition = f'attachment; filename="{VERIFIER.name}"'
    headers = {"Content-Disposition": disposition}
    return HttpResponse(VERIFIER.read_bytes(), content_type="text/x-python; charset=utf-8", headers=headers)


def _days(request: HttpRequest) -> Days:
    """Read the days. Raises Invalid: a file of everything is no answer to a question that cannot be read."""
    days = asked_days(request.GET)
    if days.problems:
        raise Invalid(*days.problems)
    return days


def _chain(request: HttpRequest, what: str, shown: Filter) -> HttpResponse:
    return _file(request, what, _pieces(f"{line}\n" for line in export_lines(shown)), "jsonl", JSON_LINES)


def _pieces(lines: Iterable[str], at_once: int = 200) -> Iterator[str]:
    """Yield the lines many at a time, which is cheaper to send."""
    held: list[str] = []
    for line in lines:
        held.append(line)
        if len(held) == at_once:
            yield "".join(held)
            held.clear()
    yield "".join(held)


def _file(request: HttpRequest, what: str, pieces: Iterator[str], ending: str, content_type: str) -> HttpResponse:
    name = f"rollbook-{what}-{timezone.now().astimezone(UTC):%Y-%m-%dT%H%MZ}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    sent = iter(()) if request.method == "HEAD" else pieces  # no server sends them then, and some would read them all
    return cast(HttpResponse, StreamingHttpResponse(sent, content_type=content_type, headers=headers))
