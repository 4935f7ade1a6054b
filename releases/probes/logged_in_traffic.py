"""Whether logged-in readers see their own pages, and nobody sees another's.

Each page is asked at the edge and at the origin as A, B, A, B and twice as nobody: whatever a cache kept of A's answer,
B and nobody get to see. What an earlier run or release left in the cache needs no clearing first: one stored answer
cannot show A's marker to A and B's marker to B, so it shows as a leak or as a page that does not work, and either is
true for readers at that moment. That the *next* answer could be stored is judged from its fields.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import Field

from releases.http import DoorError, Response
from releases.probes.base import (
    Account,
    Answer,
    Context,
    Finding,
    FindingKind,
    Json,
    Probe,
    Settings,
    regression_by_findings,
)
from releases.probes.caching import Caching, judge
from releases.probes.evidence import caching_fields
from releases.probes.fields import FieldName
from releases.probes.login import Login
from releases.probes.places import Place, edge_and_origin, share
from releases.probes.reader import LoginFailed, NoForm, Reader, form_with, shows
from releases.probes.routes import Route
from releases.states import Effect, Level

SECONDS_PER_REQUEST = 5.0
MOST_EVIDENCE = 6
NOBODY = "nobody"

ANOTHERS_MARKER = FindingKind(
    "anothers_marker",
    Level.FAIL,
    "{subject} shows what belongs to {owners} to {viewers}",
    "Readers see each other's data now. Roll back, and purge the route: the cache may hold the page beyond that.",
)
SHARED_CACHEABLE = FindingKind(
    "shared_cacheable",
    Level.FAIL,
    "{subject} is personal, yet a shared cache may answer from it: {because}",
    "Answer with `Cache-Control: private` or `no-store`, and purge the route. Until then it can reach anybody.",
)
KEPT_APART_BY_VARY = FindingKind(
    "kept_apart_by_vary",
    Level.NOTE,
    "{subject} is personal, and only `Vary: {vary}` keeps a shared cache from mixing up readers",
    "Many caches drop cookies from their key. Say `Cache-Control: private` as well.",
)
OWN_PAGE_BROKEN = FindingKind(
    "own_page_broken",
    Level.FAIL,
    "{subject} does not work for {viewers}: answered {status}, own marker not shown",
    "Log in by hand and look. If the account's marker has changed, correct the catalogue.",
)
COOKIE_KEPT = FindingKind(
    "cookie_kept",
    Level.FAIL,
    "{subject} sets a cookie for anonymous readers in an answer that a shared cache may keep: {because}",
    "A cache hands the same cookie to everybody, and so perhaps the same session. Make it private or drop the cookie.",
)
LOGIN_FORM_MISSING = FindingKind(
    "login_form_missing",
    Level.FAIL,
    "no login form at the {subject}: {reason}",
    "Open the login page. If its inputs were renamed, correct the probe's `login` settings.",
)
LOGIN_REFUSED = FindingKind(
    "login_refused",
    Level.FAIL,
    "{account} could not log in at the {subject}: {reason}",
    "Log in by hand. If that works, check the account's secrets on the worker.",
)
ACTION_FORM_MISSING = FindingKind(
    "action_form_missing",
    Level.FAIL,
    "{subject} has no form with the inputs {inputs}: answered {status}",
    "Open the page logged in. If its inputs were renamed, correct the probe's `action` settings.",
)
ACTION_FAILED = FindingKind(
    "action_failed",
    Level.FAIL,
    "the action on {subject} does not work: {reason}",
    "Do it by hand, logged in: a wrong CSRF token or a lost session shows only there.",
)
TOO_FEW_ACCOUNTS = FindingKind(
    "too_few_accounts",
    Level.INCONCLUSIVE,
    "{got} accounts with different markers in the catalogue; two are needed to see whether readers are kept apart",
    "Name two test accounts with their markers in the environment's catalogue entry.",
)
COULD_NOT_ASK = FindingKind(
    "could_not_ask",
    Level.ERROR,
    "{subject} could not be asked: {reason}",
    "It is down, hangs, or cannot be reached from the worker.",
)


class Action(Settings):
    """Something a logged-in reader does: a form of the service, filled in and sent."""

    page: Route
    """Page with the form; its hidden inputs (a CSRF token) are sent back with it."""
    path: Route | None = None
    """Where the form posts to; without it what the form itself says."""
    fields: dict[str, str] = Field(default_factory=dict, max_length=20)
    """Values of the form's inputs."""
    shows: str = Field(default="", max_length=200)
    """Text that the page after the action must show; empty when any success will do."""


class LoggedInTrafficSettings(Settings):
    """How to log in, and which pages are personal."""

    login: Login = Login()
    """The login form."""
    personal: tuple[Route, ...] = Field(min_length=1, max_length=20)
    """Pages that show each account its own marker."""
    anonymous: tuple[Route, ...] = Field(default=(), max_length=20)
    """Pages that need no account; they must show no marker to others, and set no cookie that a cache would keep."""
    action: Action | None = None
    """One action that must work when logged in; done once as the first account, at the edge."""
    targeted: tuple[FieldName, ...] = Field(default=(), max_length=5)
    """Targeted fields (RFC 9213) that the edge obeys before Cache-Control, the strongest first."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One answer, and whose markers it showed to whom. Keeps no body."""

    viewer: str
    owners: frozenset[str]
    response: Response
    caching: Caching

    @property
    def own(self) -> bool:
        return self.viewer in self.owners

    @property
    def others(self) -> frozenset[str]:
        return self.owners - {self.viewer}

    def evidence(self) -> dict[str, Json]:
        return {"viewer": self.viewer, "shown": sorted(self.owners), **caching_fields(self.response)}


class LoggedInTraffic(Probe[LoggedInTrafficSettings]):
    """Read personal pages as two accounts and as nobody, at edge and origin, in an order that lets a leak show."""

    key = "logged_in_traffic"
    title = "Logged-in traffic"
    group = "implementation"
    proves = "Two accounts each see their own personal pages, and neither they nor anonymous readers see another's."
    cannot_see = "Pages that are not listed, and personal text other than the accounts' markers."
    effect = Effect.NONE
    deadline = 30.0
    kinds = (
        ANOTHERS_MARKER,
        SHARED_CACHEABLE,
        KEPT_APART_BY_VARY,
        OWN_PAGE_BROKEN,
        COOKIE_KEPT,
        LOGIN_FORM_MISSING,
        LOGIN_REFUSED,
        ACTION_FORM_MISSING,
        ACTION_FAILED,
        TOO_FEW_ACCOUNTS,
        COULD_NOT_ASK,
    )
    settings_model = LoggedInTrafficSettings

    def needs_accounts(self, settings: LoggedInTrafficSettings) -> bool:
        """It is about nothing else."""
        return True

    def measure(self, context: Context[LoggedInTrafficSettings]) -> Answer:
        """Return findings, and as figures who saw whose marker, per route and place."""
        accounts = context.accounts[:2]
        if len({account.marker for account in accounts}) < 2:
            return Answer([Finding(TOO_FEW_ACCOUNTS, "accounts", {"got": len({a.marker for a in accounts})})])
        settings = context.settings
        routes = [(route, True) for route in settings.personal] + [(route, False) for route in settings.anonymous]
        places = list(edge_and_origin(context))
        steps = len(places) * (1 + len(routes))
        findings: list[Finding] = []
        figures: dict[str, Json] = {}
        done = 0
        for place in places:
            context.progress(done, steps, f"logging in at the {place.name}")
            readers = _log_in(context, place, accounts, steps - done, findings)
            done += 1
            for route, personal in routes:
                subject = f"{route} at the {place.name}"
                context.progress(done, steps, subject)
                seen = _visit(context, route, readers, steps - done, subject, findings)
                done += 1
                findings += _judge(subject, seen, personal)
                figures[subject] = [{"viewer": one.viewer, "shown": sorted(one.owners)} for one in seen]
            if place.is_edge and settings.action and (first := readers.get(accounts[0].name)):
                findings += _act(first, settings.action, SECONDS_PER_REQUEST)
        return Answer(findings, {"seen": figures}, regression_by_findings(findings, context.before))


def _log_in(
    context: Context[LoggedInTrafficSettings],
    place: Place,
    accounts: Iterable[Account],
    steps_left: int,
    findings: list[Finding],
) -> dict[str, Reader]:
    """Return a reader for each account that could log in, and one for nobody, in the order in which they ask."""
    readers = {}
    for account in accounts:
        reader = Reader(context.door, place, context.edge)
        timeout = share(context.door.deadline, steps_left, SECONDS_PER_REQUEST)
        try:
            reader.log_in(account, context.settings.login, timeout)
            readers[account.name] = reader
        except NoForm as error:
            findings.append(Finding(LOGIN_FORM_MISSING, place.name, {"reason": str(error)}))
            break
        except LoginFailed as error:
            findings.append(Finding(LOGIN_REFUSED, place.name, {"account": account.name, "reason": str(error)}))
        except DoorError as error:
            findings.append(Finding(COULD_NOT_ASK, f"login at the {place.name}", {"reason": str(error)}))
            break
    readers[NOBODY] = Reader(context.door, place, context.edge)
    return readers


def _visit(
    context: Context[LoggedInTrafficSettings],
    route: str,
    readers: dict[str, Reader],
    steps_left: int,
    subject: str,
    findings: list[Finding],
) -> list[_Seen]:
    """Ask for a route as A, B, A, B, and twice as nobody; stop at the first request without an answer."""
    accounts = [name for name in readers if name != NOBODY]
    seen: list[_Seen] = []
    for viewer in [*accounts, *accounts, NOBODY, NOBODY]:
        timeout = share(context.door.deadline, steps_left, SECONDS_PER_REQUEST)
        # A new nobody each time: with the cookies of the first visit it would no longer be anonymous.
        reader = Reader(context.door, readers[NOBODY].place, context.edge) if viewer == NOBODY else readers[viewer]
        try:
            response = reader.get(route, timeout)
        except DoorError as error:
            findings.append(Finding(COULD_NOT_ASK, subject, {"reason": str(error)}))
            break
        owners = frozenset(account.name for account in context.accounts if shows(account.marker, response))
        fields, targeted = response.headers, context.settings.targeted
        caching = judge(status=response.status, response=fields, now=time.time(), targeted=targeted)
        seen.append(_Seen(viewer, owners, response, caching))
    return seen


def _judge(subject: str, seen: list[_Seen], personal: bool) -> Iterator[Finding]:
    if leaks := [one for one in seen if one.others]:
        owners = sorted(frozenset[str]().union(*(one.others for one in leaks)))
        values = {"owners": ", ".join(owners), "viewers": _viewers(leaks)}
        yield Finding(ANOTHERS_MARKER, subject, values, {"seen": [one.evidence() for one in leaks[:MOST_EVIDENCE]]})
    logged_in = [one for one in seen if one.viewer != NOBODY]
    if broken := [one for one in logged_in if personal and not one.own and not one.others]:
        values_broken = {"viewers": _viewers(broken), "status": broken[0].response.status}
        yield Finding(OWN_PAGE_BROKEN, subject, values_broken, {"seen": [broken[0].evidence()]})
    # What shows a marker is personal, wherever it is listed; so is whatever a personal route answers to an account.
    yield from _judge_caching(subject, [one for one in logged_in if personal or one.owners])
    if kept := [one for one in seen if one.viewer == NOBODY and one.caching.sets_cookie and one.caching.shared.reuses]:
        because = kept[0].caching.shared.because
        yield Finding(COOKIE_KEPT, subject, {"because": because}, {"seen": [kept[0].evidence()]})


def _judge_caching(subject: str, personal: list[_Seen]) -> Iterator[Finding]:
    reusable = [one for one in personal if one.caching.shared.reuses]
    if open_to_all := [one for one in reusable if not one.caching.kept_apart_by_reader]:
        because = open_to_all[0].caching.shared.because
        yield Finding(SHARED_CACHEABLE, subject, {"because": because}, {"seen": [open_to_all[0].evidence()]})
    elif reusable:
        vary = ", ".join(reusable[0].caching.vary)
        yield Finding(KEPT_APART_BY_VARY, subject, {"vary": vary}, {"seen": [reusable[0].evidence()]})


def _act(reader: Reader, action: Action, timeout: float) -> Iterator[Finding]:
    subject = action.page
    try:
        page, shown = reader.follow(action.page, timeout)
        form = form_with(set(action.fields), shown.text)
        if form is None:
            values = {"inputs": ", ".join(action.fields) or "(any)", "status": shown.status}
            yield Finding(ACTION_FORM_MISSING, subject, values)
            return
        _, answer = reader.submit(page, form, action.fields, action.path, timeout)
    except LoginFailed as error:
        yield Finding(ACTION_FAILED, subject, {"reason": str(error)})
        return
    except DoorError as error:
        yield Finding(COULD_NOT_ASK, f"the action on {subject}", {"reason": str(error)})
        return
    if answer.status >= 400:
        yield Finding(ACTION_FAILED, subject, {"reason": f"the form was answered with {answer.status}"})
    elif action.shows and not shows(action.shows, answer):
        yield Finding(ACTION_FAILED, subject, {"reason": "the page after it does not show the expected text"})


def _viewers(seen: Iterable[_Seen]) -> str:
    return ", ".join(dict.fromkeys(one.viewer for one in seen))
