"""Which rows of a history somebody wants: the filters of an address as one typed spec."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from releases.intake import Key, Spec, from_text, one_line
from releases.states import DeploymentKind, DeploymentStatus, Outcome, Verdict

RELEASE = "release"
KINDS = (*(kind.value for kind in DeploymentKind), RELEASE)
"""What a row can be: a deployment of any kind, or a release as it was registered."""
BAD = "bad"
OUTCOMES = tuple(
    dict.fromkeys(
        [
            *(verdict.value for verdict in Verdict if verdict is not Verdict.SKIPPED),
            *(outcome.value for outcome in Outcome),
            *(status.value for status in DeploymentStatus if status is not DeploymentStatus.FINISHED),
            BAD,
        ]
    )
)
"""Words that an outcome may be looked for by: of a checklist, of a rollback, of a deployment that did not finish, and
`bad` for what is of a release that was marked so."""
WORDS_LIMIT = 200
YEARS = (2000, 2199)
_CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}"
_LOCAL = re.compile(_CLOCK + r"(:[0-9]{2})?")
_RFC_3339 = re.compile(_CLOCK + r":[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})")

PARAMETERS = ("kind", "service", "environment", "owner", "outcome", "from", "to", "q")
"""The filters in the order in which a page shows them."""


def _one_of(words: tuple[str, ...]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in words:
            raise PydanticCustomError("not_one_of", "is none of the words that it can be")
        return value

    return AfterValidator(check)


def _day(value: object) -> object:
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


def _moment(value: object) -> object:
    # A plus sign that an address did not escape arrives as a space.
    text = re.sub(r" (?=[0-9]{2}:[0-9]{2}$)", "+", value) if isinstance(value, str) else ""
    if not _RFC_3339.fullmatch(text):
        raise PydanticCustomError("not_a_moment", "is not a moment")
    return _in_range(text)


def _local_moment(value: object) -> object:
    if not isinstance(value, str) or not _LOCAL.fullmatch(value):
        raise PydanticCustomError("not_a_moment", "is not a moment")
    return _in_range(value)


def _in_range(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        raise PydanticCustomError("not_a_moment", "is not a moment") from None
    if not YEARS[0] <= found.year <= YEARS[1]:
        raise PydanticCustomError("not_a_moment", "lies beyond {first}-{last}", {"first": YEARS[0], "last": YEARS[1]})
    return found


Day = Annotated[date, BeforeValidator(_day)]


class Wanted(Spec):
    """The filters of a history. An empty text is no filter."""

    kind: Annotated[str, _one_of(KINDS)] = ""
    service: Key | None = None
    environment: Key | None = None
    owner: Annotated[str, Field(max_length=150), AfterValidator(one_line)] = ""
    """The whole name."""
    outcome: Annotated[str, _one_of(OUTCOMES)] = ""
    first_day: Annotated[Day | None, Field(alias="from")] = None
    last_day: Annotated[Day | None, Field(alias="to")] = None
    words: Annotated[str, Field(alias="q", max_length=WORDS_LIMIT), AfterValidator(one_line)] = ""

    @property
    def releases(self) -> bool:
        """Whether the rows are releases as they were registered, and not deployments."""
        return self.kind == RELEASE

    def since(self, zone: tzinfo) -> datetime | None:
        """Return when the first day begins in a zone."""
        return _midnight(self.first_day, zone) if self.first_day else None

    def until(self, zone: tzinfo) -> datetime | None:
        """Return when the last day is over in a zone."""
        return _midnight(self.last_day + timedelta(days=1), zone) if self.last_day else None


def wanted(given: Mapping[str, str]) -> Wanted:
    """Read the filters among the parameters of an address; others are not looked at.

    Raises Invalid with every filter that cannot be.
    """
    return from_text(Wanted, {name: given[name].strip() for name in PARAMETERS if name in given})


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)


class MomentSpec(Spec):
    """A moment that somebody asks about."""

    t: Annotated[datetime, BeforeValidator(_moment)]
    """With the offset of its zone, as RFC 3339 has it."""


class LocalMomentSpec(Spec):
    """A moment as a form's field gives it: on the clock of whoever asks."""

    local: Annotated[datetime, BeforeValidator(_local_moment)]
