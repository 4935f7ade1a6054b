"""Whether each route lets in whom the catalogue says, and nobody else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from releases.http import DoorError
from releases.probes.base import Account, Answer, Context, Finding, FindingKind, Probe, Settings, regression_by_findings
from releases.probes.login import Login
from releases.probes.places import Place, edge_and_origin, share
from releases.probes.reader import LoginFailed, Reader, is_login
from releases.probes.routes import Route
from releases.states import Effect, Level

SECONDS_PER_REQUEST = 5.0
NOBODY = "nobody"
REFUSALS = frozenset({401, 403, 404})

OPEN_TO = FindingKind(
    "open_to",
    Level.FAIL,
    "{subject}: let in, though the role must be refused (answered {got})",
    "Anybody with that role reads it now. Roll back, or restore the check on this route.",
)
CLOSED_TO = FindingKind(
    "closed_to",
    Level.FAIL,
    "{subject}: refused, though the role must be let in (answered {got})",
    "Log in as that account and open the page. Has the account lost its role, or the route its rule?",
)
OTHER_STATUS = FindingKind(
    "other_status",
    Level.FAIL,
    "{subject}: answered {got}, not {wanted}",
    "Compare with what the catalogue lists for this route and role.",
)
UNCLEAR_ANSWER = FindingKind(
    "unclear_answer",
    Level.INCONCLUSIVE,
    "{subject}: answered {got}, which says neither yes nor no",
    "Look at the service's log: an error or a limit hides who would be let in.",
)
UNKNOWN_ROLE = FindingKind(
    "unknown_role",
    Level.INCONCLUSIVE,
    "the catalogue has no account {subject}, so nobody could be asked in its name",
    "Name a test account of that role in the environment's catalogue entry, or take it out of `expect`.",
)
COULD_NOT_LOG_IN = FindingKind(
    "could_not_log_in",
    Level.ERROR,
    "{subject} could not log in: {reason}",
    "Compare the probe's `login` settings and the account's secrets with the service's login page.",
)
COULD_NOT_ASK = FindingKind(
    "could_not_ask",
    Level.ERROR,
    "{subject} could not be asked: {reason}",
    "It is down, hangs, or cannot be reached from the worker.",
)

Expectation = Literal["allowed", "refused"] | Annotated[int, Field(ge=100, le=599, strict=True)]


class GuardedRoute(Settings):
    """One route, and who may read it."""

    path: Route
    """The route, asked with GET."""
    expect: dict[str, Expectation] = Field(min_length=1, max_length=20)
    """By role, which is the name of one of the catalogue's accounts or `nobody`: `allowed` (answered with 2xx, behind
    redirects within the service), `refused` (401, 403, 404, or led to the login form), or the one status expected."""


class PermissionsSettings(Settings):
    """The matrix of routes and roles."""

    login: Login = Login()
    """The login form."""
    routes: tuple[GuardedRoute, ...] = Field(min_length=1, max_length=50)
    """Each route with what every role may get, asked at the edge and at the first instance."""

    @model_validator(mode="after")
    def _once(self) -> "PermissionsSettings":
        paths = [route.path for route in self.routes]
        if twice := next((path for path in paths if paths.count(path) > 1), None):
            raise ValueError(f"{twice} is listed twice; name all its roles in one place")
        return self


@dataclass(frozen=True, slots=True)
class _Got:
    """What a role got."""

    status: int
    login_form: bool

    @property
    def words(self) -> str:
        return f"the login form ({self.status})" if self.login_form else str(self.status)

    @property
    def refused(self) -> bool:
        return self.login_form or self.status in REFUSALS

    @property
    def allowed(self) -> bool:
        return 200 <= self.status < 300 and not self.login_form


class Permissions(Probe[PermissionsSettings]):
    """Ask for each route as each role, at edge and origin, and compare with the matrix."""

    key = "permissions"
    title = "Permissions"
    group = "security"
    proves = "Each listed route lets in the listed roles and refuses the others, at edge and origin."
    cannot_see = "Routes and roles that are not listed, and what a page leaves out for a role that it lets in."
    effect = Effect.NONE
    deadline = 45.0
    kinds = (OPEN_TO, CLOSED_TO, OTHER_STATUS, UNCLEAR_ANSWER, UNKNOWN_ROLE, COULD_NOT_LOG_IN, COULD_NOT_ASK)
    settings_model = PermissionsSettings

    def needs_accounts(self, settings: PermissionsSettings) -> bool:
        """Only where a role has one."""
        return any(role != NOBODY for route in settings.routes for role in route.expect)

    def measure(self, context: Context[PermissionsSettings]) -> Answer:
        """Return findings, and as figures the matrix: what each role got, by route and place."""
        routes = context.settings.routes
        roles = list(dict.fromkeys(role for route in routes for role in route.expect))
        accounts = {account.name: account for account in context.accounts}
        findings = [Finding(UNKNOWN_ROLE, role) for role in roles if role != NOBODY and role not in accounts]
        matrix: dict[str, dict[str, dict[str, str]]] = {}
        places = list(edge_and_origin(context))
        total = len(places) * (len(roles) + sum(len(route.expect) for route in routes))
        done = 0
        for place in places:
            readers = {}
            for role in roles:
                context.progress(done, total, f"{role} at the {place.name}")
                done += 1
                if role == NOBODY or role in accounts:
                    reader = _reader(context, place, accounts.get(role), total - done, findings)
                    readers.update({role: reader} if reader else {})
            for route, role, wanted in _cells(routes):
                context.progress(done, total, f"{route.path} as {role} at the {place.name}")
                done += 1
                if role not in readers:
                    continue
                subject = f"{route.path} at the {place.name}"
                try:
                    got = _ask(readers[role], route, context, total - done)
                except DoorError as error:
                    findings.append(Finding(COULD_NOT_ASK, f"{subject} as {role}", {"reason": str(error)}))
                    continue
                matrix.setdefault(route.path, {}).setdefault(role, {})[place.name] = got.words
                findings += _judge(subject, role, wanted, got)
        return Answer(findings, {"matrix": matrix}, regression_by_findings(findings, context.before))


def _cells(routes: tuple[GuardedRoute, ...]) -> Iterator[tuple[GuardedRoute, str, Expectation]]:
    return ((route, role, wanted) for route in routes for role, wanted in route.expect.items())


def _reader(
    context: Context[PermissionsSettings], place: Place, account: Account | None, left: int, findings: list[Finding]
) -> Reader | None:
    """Return a reader of the role, logged in if it has an account; None with a finding if that fails."""
    reader = Reader(context.door, place, context.edge)
    if account is None:
        return reader
    try:
        reader.log_in(account, context.settings.login, share(context.door.deadline, left + 1, SECONDS_PER_REQUEST))
    except (DoorError, LoginFailed) as error:
        subject = f"{account.name} at the {place.name}"
        findings.append(Finding(COULD_NOT_LOG_IN, subject, {"reason": str(error)}))
        return None
    return reader


def _ask(reader: Reader, route: GuardedRoute, context: Context[PermissionsSettings], left: int) -> _Got:
    timeout = share(context.door.deadline, left + 1, SECONDS_PER_REQUEST)
    first = reader.get(route.path, timeout)
    numbers = [wanted for wanted in route.expect.values() if isinstance(wanted, int)]
    if first.status in numbers:
        return _Got(first.status, False)  # a redirect that is expected as such
    final, response = reader.follow(route.path, timeout) if 300 <= first.status < 400 else (route.path, first)
    return _Got(response.status, is_login(final, response, context.settings.login))


def _judge(subject: str, role: str, wanted: Expectation, got: _Got) -> Iterator[Finding]:
    values = {"got": got.words}
    about = f"{subject} as {role}"
    if isinstance(wanted, int):
        if got.status != wanted:
            yield Finding(OTHER_STATUS, about, {"got": got.words, "wanted": wanted})
    elif not (got.allowed or got.refused):
        yield Finding(UNCLEAR_ANSWER, about, values)
    elif wanted == "refused" and got.allowed:
        yield Finding(OPEN_TO, about, values)
    elif wanted == "allowed" and got.refused:
        yield Finding(CLOSED_TO, about, values)
