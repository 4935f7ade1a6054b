"""The board: what needs somebody first, then the services with their environments."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import marks
from dashboard.live import token_of
from dashboard.permits import may, who_may
from dashboard.requests import fragment, page
from releases import broker
from releases.models import Service
from releases.queries.board import GRAVEST_FIRST, Alarm, Place, alarms
from releases.queries.places import listed_places

COLUMNS_LIMIT = 3
"""Environments that have a column of their own; further ones share the last."""
DENSE_FROM = 60
"""Services from which on a row is one line."""
ANNOUNCED_LIMIT = 3
SEED_FILE_LIMIT = 4096
"""Bytes of the demo's progress file that are read."""
BROKER_SECONDS = 0.3
"""How long the board waits to hear of the broker; what it heard before counts for a while."""
RED = frozenset({"fail", "not restored", "failed", "mixed"})


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One service of the table."""

    service: Service
    cells: Sequence[Place | None]
    others: Sequence[Place]


@require_safe
@page
def board(request: HttpRequest) -> HttpResponse:
    return render(request, "board.html", _context(request))


@require_safe
@fragment
def board_live(request: HttpRequest) -> HttpResponse:
    """Answer the board as it stands now; 204 when it is as the reader's, which `v` names."""
    context = _context(request)
    known = request.GET.get("v", "")
    if known == context["token"]:
        return HttpResponse(status=204)
    verdicts_changed = known.partition("-")[2] != context["token"].partition("-")[2]
    announced = _announcement(context["alarms"]) if verdicts_changed else ""
    return render(request, "_board.html", context | {"live": True, "announced": announced})


def _context(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    shown = listed_places()
    services = list(Service.objects.filter(listed=True))
    found = alarms(shown, now)
    columns, rows = _table(services, shown)
    seeding = _seeding()
    broker_silent = broker.watch.answers(BROKER_SECONDS) is False
    active = seeding is not None or any(place.active for place in shown)
    return {
        "at": now,
        "alarms": found,
        "columns": columns,
        "rows": rows,
        "counted": _counts(shown),
        "states": {place.pk: _state(place) for place in shown},
        "dense": len(services) > DENSE_FROM,
        "seeding": seeding,
        "active": active,
        "seconds": 2 if active else 10,
        "broker_silent": broker_silent,
        "token": _token(found, shown, services, (seeding, broker_silent)),
        "title": _title(found, shown),
        "may_roll_back": may(request, "roll_back"),
        "who_may_roll_back": who_may("roll_back"),
        "live": False,
    }


def _table(services: Sequence[Service], shown: Sequence[Place]) -> tuple[list[str], list[BoardRow]]:
    """Return the names of the columns and one row per service: production first, then the commonest environments."""
    of_production = {place.key for place in shown if place.production}
    used = Counter(place.key for place in shown)
    keys = sorted(used, key=lambda key: (key not in of_production, -used[key], key))
    columns = keys[:COLUMNS_LIMIT]
    by_name = {(place.service, place.key): place for place in shown}
    rows = [
        BoardRow(
            service,
            [by_name.get((service.key, key)) for key in columns],
            [by_name[service.key, key] for key in keys[COLUMNS_LIMIT:] if (service.key, key) in by_name],
        )
        for service in services
    ]
    return columns + (["other environments"] if len(keys) > COLUMNS_LIMIT else []), rows


def _state(place: Place) -> str:
    """Return what a cell is tinted for when it changes: the words in it, not how far something is."""
    live = place.live
    words = [live.version, live.standing.word, "bad" if live.bad else ""] if live else []
    words += ["frozen" if place.frozen else "", "mixed" if place.mixed else ""]
    words += [place.back.answer, *place.back.red] if place.back else []
    words += [place.rollback.standing.word if place.rollback else "", place.started.version if place.started else ""]
    return token_of(" ".join(words))


def _counts(shown: Sequence[Place]) -> dict[str, int]:
    """Return how many environments stand where, worst first."""
    words = [place.live.standing.word for place in shown if place.live]
    gravity = {word: place for place, word in enumerate(GRAVEST_FIRST)}
    return {word: words.count(word) for word in sorted(set(words), key=lambda word: (gravity.get(word, 99), word))}


def _title(found: Sequence[Alarm], shown: Sequence[Place]) -> str:
    failing = [alarm.needs[0].word for alarm in found if alarm.needs[0].word in RED]
    if failing:
        return f"{marks.glyph(failing[0])} {len(failing)} failing · Board"
    if found:
        return f"{marks.glyph(found[0].needs[0].word)} {len(found)} to look at · Board"
    if any(place.active for place in shown):
        return f"{marks.glyph('running')} Board"
    return f"{marks.glyph('pass')} Board" if shown else "Board"


def _announcement(found: Sequence[Alarm]) -> str:
    if not found:
        return "Nothing needs somebody now."
    told = [f"{alarm.place.name} {alarm.needs[0].word}" for alarm in found[:ANNOUNCED_LIMIT]]
    more = f", and {len(found) - ANNOUNCED_LIMIT} more" if len(found) > ANNOUNCED_LIMIT else ""
    return f"Needs somebody: {', '.join(told)}{more}."


def _token(found: Sequence[Alarm], shown: Sequence[Place], services: Sequence[Service], more: object) -> str:
    """Return what changes when anything shown changes, then a dash and what changes with the verdicts alone."""
    everything = repr((found, shown, [(service.key, service.title) for service in services], more))
    verdicts = repr([(place.pk, place.live.standing.word) for place in shown if place.live])
    return f"{token_of(everything)}-{token_of(verdicts)}"


def _seeding() -> dict[str, Any] | None:
    """Return how far the demo is with making its releases, while it is; whatever else the file holds is ignored."""
    try:
        with (settings.ROLLBOOK_HOME / "demo" / "seed.json").open("rb") as file:
            told = json.loads(file.read(SEED_FILE_LIMIT))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(told, Mapping):
        return None
    step, of, text = told.get("step"), told.get("of"), told.get("text", "")
    if not isinstance(step, int) or not isinstance(of, int) or not isinstance(text, str) or not 0 <= step < of:
        return None
    return {"step": step, "of": of, "text": text[:200]}
