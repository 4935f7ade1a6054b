"""What somebody asks the book: read from the address, and said in words. Days are days of UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dashboard.wording import MONTHS
from releases.errors import Invalid, Problem
from releases.queries.book_search import ALWAYS, Period
from releases.wanted import wanted

MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Days:
    """The first and the last day that an address names, and what is wrong with them."""

    first: str
    last: str
    period: Period
    problems: tuple[Problem, ...] = ()


def asked_days(given: Mapping[str, str]) -> Days:
    """Read `from` and `to`; both belong to the time that is asked about."""
    texts = {name: given.get(name, "").strip()[:20] for name in ("from", "to")}
    try:
        found = wanted(texts)
    except Invalid as refusal:
        return Days(texts["from"], texts["to"], ALWAYS, tuple(refusal.problems))
    if found.first_day and found.last_day and found.first_day > found.last_day:
        late = Problem("invalid", "The last day lies before the first.", f"a day from {texts['from']} on", field="to")
        return Days(texts["from"], texts["to"], ALWAYS, (late,))
    return Days(texts["from"], texts["to"], Period(found.since(UTC), found.until(UTC)))


def asked_text(given: Mapping[str, str], name: str, limit: int) -> str:
    """Read a text of the address, so much of it; without the one character that a database takes in no text."""
    return given.get(name, "").replace("\0", "").strip()[:limit]


def in_words(period: Period) -> str:
    """Say a time in words: `in March 2026`, `on 14 Mar 2026`, `from 1 Mar 2026 to 4 Apr 2026`, `since 1 Mar 2026`."""
    if period.since is None and period.until is None:
        return ""
    last = period.until - timedelta(days=1) if period.until else None
    if period.since is None:
        assert last is not None
        return f"until {_named(last)}"
    if last is None:
        return f"since {_named(period.since)}"
    if period.since == last:
        return f"on {_named(last)}"
    if period.since.day == 1 and period.until and period.until.day == 1 and _next_month(period.since) == period.until:
        return f"in {MONTH_NAMES[last.month - 1]} {last.year}"
    return f"from {_named(period.since)} to {_named(last)}"


def place_in_words(service: str, environment: str) -> str:
    """Return `of archive/production`, `of archive`, `of production`, or nothing."""
    place = "/".join(part for part in (service, environment) if part)
    return f"of {place}" if place else ""


def joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _next_month(first: datetime) -> datetime:
    return (first + timedelta(days=32)).replace(day=1)


def _named(moment: datetime) -> str:
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"
