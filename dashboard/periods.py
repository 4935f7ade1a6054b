"""The time that a page is about, as its address names it: days in the person's zone, both included."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.http import HttpRequest
from django.utils import timezone

from releases.errors import Problem
from releases.queries.delivery import Period

LONGEST = timedelta(days=732)
EXPECTED = f"two days such as 2026-03-01 and 2026-03-31, in their order, at most {LONGEST.days} days apart"


@dataclass(frozen=True, slots=True)
class AskedPeriod:
    """The time of a page, and what stands in its form."""

    period: Period
    first: str
    last: str
    over: bool
    """Whether it has passed as a whole; else it lasts until now."""
    problems: tuple[Problem, ...] = ()
    """Why the usual time is shown instead of what was asked for."""


def since_monday(today: date) -> date:
    return today - timedelta(days=today.weekday())


def last_quarter(today: date) -> date:
    return today - timedelta(days=90)


def asked_period(request: HttpRequest, first: date) -> AskedPeriod:
    """Return the time from `from` to `to`; where these are not given, from `first` until now."""
    today = timezone.localdate()
    asked = (request.GET.get("from") or first.isoformat(), request.GET.get("to") or today.isoformat())
    try:
        days = date.fromisoformat(asked[0]), date.fromisoformat(asked[1])
        return AskedPeriod(_period(*days), *asked, over=days[1] < today)
    except ValueError:
        problem = Problem("invalid", "These are not the days of a time.", EXPECTED, got=" ".join(asked))
        usual = _period(first, today)
        return AskedPeriod(usual, first.isoformat(), today.isoformat(), over=False, problems=(problem,))


def _period(first: date, last: date) -> Period:
    """Return the time of two days and all between them, as far as it has passed. Raises ValueError."""
    if not timedelta(0) <= last - first <= LONGEST or first.year < 2000 or last.year > 2999:
        raise ValueError
    zone = timezone.get_current_timezone()
    start = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    return Period(start, min(end, max(start, timezone.now())))
