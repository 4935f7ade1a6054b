"""Turning values into the words of a page: times, durations, figures, changes, ids.

Pure functions: the moment that counts as now and the time zone are passed in. A missing value is a dash, never a zero.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from releases.figures import MISSING, THIN

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = timedelta(days=7)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


# --- Times ----------------------------------------------------------------------------------------------------------


def age(seconds: float) -> str:
    """Return how old something is, in one whole unit, rounded down: `24 s`, `8 min`, `6 h`, `4 d`."""
    seconds = max(0, int(seconds))
    for length, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= length:
            return f"{seconds // length}{THIN}{unit}"
    return f"{seconds}{THIN}s"


def ago(moment: datetime, now: datetime) -> str:
    """Return `8 min ago`, or `in 8 min` for a moment to come."""
    seconds = (now - moment).total_seconds()
    if seconds <= -1:
        return f"in {age(-seconds)}"
    return f"{age(seconds)} ago"


def zone_name(moment: datetime, zone: tzinfo) -> str:
    """Return the zone's short name at that moment: `CET`, `UTC`, or `UTC+03` where the zone has only an offset."""
    name = moment.astimezone(zone).tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name


def date(moment: datetime, zone: tzinfo) -> str:
    """Return `14 Mar 2026`."""
    local = moment.astimezone(zone)
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}"


def clock(moment: datetime, now: datetime, zone: tzinfo, *, seconds: bool = False) -> str:
    """Return the time on the wall with its zone: `03:04 CET`, or on another day `Mon 16:10 CET`.

    Beyond seven days from now the date takes the weekday's place: `14 Mar 2026 09:00 UTC`.
    """
    local = moment.astimezone(zone)
    time = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    text = f"{time} {zone_name(moment, zone)}"
    if local.date() == now.astimezone(zone).date():
        return text
    if abs(now - moment) < WEEK:
        return f"{DAYS[local.weekday()]} {text}"
    return f"{date(moment, zone)} {text}"


def recent(moment: datetime, now: datetime) -> bool:
    """Tell whether a moment is near enough to be told as an age; otherwise the date stands alone."""
    return abs(now - moment) < WEEK


def when(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Return both forms, `8 min ago · 03:04 CET`; beyond seven days the date alone."""
    if not recent(moment, now):
        return date(moment, zone)
    return f"{ago(moment, now)} · {clock(moment, now, zone)}"


def utc(moment: datetime) -> str:
    """Return the form of audit pages and exports: `2026-03-14 09:12:03Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def iso(moment: datetime) -> str:
    """Return the machine's form, for `<time datetime>`: `2026-03-14T09:12:03Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


# --- Durations ------------------------------------------------------------------------------------------------------


def duration(seconds: float | timedelta | None, *, whole: bool = False) -> str:
    """Return how long something took in at most two units: `0.2 s`, `12.1 s`, `1 min 04 s`, `2 h 10 min`, `4 d`.

    `whole` leaves out the tenths below a minute: for limits, estimates and running counts.
    """
    if seconds is None:
        return MISSING
    if isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    seconds = max(0.0, seconds)
    # Rounded first, so that 59.97 s carries over to 1 min instead of showing 60.0 s.
    rounded = round(seconds) if whole else round(seconds, 1)
    if rounded < MINUTE:
        if whole:
            return f"{rounded}{THIN}s"
        return f"{rounded:.1f}{THIN}s" if rounded else f"under 0.1{THIN}s"
    total = round(seconds)
    if total < HOUR:
        return _two_units(total, MINUTE, "min", 1, "s")
    total = round(seconds / MINUTE) * MINUTE
    if total < DAY:
        return _two_units(total, HOUR, "h", MINUTE, "min")
    total = round(seconds / HOUR) * HOUR
    return _two_units(total, DAY, "d", HOUR, "h")


def _two_units(total: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    first, rest = divmod(total, large)
    second = rest // small
    text = f"{first}{THIN}{large_unit}"
    if not second:
        return text
    padded = f"{second:02d}" if small == 1 else str(second)
    return f"{text} {padded}{THIN}{small_unit}"


def offset(seconds: float) -> str:
    """Return how long after the press something began: `+3.8 s`, and `0 s` where it was at once."""
    return f"+{duration(seconds)}" if round(seconds, 1) else f"0{THIN}s"


def about(seconds: float | timedelta | None, ground: str) -> str:
    """Return an estimate with its ground: `about 20 s, from 5 rehearsals`."""
    if seconds is None:
        return MISSING
    return f"about {duration(seconds, whole=True)}, {ground}"


# --- Figures --------------------------------------------------------------------------------------------------------


def count(value: int | None, noun: str = "", plural: str = "") -> str:
    """Return an exact count with its noun: `12,406`, `1 person`, `3 probes`."""
    if value is None:
        return MISSING
    if not noun:
        return f"{value:,}"
    return f"{value:,} {noun if value == 1 else plural or f'{noun}s'}"


def size(octets: int | None) -> str:
    """Return a number of bytes in decimal units: `812 B`, `2.1 kB`, `2.5 MB`."""
    if octets is None:
        return MISSING
    value, unit = float(octets), "B"
    for larger in ("kB", "MB", "GB"):
        # Compared as it would be shown: 999,960 bytes are 1 MB and not 1,000 kB.
        if round(value, 1) < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f}".removesuffix(".0") + f"{THIN}{unit}"


# --- Ids and texts --------------------------------------------------------------------------------------------------


def digest(text: str) -> str:
    """Return a digest shortened in the middle, eight characters at each end."""
    return text if len(text) <= 17 else f"{text[:8]}…{text[-8:]}"


def commit(text: str) -> str:
    """Return the first ten characters of a commit id."""
    return text[:10]


def listed(words: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def first_lines(text: str, *, lines: int = 3, characters: int = 240) -> str:
    """Return the beginning of a text, at most that many lines and characters; equal to the text when it is short."""
    return "\n".join(text.split("\n")[:lines])[:characters]
