"""Whether logged-in readers see their own pages, and nobody sees another's.

Each page is asked at the edge and at every instance as A, B, A, B and twice as nobody: whatever a cache kept of A's
answer, B and nobody get to see. What an earlier run or release left in the cache needs no clearing first: one stored
answer cannot show A's marker to A and B's marker to B, so it shows as a leak or as a page that does not work, and
either is true for readers at that moment. That the *next* answer could be stored is judged from its fields.
"""

import time

from pydantic import Field

from releases.http import Deadline, DoorError
from releases.probes import personal_pages, reader_action, session_cookie
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
from releases.probes.caching import judge
from releases.probes.fields import FieldName
from releases.probes.login import Login
from releases.probes.personal_pages import NOBODY, Seen, judge_page
from releases.probes.places import Place, edge_and_instances, share
from releases.probes.reader import LoginFailed, NoForm, Reader, shows
from releases.probes.reader_action import Action, act
from releases.probes.routes import Route
from releases.probes.session_cookie import judge_session
from releases.states import Effect, Level

SECONDS_PER_REQUEST = 5.0

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
OUT_OF_TIME = FindingKind(
    "out_of_time",
    Level.INCONCLUSIVE,
    "the {subject} was asked for {asked} of {of} pages when its part of the time was up",
    "It answers slowly, or the catalogue lists many pages for many instances. List fewer pages.",
)


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


class LoggedInTraffic(Probe[LoggedInTrafficSettings]):
    """Read personal pages as two accounts and as nobody, at the edge and each instance, in an order that lets a leak
    show; and see how well the session is kept."""

    key = "logged_in_traffic"
    title = "Logged-in traffic"
    group = "implementation"
    proves = (
        "At the edge and at every instance two accounts each see their own personal pages, and neither they nor "
        "anonymous readers see another's; at the edge the login gives out a new session, in a cookie that browsers "
        "keep from scripts."
    )
    cannot_see = (
        "Pages that are not listed, personal text other than the accounts' markers, whether a logout ends the session."
    )
    effect = Effect.NONE
    deadline = 45.0
    kinds = (
        *personal_pages.KINDS,
        LOGIN_FORM_MISSING,
        LOGIN_REFUSED,
        *session_cookie.KINDS,
        *reader_action.KINDS,
        TOO_FEW_ACCOUNTS,
        OUT_OF_TIME,
        COULD_NOT_ASK,
    )
    settings_model = LoggedInTrafficSettings

    def needs_accounts(self, settings: LoggedInTrafficSettings) -> bool:
        """It is about nothing else."""
        return True

    def measure(self, context: Context[LoggedInTrafficSettings]) -> Answer:
        """Return findings, and as figures who saw whose marker, per route and place, and the session's cookies."""
        markers = {account.marker for account in context.accounts[:2]}
        if len(markers) < 2:
            return Answer([Finding(TOO_FEW_ACCOUNTS, "accounts", {"got": len(markers)})])
        places = edge_and_instances(context)
        visits = [_Visit(context, place, number, len(places)) for number, place in enumerate(places)]
        for number, visit in enumerate(visits):
            visit.make(_part(context.door.deadline, visit.place, len(visits) - number))
        findings = [finding for visit in visits for finding in visit.findings]
        figures = {
            "seen": {subject: seen for visit in visits for subject, seen in visit.seen.items()},
            "session_cookies": [name for visit in visits for name in visit.session_cookies],
        }
        return Answer(findings, figures, regression_by_findings(findings, context.before))


def _part(deadline: Deadline, place: Place, places_left: int) -> Deadline:
    """Return until when a place may be asked: the edge, which readers see, for up to half of the time."""
    parts = min(2, places_left) if place.is_edge else places_left
    return deadline.within(deadline.remaining() / parts)


class _TimeUp(Exception):
    """The place's part of the time is used up."""


class _Visit:
    """One place, where every page is asked as both accounts and as nobody."""

    def __init__(self, context: Context[LoggedInTrafficSettings], place: Place, number: int, of: int) -> None:
        self.place = place
        self.findings: list[Finding] = []
        self.seen: dict[str, Json] = {}
        self.session_cookies: list[str] = []
        self._context = context
        settings = context.settings
        self._routes = [(route, True) for route in settings.personal] + [(route, False) for route in settings.anonymous]
        self._readers: dict[str, Reader] = {}
        """By account, in the order in which they ask."""
        self._deadline = context.door.deadline
        self._steps_left = 1 + len(self._routes) + (2 if place.is_edge else 0)
        self._done, self._total = number * (1 + len(self._routes)), of * (1 + len(self._routes))

    def make(self, deadline: Deadline) -> None:
        """Ask for everything, and keep what was found, until the deadline."""
        self._deadline = deadline
        try:
            self._log_in()
            knowing = [route for route, personal in self._routes if self._sees(route, personal)]
        except _TimeUp:
            asked = len(self.seen)
            self.findings.append(Finding(OUT_OF_TIME, self.place.name, {"asked": asked, "of": len(self._routes)}))
            return
        if self.place.is_edge and self._first.name in self._readers:
            self._act()
            if knowing:
                self._judge_session(knowing[0])

    @property
    def _first(self) -> Account:
        return self._context.accounts[0]

    def _log_in(self) -> None:
        """Keep a reader for each account that can log in."""
        subject = f"login at the {self.place.name}"
        self._begin(subject)
        for account in self._context.accounts[:2]:
            reader = self._new_reader()
            try:
                reader.log_in(account, self._context.settings.login, self._timeout())
                self._readers[account.name] = reader
            except NoForm as error:
                self.findings.append(Finding(LOGIN_FORM_MISSING, self.place.name, {"reason": str(error)}))
                break
            except LoginFailed as error:
                values = {"account": account.name, "reason": str(error)}
                self.findings.append(Finding(LOGIN_REFUSED, self.place.name, values))
            except DoorError as error:
                self._not_answered(subject, error)
                break
        self._steps_left -= 1

    def _sees(self, route: str, personal: bool) -> bool:
        """Ask for a page, judge what was seen, and return whether it told the first account from nobody each time."""
        subject = f"{route} at the {self.place.name}"
        self._begin(subject)
        seen: list[Seen] = []
        try:
            self._ask(route, seen)
        except DoorError as error:
            self._not_answered(subject, error)
        finally:
            self.findings += judge_page(subject, seen, personal)
        self._steps_left -= 1
        self.seen[subject] = [{"viewer": one.viewer, "shown": sorted(one.owners)} for one in seen]
        first = self._first.name
        telling = [(first in one.owners) == (one.viewer == first) for one in seen if one.viewer in (first, NOBODY)]
        return personal and all(telling) and NOBODY in {one.viewer for one in seen}

    def _ask(self, route: str, seen: list[Seen]) -> None:
        """Ask for a route as A, B, A, B, and twice as nobody. Raises a DoorError at the first without an answer."""
        for viewer in [*self._readers, *self._readers, NOBODY, NOBODY]:
            # A new nobody each time: with the cookies of the first visit it would no longer be anonymous.
            reader = self._readers[viewer] if viewer in self._readers else self._new_reader()
            response = reader.get(route, self._timeout())
            owners = frozenset(one.name for one in self._context.accounts if shows(one.marker, response))
            targeted = self._context.settings.targeted
            caching = judge(status=response.status, response=response.headers, now=time.time(), targeted=targeted)
            seen.append(Seen(viewer, owners, response, caching))

    def _act(self) -> None:
        if action := self._context.settings.action:
            try:
                self.findings += act(self._readers[self._first.name], action, self._timeout())
            except DoorError as error:
                self._add_unanswered(f"the action on {action.page}", error)
        self._steps_left -= 1

    def _judge_session(self, route: str) -> None:
        try:
            reader = self._readers[self._first.name]
            found, self.session_cookies = judge_session(reader, route, self._first.marker, self._deadline)
            self.findings += found
        except DoorError as error:
            self._add_unanswered(f"{route} without single cookies", error)

    def _begin(self, doing: str) -> None:
        self._context.progress(self._done, self._total, doing)
        self._done += 1

    def _timeout(self) -> float:
        return share(self._deadline, self._steps_left, SECONDS_PER_REQUEST)

    def _new_reader(self) -> Reader:
        return Reader(self._context.door, self.place, self._context.edge)

    def _not_answered(self, subject: str, error: DoorError) -> None:
        if self._deadline.reached:
            raise _TimeUp from error
        self._add_unanswered(subject, error)

    def _add_unanswered(self, subject: str, error: DoorError) -> None:
        self.findings.append(Finding(COULD_NOT_ASK, subject, {"reason": str(error)}))
