"""The filters of a history as a page shows them: a form, a chip for each, and addresses that keep them all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from releases.errors import Invalid, Problem
from releases.queries.filtering import Places
from releases.queries.paging import Page, Position, number
from releases.wanted import OUTCOMES, PARAMETERS, Wanted, wanted

SHOWN_LIMIT = 200
"""Characters of a filter that cannot be read which a page repeats."""
LABELS = {
    "kind": "Kind",
    "service": "Service",
    "environment": "Environment",
    "owner": "Owner",
    "outcome": "Outcome",
    "from": "From",
    "to": "To",
    "q": "Words",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters of an address: as they were given, and read, or what is wrong with them."""

    given: Mapping[str, str]
    """Those that are not empty, in the order of the page."""
    wanted: Wanted | None
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is on, and the address of the list without it."""

    label: str
    value: str
    without: str


def asked(request: HttpRequest, names: Sequence[str] = PARAMETERS) -> Asked:
    """Read those filters of an address that the page has."""
    texts = {name: request.GET.get(name, "").strip()[:SHOWN_LIMIT] for name in names}
    given = {name: text for name, text in texts.items() if text}
    try:
        return Asked(given, wanted(given))
    except Invalid as refusal:
        return Asked(given, None, refusal.problems)


def position(request: HttpRequest) -> Position:
    """Read which page is asked for; what is no number is the newest."""
    after = number(request.GET.get("after", ""))
    return Position(None if after is not None else number(request.GET.get("before", "")), after)


def context(
    path: str,
    asked: Asked,
    shown: Page[Any],
    at: Position,
    kinds: Sequence[str],
    places: Places | None = None,
    place: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return what `_filters.html` shows: the form's choices and values, the chips, and the ways to other pages.

    `place` names the one environment that the page is about, in place of the choice among `places`.
    """
    choices = {"kind": _choices("any", kinds), "outcome": _choices("any", OUTCOMES)}
    if places is not None:
        choices["service"] = _choices("all", places.services)
        choices["environment"] = _choices("all", places.environments)
    return {
        "path": path,
        "given": asked.given,
        "problems": asked.problems,
        "choices": choices,
        "zone": timezone.get_current_timezone_name(),
        "chips": [Chip(LABELS[name], text, _address(path, asked.given, name)) for name, text in asked.given.items()],
        "exports": [
            (label, _address(reverse(name), {**(place or {}), **asked.given}))
            for label, name in (("CSV", "history_csv"), ("JSON Lines", "history_jsonl"))
        ],
        "page": shown,
        "newest": _address(path, asked.given) if at != Position() else "",
        "older": _address(path, asked.given, before=shown.older) if shown.older is not None else "",
        "newer": _address(path, asked.given, after=shown.newer) if shown.newer is not None else "",
    }


def _choices(none_of_them: str, words: Sequence[str]) -> list[tuple[str, str]]:
    """Return the choices of a select, after the one that is no filter."""
    return [("", none_of_them), *((word, word) for word in words)]


def _address(path: str, given: Mapping[str, str], without: str = "", **more: int) -> str:
    query = urlencode({name: text for name, text in given.items() if name != without} | more)
    return f"{path}?{query}" if query else path
