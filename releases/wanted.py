"""Which rows of a history somebody wants: the filters of an address as one typed spec."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from releases.fields import Key, one_line, one_of
from releases.intake import Spec, from_text
from releases.moments import day, local_moment, moment_of_an_address
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

PARAMETERS = ("kind", "service", "environment", "owner", "outcome", "from", "to", "q")
"""The filters in the order in which a page shows them."""


Day = Annotated[date, BeforeValidator(day)]


class Wanted(Spec):
    """The filters of a history. An empty text is no filter."""

    kind: Annotated[str, one_of(KINDS)] = ""
    service: Key | None = None
    environment: Key | None = None
    owner: Annotated[str, Field(max_length=150), AfterValidator(one_line)] = ""
    """The whole name."""
    outcome: Annotated[str, one_of(OUTCOMES)] = ""
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

    t: Annotated[datetime, BeforeValidator(moment_of_an_address)]
    """With the offset of its zone, as RFC 3339 has it."""


class LocalMomentSpec(Spec):
    """A moment as a form's field gives it: on the clock of whoever asks."""

    local: Annotated[datetime, BeforeValidator(local_moment)]
