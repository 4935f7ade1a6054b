"""Untrusted input → a typed spec, or every problem at once. No database: what is taken or missing is the verbs' to say.

Form, API and command line share these specs. JSON goes through `from_json`; forms and the command line, where
everything is text and an empty text means "not given", through `from_text`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from releases.display import visible
from releases.errors import Invalid, Problem
from releases.fields import (
    Digest,
    GivenName,
    Group,
    Key,
    Name,
    Note,
    OptionalNote,
    ProbeKey,
    Route,
    UserName,
    Version,
    WebAddress,
    Zone,
    one_line,
    one_of,
)
from releases.groups import GROUPS
from releases.moments import past_moment
from releases.strict_json import check_json

ROUTES_LIMIT = 50
PROBLEMS_LIMIT = 20
LOSSES_LIMIT = 100
PATH_LIMIT = 80
"""Characters of a field's name that an answer repeats; an unknown field may be called anything."""

REASONS = {
    "checklist": "Checklist failing",
    "users": "Users report",
    "slow": "Too slow",
    "other": "Other",
}
"""Why somebody rolls back, as a choice."""

SCOPES = {
    "read": "read what the API shows",
    "releases:write": "register releases, and say whether expected results came true",
    "deployments:write": "report deployments",
    "deployments:run": "have Rollbook deploy and rehearse",
    "checklists:write": "run checklists again and accept findings",
    "rollbacks:write": "roll back",
    "freezes:write": "lift freezes",
}
"""What a token may do, as far as its person may."""
TOKEN_DAYS_LIMIT = 3650

Scope = Annotated[str, one_of(SCOPES)]


def _not_given(value: object) -> bool:
    return value is None


class Spec(BaseModel):
    """The base of every spec: frozen, and a key that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReleaseSpec(Spec):
    """A release to register."""

    service: Key
    version: Version
    owner: Name
    expected_result: Note
    rollback_note: Note
    affected_routes: Annotated[list[Route], Field(max_length=ROUTES_LIMIT)] = []
    change_url: WebAddress = ""
    assumptions: OptionalNote = ""
    change_size: Annotated[str, Field(max_length=80), AfterValidator(one_line)] = ""
    committed_at: Annotated[datetime | None, BeforeValidator(past_moment), Field(exclude_if=_not_given)] = None
    """Of the oldest commit in it that no release before had: where the lead time for changes begins."""


class StartSpec(Spec):
    """A deployment that is about to begin."""

    service: Key
    environment: Key
    version: Version
    what_changed: OptionalNote = ""
    """Asked for where the release is marked bad: why it is deployed again."""
    wait: Annotated[int, Field(ge=0, le=60)] = 0
    """Seconds to hold the answer until the baseline was measured."""


class FinishSpec(Spec):
    """A deployment that has ended."""

    succeeded: bool = True


class DeploySpec(Spec):
    """A release that Rollbook is to deploy itself: which, where, and which command was seen."""

    service: Key
    environment: Key
    version: Version
    what_changed: OptionalNote = ""
    """As in StartSpec."""
    digest: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


class RehearseSpec(Spec):
    """A release to rehearse: put in place by the real command, taken back, and measured."""

    service: Key
    environment: Key
    version: Version


class RollbackSpec(Spec):
    """A press of the button: what was seen, where it goes, and why."""

    service: Key
    environment: Key
    live: Annotated[int, Field(ge=1)]
    """Number of the deployment that was shown as live."""
    target: Annotated[int, Field(ge=1)]
    digest: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    reason: Annotated[str, one_of(REASONS)]
    words: OptionalNote = ""
    purge: bool = True
    losses: Annotated[list[Digest], Field(max_length=LOSSES_LIMIT)] = []
    """Digests of what was shown as lost."""
    accept_data_loss: bool = False


class RunAgainSpec(Spec):
    """A checklist to run again, or only some of its probes."""

    service: Key
    environment: Key
    probes: Annotated[list[ProbeKey], Field(max_length=ROUTES_LIMIT)] = []
    """Keys of the probes; all of the checklist when empty."""
    wait: Annotated[int, Field(ge=0, le=60)] = 0
    """Seconds to hold the answer until it was measured."""


class AcceptSpec(Spec):
    """A finding to accept: for its release, or until the end of a day."""

    reason: Note
    until: date | None = None
    """The last day on which it holds, in UTC; without one it holds for the release."""


class NoteSpec(Spec):
    """A note about a release or a rollback."""

    text: Note
    corrects: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    """Number of the note that it takes the place of."""


class ConfirmSpec(Spec):
    """Whether an expected result came true, and by what that was seen."""

    came_true: bool
    note: Note


class LiftSpec(Spec):
    """A freeze to lift."""

    reason: Note


class ZoneSpec(Spec):
    """The zone in which a person reads times."""

    time_zone: Zone = ""
    """Empty: the one that the browser names."""


class TokenSpec(Spec):
    """An API token to make."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1)]
    service: Key = ""
    """The only service for which it may do more than read; empty: all."""
    days: Annotated[int, Field(ge=1, le=TOKEN_DAYS_LIMIT)] | None = None
    """Days until it expires; None: never."""


class MembershipSpec(Spec):
    """A group to put a person in."""

    group: Group
    service: Key = ""
    """The only service for which it holds; empty: all."""


class PersonSpec(MembershipSpec):
    """A person to add, with the group to begin with."""

    username: UserName
    first_name: GivenName = ""
    last_name: GivenName = ""


class CloseSpec(Spec):
    """An account to close."""

    reason: Note


class OverrideSpec(Spec):
    """A rollback that is to run although a command still holds the environment's lock."""

    reason: Note


class VerifySpec(Spec):
    """A rollback that is to be measured again."""

    reason: Note


S = TypeVar("S", bound=Spec)


def from_json(spec: type[S], body: bytes) -> S:
    """Parse a JSON body strictly.

    Raises Malformed where it cannot be read, and Invalid with every problem where it does not fit the spec.
    """
    check_json(body)
    try:
        return spec.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise Invalid(*_problems(spec, error)) from None


def from_text(spec: type[S], given: Mapping[str, str | Sequence[str]]) -> S:
    """Validate texts from a form or a command line; an empty one counts as not given."""
    try:
        # Not model_validate_strings, which knows no lists. Texts become numbers and yes or no in the same way.
        return spec.model_validate({key: value for key, value in given.items() if value})
    except ValidationError as error:
        raise Invalid(*_problems(spec, error)) from None


def lines(text: str) -> list[str]:
    """Split a text box into its lines, without empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


_EXPECTED = {
    "service": "a service key: a-z, 0-9 and -, 1-40 characters",
    "environment": "an environment key: a-z, 0-9 and -, 1-40 characters",
    "version": "a version: a letter or digit, then letters, digits and . _ + -, at most 100 characters",
    "owner": "a name of 1-80 characters",
    "username": "a name to sign in with, 1-80 characters, on one line",
    "first_name": "at most 40 characters, on one line",
    "last_name": "at most 40 characters, on one line",
    "group": "one of " + ", ".join(GROUPS),
    "name": "a name of 1-80 characters, on one line",
    "scopes": "at least one of " + ", ".join(SCOPES),
    "days": f"1-{TOKEN_DAYS_LIMIT} whole days, or nothing",
    "expected_result": "what should be better afterwards, 1-4,000 characters",
    "rollback_note": "how to go back, 1-4,000 characters",
    "affected_routes": f"exact paths such as /articles, at most {ROUTES_LIMIT}, no wildcards",
    "change_url": "an address that starts with https:// or http://, without credentials, at most 500 characters",
    "assumptions": "at most 4,000 characters",
    "change_size": "at most 80 characters",
    "committed_at": "RFC 3339 with offset, such as 2026-03-14T09:00:00Z, since 2000 and not in the future",
    "probes": "keys of probes, such as cache_headers",
    "until": "a day such as 2026-12-31",
    "what_changed": "what is different since it was marked bad, at most 4,000 characters",
    "wait": "0-60 whole seconds",
    "succeeded": "true or false",
    "reason": "why, 1-4,000 characters",
    "came_true": "true or false",
    "note": "what was seen, 1-4,000 characters",
    "text": "what there is to say, 1-4,000 characters",
    "corrects": "the number of a note",
    "words": "at most 4,000 characters",
    "live": "the number of the deployment that was shown as live",
    "target": "the number of the deployment to go back to",
    "digest": "the digest that was shown",
    "purge": "true or false",
    "losses": "digests of the losses that were shown",
    "accept_data_loss": "true or false",
    "time_zone": "a zone such as Europe/Berlin, or UTC",
    "kind": "deployment, rollback, rehearsal or release",
    "outcome": "a verdict or an outcome, such as fail or restored",
    "from": "a day such as 2026-03-14",
    "to": "a day such as 2026-03-14",
    "t": "RFC 3339 with offset, such as 2026-03-14T09:00:00Z",
    "local": "a day and a time, such as 2026-03-14T09:00",
    "q": "words to look for, at most 200 characters",
}


_SAID_BY_US = frozenset(
    {
        "hidden_character",
        "empty",
        "too_long_as_kept",
        "not_a_route",
        "not_an_address",
        "credentials_in_address",
        "not_one_of",
        "not_a_day",
        "not_a_moment",
        "not_a_zone",
    }
)
"""Types of mistakes whose message goes on where the field's name ends."""


def _problems(spec: type[Spec], error: ValidationError) -> list[Problem]:
    return [_problem(spec, detail) for detail in error.errors(include_url=False)[:PROBLEMS_LIMIT]]


def _problem(spec: type[Spec], detail: ErrorDetails) -> Problem:
    path = visible(".".join(str(part) for part in detail["loc"]))[:PATH_LIMIT] or "body"
    name = str(detail["loc"][0]) if detail["loc"] else ""
    known = ", ".join(spec.model_fields)
    if detail["type"] == "extra_forbidden":
        return Problem("unknown_field", f"{path} is not known.", f"one of {known}", field=path)
    if detail["type"] == "missing":
        return Problem("missing", f"{path} is missing.", _expected(spec, name), field=path)
    got = detail["input"]
    secret = detail["type"] == "credentials_in_address"
    return Problem(
        code="invalid",
        failed=_failed(path, detail),
        expected=_expected(spec, name),
        field=path,
        got="" if secret else got if isinstance(got, str) else json.dumps(got, default=str),
    )


def _expected(spec: type[Spec], name: str) -> str:
    if spec is RollbackSpec and name == "reason":
        return "one of " + ", ".join(REASONS)
    return _EXPECTED.get(name, "a known field")


def _failed(path: str, detail: ErrorDetails) -> str:
    if detail["type"] == "string_too_long":
        return f"{path} has {len(detail['input']):,} characters."
    if detail["type"] == "string_pattern_mismatch":
        return f"{path} has characters, or a length, that it may not have."
    if detail["type"] in _SAID_BY_US:
        return f"{path} {detail['msg']}."
    return f"{path} is not valid: {detail['msg'].lower()}."
