"""Which cookies carry a login, found by asking without them, and how well browsers keep them (RFC 6265bis).

A cookie is the session's when a personal page no longer knows its reader without it: names prove nothing, and a CSRF
cookie, which scripts are meant to read, is not judged. Where several are needed together, the best kept one counts: who
gets hold of the others has no session yet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from releases.http import Deadline
from releases.probes.base import Finding, FindingKind, Json
from releases.probes.cookies import SetCookie, refused_because
from releases.probes.places import share
from releases.probes.reader import Reader, shows
from releases.states import Level

SECONDS_PER_REQUEST = 5.0
MOST_COOKIES = 8
"""Cookies that are left out to see what happens; a service has one or two."""
MOST_NAMES = 3
LONGEST_NAME = 60

WITHOUT_HTTPONLY = FindingKind(
    "session_without_httponly",
    Level.FAIL,
    "{subject} can be read by scripts: it is set without HttpOnly (RFC 6265bis 4.1.2.6)",
    "One foreign script on one page takes the session along. Set HttpOnly.",
)
WITHOUT_SECURE = FindingKind(
    "session_without_secure",
    Level.FAIL,
    "{subject} is also sent over plain HTTP: it is set without Secure, though the edge speaks TLS "
    "(RFC 6265bis 4.1.2.5)",
    "Anybody on the way can read it from one request to http://. Set Secure.",
)
REFUSED_BY_BROWSERS = FindingKind(
    "session_refused_by_browsers",
    Level.FAIL,
    "{subject} is not kept by browsers: {reason}",
    "Readers cannot stay logged in. Set the cookie as its name and SameSite demand.",
)
SENT_ACROSS_SITES = FindingKind(
    "session_sent_across_sites",
    Level.NOTE,
    "{subject} goes along with requests that other sites make: {reason}",
    "Say SameSite=Lax or Strict. Where other sites embed the service, its CSRF tokens are the only protection.",
)
NOT_RENEWED = FindingKind(
    "session_not_renewed",
    Level.FAIL,
    "{subject} had the same value before the login (session fixation, OWASP ASVS 7.2.4)",
    "Who plants a session in a browser is logged in with its reader. Give out a new session at each login.",
)
SESSION_UNKNOWN = FindingKind(
    "session_unknown",
    Level.INCONCLUSIVE,
    "which cookie carries the session could not be found at the {subject}: {reason}",
    "Look at the cookies after a login by hand. A session without a cookie cannot be judged.",
)
KINDS = (WITHOUT_HTTPONLY, WITHOUT_SECURE, REFUSED_BY_BROWSERS, SENT_ACROSS_SITES, NOT_RENEWED, SESSION_UNKNOWN)


class _Unclear(Exception):
    """What came back says neither that the reader is logged in nor that it is not."""


@dataclass(frozen=True, slots=True)
class _Page:
    """A personal page that knows its reader."""

    reader: Reader
    route: str
    marker: str
    deadline: Deadline

    def knows_without(self, names: Sequence[str]) -> bool:
        """Return whether the page still shows the reader's marker. Raises _Unclear, or a DoorError."""
        with self.reader.leaving_out(names):
            answer = self.reader.get(self.route, share(self.deadline, MOST_COOKIES, SECONDS_PER_REQUEST))
        if answer.status >= 500 or answer.status == 429:
            without = ", ".join(names)[:LONGEST_NAME]
            raise _Unclear(f"the page answered {answer.status} without {without}")
        return shows(self.marker, answer)


def judge_session(reader: Reader, route: str, marker: str, deadline: Deadline) -> tuple[list[Finding], list[str]]:
    """Return what is wrong with the session of a logged-in reader, and the cookies that carry it. Raises a DoorError.

    Args:
        route: A personal page that has just shown the marker to this reader, and does not show it to nobody.
    """
    try:
        sessions = _sessions(_Page(reader, route, marker, deadline))
    except _Unclear as error:
        return [Finding(SESSION_UNKNOWN, reader.place.name, {"reason": str(error)})], []
    return [one for cookies in sessions for one in _judge(cookies, reader)], [_names(cookies) for cookies in sessions]


def _sessions(page: _Page) -> list[list[SetCookie]]:
    """Return each set of cookies that carries the login. Raises _Unclear where there is none, or a DoorError."""
    sent = page.reader.cookies_for(page.route)
    given = [name for name in sent if name in page.reader.at_login][:MOST_COOKIES]
    older = [name for name in sent if name not in page.reader.at_login][: MOST_COOKIES - len(given)]
    # What the login did not touch is the session only if nothing else is: a cookie that keeps readers at one instance
    # is needed too where sessions are not shared.
    needed = _needed(page, given) or _needed(page, older)
    sessions = [needed] if needed else _enough(page, given + older)
    if not page.knows_without([]):
        raise _Unclear("the page no longer knew its reader after it was asked without single cookies")
    if not sessions:
        raise _Unclear(f"the page needs no single one of the {len(given + older)} cookies that were left out")
    return [[sent[name] for name in names] for names in sessions]


def _needed(page: _Page, names: list[str]) -> list[str]:
    return [name for name in names if not page.knows_without([name])]


def _enough(page: _Page, names: list[str]) -> list[list[str]]:
    """Return each cookie that is a session of its own beside another one (`remember me`)."""
    if page.knows_without(names):
        return []
    return [[name] for name in names if page.knows_without([other for other in names if other != name])]


def _judge(cookies: list[SetCookie], reader: Reader) -> Iterator[Finding]:
    subject = f"session cookie {_names(cookies)} at the {reader.place.name}"
    evidence = {"cookies": [_evidence(cookie) for cookie in cookies]}
    edge = urlsplit(reader.place.url)
    refused = [reason for cookie in cookies if (reason := refused_because(cookie, edge.hostname or ""))]
    if not any(cookie.http_only for cookie in cookies):
        yield Finding(WITHOUT_HTTPONLY, subject, {}, evidence)
    if edge.scheme == "https" and not any(cookie.secure for cookie in cookies):
        yield Finding(WITHOUT_SECURE, subject, {}, evidence)
    if refused:
        yield Finding(REFUSED_BY_BROWSERS, subject, {"reason": refused[0]}, evidence)
    elif not any(cookie.same_site in ("lax", "strict") for cookie in cookies):
        yield Finding(SENT_ACROSS_SITES, subject, {"reason": _across_sites(cookies[0])}, evidence)
    if not any(cookie.name in reader.at_login for cookie in cookies):
        yield Finding(NOT_RENEWED, subject, {}, evidence)


def _names(cookies: list[SetCookie]) -> str:
    return " + ".join(cookie.name[:LONGEST_NAME] for cookie in cookies[:MOST_NAMES])


def _across_sites(cookie: SetCookie) -> str:
    if cookie.same_site == "none":
        return "SameSite=None (RFC 6265bis 5.6.7)"
    return "without a valid SameSite only Chromium takes it for Lax (RFC 6265bis 5.6.7)"


def _evidence(cookie: SetCookie) -> dict[str, Json]:
    return {
        "name": cookie.name[:LONGEST_NAME],
        "secure": cookie.secure,
        "httponly": cookie.http_only,
        "samesite": cookie.same_site[:20],
        "path": cookie.path[:100],
        "domain": cookie.domain[:100],
    }
