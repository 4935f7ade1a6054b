"""Whether a request can be found in the service's log, without the credentials that it carried.

The credentials are made for the purpose and worth nothing; each is looked for as it is, URL-encoded and in base64.
"""

import base64
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from pydantic import Field

from releases.http import DoorError
from releases.probes.base import (
    Answer,
    CannotRead,
    Context,
    Finding,
    FindingKind,
    Log,
    Probe,
    Settings,
    regression_by_findings,
)
from releases.probes.fields import FieldName
from releases.probes.places import Place, edge_and_origin
from releases.probes.routes import Route, url_of
from releases.states import Effect, Level

SECONDS_PER_REQUEST = 5.0
PAUSE = 0.1
"""Seconds between two looks into the log."""
SETTLE = 0.5
"""Seconds after the line in which the rest of what the service writes of the request may follow."""
LONGEST_LINE = 300

NOT_LOGGED = FindingKind(
    "not_logged",
    Level.FAIL,
    "{subject} is not in the service's log after {seconds} s",
    "Without it nobody can tell later what happened. Is the log written, and is it the one that the catalogue names?",
)
WRONG_LEVEL = FindingKind(
    "wrong_level",
    Level.FAIL,
    "{subject} is logged, but its line does not say {level}",
    "Alarms and filters go by the level. Compare the line with what the catalogue expects.",
)
CREDENTIAL_LOGGED = FindingKind(
    "credential_logged",
    Level.FAIL,
    "the log holds the {subject} that a request carried ({how})",
    "Whoever reads the log can act as that reader. Take it out of what is logged, then clear the log and end sessions.",
)
CANNOT_READ_LOG = FindingKind(
    "cannot_read_log",
    Level.ERROR,
    "the {subject} cannot be read: {reason}",
    "The worker reads it with its own permissions: mend path, permissions or command in the catalogue.",
)
COULD_NOT_ASK = FindingKind(
    "could_not_ask",
    Level.ERROR,
    "{subject} could not be asked: {reason}",
    "It is down, hangs, or cannot be reached from the worker.",
)


class LoggingSettings(Settings):
    """The request that must show up, and what its line must say."""

    route: Route = "/"
    """Route that is asked with a mark in its query, User-Agent and X-Request-ID, a cookie, and a bearer token."""
    method: Literal["GET", "POST"] = "GET"
    """`POST` sends a form with a password as well: name a route that takes one and does nothing, such as a login."""
    password_field: Annotated[str, Field(min_length=1, max_length=100)] = "password"
    """Name of the form's input that carries the password."""
    cookie: FieldName = "sessionid"
    """Name of the cookie that is sent."""
    level: Annotated[str, Field(max_length=50)] = ""
    """Text that the line with the mark must hold, such as `INFO`; empty where any line will do."""
    within_seconds: Annotated[float, Field(ge=0.5, le=15, allow_inf_nan=False)] = 5.0
    """Seconds within which the request must be in the log."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request's mark and the credentials that it carries, all made for it."""

    mark: str
    cookie: str
    token: str
    password: str

    def forms(self) -> Iterator[tuple[str, str, str]]:
        """Yield (what, how it is written, text) of everything that must not be in a log."""
        for what, text in (("cookie", self.cookie), ("token", self.token), ("password", self.password)):
            yield what, "as it is", text
            yield what, "URL-encoded", quote(text, safe="")
            yield what, "in base64", base64.b64encode(text.encode()).decode().rstrip("=")


class ServiceLog(Probe[LoggingSettings]):
    """Send one request with a mark and worthless credentials, and look for both in the log."""

    key = "logging"
    title = "Logging"
    group = "security"
    proves = "A request shows up in the service's log in time, without the cookie, token and password that it carried."
    cannot_see = "Other logs than the one named, credentials in other fields, and what is logged of other routes."
    effect = Effect.NONE
    deadline = 30.0
    kinds = (NOT_LOGGED, WRONG_LEVEL, CREDENTIAL_LOGGED, CANNOT_READ_LOG, COULD_NOT_ASK)
    settings_model = LoggingSettings

    def measure(self, context: Context[LoggingSettings]) -> Answer:
        """Return findings, and as figures after how many seconds the line was found."""
        settings = context.settings
        context.progress(0, 2, "opening the log")
        sent = _make()
        place = list(edge_and_origin(context))[-1]  # the instance where there is one: an edge may answer by itself
        subject = f"{settings.method} {settings.route} at the {place.name}"
        try:
            log = context.open_log()
            if log is None:
                return Answer(skipped="the catalogue names no log here")
            _ask(context, place, sent)
            context.progress(1, 2, f"waiting for {subject}")
            line, text, seconds = _wait(log, sent, context)
        except CannotRead as error:
            return Answer([Finding(CANNOT_READ_LOG, "log", {"reason": str(error)})])
        except DoorError as error:
            return Answer([Finding(COULD_NOT_ASK, subject, {"reason": str(error)})])
        findings = list(_judge(line, text, sent, settings, subject))
        figures = {"found_after_s": round(seconds, 2) if line else None}
        return Answer(findings, figures, regression_by_findings(findings, context.before))


def _make() -> _Sent:
    """Return new ones. The password holds a character that a form and a URL write differently."""
    mark, cookie, token, password = (secrets.token_hex(12) for _ in range(4))
    return _Sent(f"rollbook-{mark}", f"cookie-{cookie}", f"token-{token}", f"p&{password}")


def _ask(context: Context[LoggingSettings], place: Place, sent: _Sent) -> None:
    settings = context.settings
    separator = "&" if "?" in settings.route else "?"
    url = f"{url_of(place.url, settings.route)}{separator}{urlencode({'mark': sent.mark})}"
    fields = {
        **place.fields,
        "User-Agent": f"Rollbook {sent.mark}",
        "X-Request-ID": sent.mark,
        "Cookie": f"{settings.cookie}={sent.cookie}",
        "Authorization": f"Bearer {sent.token}",
    }
    body = None
    if settings.method == "POST":
        fields["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode({"username": "rollbook", settings.password_field: sent.password}).encode()
    context.door.request(settings.method, url, headers=fields, body=body, timeout=SECONDS_PER_REQUEST, truncate=True)


def _wait(log: Log, sent: _Sent, context: Context[LoggingSettings]) -> tuple[str, str, float]:
    """Return (line with the mark, all new text, seconds waited); the line is empty when the time is over."""
    began = time.monotonic()
    until = context.door.deadline.within(context.settings.within_seconds)
    while True:
        text = log.new_text()
        # The line may be written in several steps: it counts once it is ended.
        whole = text[: text.rfind("\n") + 1]
        line = next((line for line in whole.splitlines() if sent.mark in line), "")
        waited = time.monotonic() - began
        if line:
            time.sleep(context.door.deadline.within(SETTLE).remaining())
            return line, f"{text}\n{log.new_text()}", waited  # both: the log may be rotated in between
        if until.reached:
            return line, text, waited
        time.sleep(min(PAUSE, until.remaining()))


def _judge(line: str, text: str, sent: _Sent, settings: LoggingSettings, subject: str) -> Iterator[Finding]:
    if not line:
        yield Finding(NOT_LOGGED, subject, {"seconds": settings.within_seconds})
    elif settings.level and settings.level.lower() not in line.lower():
        yield Finding(WRONG_LEVEL, subject, {"level": settings.level}, {"line": _shown(line, sent)})
    found = set()
    for what, how, form in sent.forms():
        if form in text and what not in found:
            found.add(what)
            holding = next((each for each in text.splitlines() if form in each), "")
            yield Finding(CREDENTIAL_LOGGED, what, {"how": how}, {"line": _shown(holding, sent)})


def _shown(line: str, sent: _Sent) -> str:
    """Return the beginning of a line without what was sent as credentials."""
    for what, _, form in sent.forms():
        line = line.replace(form, f"({what})")
    return line[:LONGEST_LINE]
