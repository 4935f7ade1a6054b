"""Days and moments as untrusted input gives them. Pure, but for the clock that says what lies in the future."""

import re
from datetime import UTC, date, datetime, timedelta

from pydantic_core import PydanticCustomError

YEARS = (2000, 2199)
CLOCKS_APART = timedelta(minutes=5)
"""How far another machine's clock may be ahead of ours before we call its time the future."""
_CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}"
_LOCAL = re.compile(_CLOCK + r"(:[0-9]{2})?")
_RFC_3339 = re.compile(_CLOCK + r":[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})")


def day(value: object) -> object:
    """Refuse what else would pass as a day, such as a count of seconds."""
    if not isinstance(value, str) or len(value) != len("2026-03-14"):
        raise PydanticCustomError("not_a_day", "is not a day")
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("not_a_day", "is not a day") from None
    if not YEARS[0] <= found.year <= YEARS[1]:
        raise PydanticCustomError("not_a_day", "lies beyond {first}-{last}", {"first": YEARS[0], "last": YEARS[1]})
    return found


def moment(value: object) -> datetime:
    """Read a moment with the offset of its zone, as RFC 3339 has it."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise PydanticCustomError("not_a_moment", "is not a moment")
    return _in_range(value)


def moment_of_an_address(value: object) -> datetime:
    """Read a moment from an address, where a plus sign that was not escaped arrives as a space."""
    return moment(re.sub(r" (?=[0-9]{2}:[0-9]{2}$)", "+", value) if isinstance(value, str) else value)


def local_moment(value: object) -> datetime:
    """Read a moment as a form's field gives it, on the clock of whoever asks."""
    if not isinstance(value, str) or not _LOCAL.fullmatch(value):
        raise PydanticCustomError("not_a_moment", "is not a moment")
    return _in_range(value)


def past_moment(value: object) -> datetime | None:
    """Read a moment that has been, in UTC; an empty text is none."""
    text = value.strip() if isinstance(value, str) else value
    if text is None or text == "":
        return None
    found = moment(text)
    if found > datetime.now(UTC) + CLOCKS_APART:
        raise PydanticCustomError("not_a_moment", "lies in the future")
    return found.astimezone(UTC)


def _in_range(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        raise PydanticCustomError("not_a_moment", "is not a moment") from None
    if not YEARS[0] <= found.year <= YEARS[1]:
        raise PydanticCustomError("not_a_moment", "lies beyond {first}-{last}", {"first": YEARS[0], "last": YEARS[1]})
    return found
