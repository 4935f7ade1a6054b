"""The board: what needs somebody first, then the services with their environments."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import marks
from dashboard.board_choice import Key, chosen, environment_keys, environments_of, key_of, services_of
from dashboard.board_lines import board_lines
from dashboard.live import token_of
from dashboard.permits import may, who_may
from dashboard.requests import fragment, page
from dashboard.shared import Shared
from releases import broker
from releases.models import Service
from releases.queries.board import GRAVEST_FIRST, Alarm, Place, alarms
from releases.queries.places import places

COLUMNS_LIMIT = 3
"""Environments that have a column of their own; further ones share the last."""
GROUPS_FROM = 8
"""Services from which on they stand by team."""
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


@dataclass(frozen=True, slots=True)
class BoardGroup:
    """The services of one team; all of them where there are few."""

    team: str
    rows: Sequence[BoardRow]
    counted: Mapping[str, int]


@require_safe
@page
def board(request: HttpRequest) -> HttpResponse:
    return render(request, "board.html", _context(request))


@require_safe
@fragment
def board_live(request: HttpRequest) -> HttpResponse:
    """Answer the board as it stands now; 204 when it is as the reader's, which `v` names."""
    known = request.GET.get("v", "")
    if known and known == _tokens.get(key_of(request), settings.SHARED_SECONDS):
        return HttpResponse(status=204)
    context = _context(request)
    if known == context["token"]:
        return HttpResponse(status=204)
    verdicts_changed = known.partition("-")[2] != context["token"].partition("-")[2]
    announced = _announcement(context["alarms"]) if verdicts_changed else ""
    return render(request, "_board.html", context | {"live": True, "announced": announced})


def _context(request: HttpRequest) -> dict[str, Any]:
    asked = chosen(request)
    shown = _shown(*asked.key)
    return shown | {
        "chosen": asked,
        "lines": {} if shown["dense"] else board_lines(shown["places"]),
        "environments": [("", "all environments"), *((key, key) for key in environment_keys())],
        "may_roll_back": partial(may, request, "roll_back"),
        "who_may_roll_back": who_may("roll_back"),
        "live": False,
    }


def _shown(only: Sequence[int] | None, environment: str) -> dict[str, Any]:
    """Return what the board shows of these services, whoever looks."""
    now = timezone.now()
    shown = places(environments_of(only, environment))
    services = services_of(only)
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
        "groups": _groups(rows),
        "counted": _counts(shown),
        "places": shown,
        "states": {place.pk: _state(place) for place in shown},
        "dense": len(services) > DENSE_FROM,
        "seeding": seeding,
        "active": active,
        "seconds": 2 if active else 10,
        "broker_silent": broker_silent,
        "token": _token(found, shown, services, (seeding, broker_silent)),
        "title": _title(found, shown),
    }


_tokens: Shared[Key, str] = Shared(lambda key: str(_shown(*key)["token"]))
"""An open board asks every two seconds, and mostly nothing has changed: that is found out once for all of them."""


def _groups(rows: Sequence[BoardRow]) -> list[BoardGroup]:
    """Return the rows by team, those without one last; where they are few or of one team, in one group."""
    teams = sorted({row.service.team for row in rows}, key=lambda team: (not team, team.casefold()))
    if len(rows) < GROUPS_FROM or len(teams) < 2:
        return [_group("", rows)]
    return [_group(team or "no team", [row for row in rows if row.service.team == team]) for team in teams]


def _group(team: str, rows: Sequence[BoardRow]) -> BoardGroup:
    return BoardGroup(team, rows, _counts([place for row in rows for place in (*row.cells, *row.others) if place]))


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
