"""Whether a service takes an upload under its limit and refuses one over it, before it has read the whole.

Each body's size is known before: one under the limit, one over it, one for each kind of file that must not be taken.
The one over the limit is sent with a pause before anything is sent and another past the limit, so that a service which
refuses by the declared length, or when it has read enough, has the time to say so.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from releases.http import ConnectionLost, DoorError, Response, Upload
from releases.probes.base import Account, Answer, Context, Finding, FindingKind, Probe, Settings, regression_by_findings
from releases.probes.login import Login
from releases.probes.places import Place, edge_and_origin
from releases.probes.reader import LoginFailed, NoForm, Reader, form_with, is_login
from releases.probes.routes import Route
from releases.probes.sample_files import beginning
from releases.states import Effect, Level

SECONDS_PER_UPLOAD = 10.0
PAUSE = 1.0
"""Seconds given to a service, before each step, to refuse what is too large."""
STEP = 64 * 1024
"""Bytes of one piece, and of what is sent at most after the limit was passed."""
LARGEST = 32 * 1024 * 1024
"""Bytes of the largest limit that is tried."""
TOO_LARGE = 413
REFUSALS = frozenset({400, 403, 413, 415, 422})

UNDER_REFUSED = FindingKind(
    "under_refused",
    Level.FAIL,
    "{subject}: {bytes} bytes, under the limit, were refused (answered {got})",
    "Readers cannot send what they are told they may. Look for a lower limit on the way: cache, proxy, server.",
)
OVER_ACCEPTED = FindingKind(
    "over_accepted",
    Level.FAIL,
    "{subject}: {bytes} bytes, over the limit, were taken (answered {got})",
    "Anybody can fill memory and disk. Set the limit where the request comes in.",
)
REFUSED_OTHERWISE = FindingKind(
    "refused_otherwise",
    Level.FAIL,
    "{subject}: {bytes} bytes, over the limit, were answered with {got}, not 413",
    "A sender cannot tell why it failed, or whether to try again. Answer 413 (RFC 9110 section 15.5.14).",
)
NO_ANSWER = FindingKind(
    "no_answer",
    Level.FAIL,
    "{subject}: {bytes} bytes, over the limit, got no answer: {reason}",
    "A sender sees a broken connection instead of the reason. Answer 413, then close.",
)
REFUSED_LATE = FindingKind(
    "refused_late",
    Level.FAIL,
    "{subject}: refused only after all {bytes} bytes were read",
    "Refuse by Content-Length, or stop reading at the limit: otherwise the limit protects nothing.",
)
KIND_ACCEPTED = FindingKind(
    "kind_accepted",
    Level.FAIL,
    "{subject}: {kind} was taken (answered {got})",
    "Check content type and file name on the server, and never store a file under a name that somebody sent.",
)
UNCLEAR_ANSWER = FindingKind(
    "unclear_answer",
    Level.INCONCLUSIVE,
    "{subject}: answered {got}, which says nothing about limits",
    "Look at the service's log: an error, a missing route or a login hides what the limit does.",
)
COULD_NOT_ASK = FindingKind(
    "could_not_ask",
    Level.ERROR,
    "{subject} could not be asked: {reason}",
    "It is down, hangs, cannot be reached from the worker, or does not let the account in.",
)


class RefusedFile(Settings):
    """A kind of file that must be refused."""

    name: Annotated[str, StringConstraints(pattern=r'^[^"\\\r\n\x00-\x1f\x7f]{1,200}$')] = "note.txt"
    """File name as it is sent, such as `page.html` or `../../note.txt`."""
    type: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}$")] = "text/plain"
    """Content type as it is sent, such as `text/html`."""


class UploadLimitsSettings(Settings):
    """Where files are sent, and what must be refused."""

    path: Route
    """Route that takes the upload by POST, as `multipart/form-data`. The service keeps what passes."""
    page: Route | None = None
    """Route of the page that has the form, whose hidden inputs (a CSRF token) are sent too; without it none are."""
    file_field: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")] = "file"
    """Name of the form's file input."""
    logged_in: bool = False
    """Send as the first of the catalogue's accounts, else as nobody."""
    login: Login = Login()
    """The login form."""
    limit_bytes: Annotated[int, Field(ge=1024, le=LARGEST)]
    """Largest file that must be taken, in bytes. One over the limit has up to 10 % and 64 KiB more."""
    name: Annotated[str, StringConstraints(pattern=r'^[^"\\\r\n\x00-\x1f\x7f]{1,200}$')] = "note.txt"
    """Name of the file that must be taken."""
    type: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}$")] = "text/plain"
    """Content type of the file that must be taken. A PNG or GIF is sent as a real one, all else as plain text."""
    refused: tuple[RefusedFile, ...] = Field(default=(), max_length=10)
    """Small files that must be refused for their name or type."""


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    type: str
    size: int


@dataclass(frozen=True, slots=True)
class _Got:
    """What an upload was answered with."""

    response: Response | None
    reason: str
    """Why there was no answer; empty where there was one."""
    upload: Upload

    @property
    def words(self) -> str:
        return str(self.response.status) if self.response else "no answer"


class UploadLimits(Probe[UploadLimitsSettings]):
    """Send files under and over the limit, and of kinds that must be refused."""

    key = "upload_limits"
    title = "Upload limits"
    group = "security"
    proves = "A file under the limit is taken, one over it is refused with 413 before the whole of it was read."
    cannot_see = "Several uploads at once, slow ones, bodies without a declared length, and what a file holds."
    effect = Effect.LOAD
    deadline = 60.0
    kinds = (
        UNDER_REFUSED,
        OVER_ACCEPTED,
        REFUSED_OTHERWISE,
        NO_ANSWER,
        REFUSED_LATE,
        KIND_ACCEPTED,
        UNCLEAR_ANSWER,
        COULD_NOT_ASK,
    )
    settings_model = UploadLimitsSettings

    def needs_accounts(self, settings: UploadLimitsSettings) -> bool:
        """Only where the form wants one."""
        return settings.logged_in

    def measure(self, context: Context[UploadLimitsSettings]) -> Answer:
        """Return findings, and as figures the bytes that were sent over the limit by place."""
        settings = context.settings
        if settings.logged_in and not context.accounts:
            return Answer(skipped="the catalogue names no account here")
        findings: list[Finding] = []
        sent = {}
        places = list(edge_and_origin(context))
        for number, place in enumerate(places):
            subject = f"{settings.path} at the {place.name}"
            context.progress(number, len(places), subject)
            try:
                sender = _Sender(context, place, context.accounts[0] if settings.logged_in else None)
                findings += _under(sender, settings, subject)
                over = sender.send(_over(settings))
                sent[place.name] = {"sent_bytes": over.upload.sent, "whole_bytes": over.upload.length}
                findings += _judge_over(over, subject)
                for refused in settings.refused:
                    findings += _judge_kind(sender, refused, subject)
            except (DoorError, LoginFailed) as error:
                findings.append(Finding(COULD_NOT_ASK, subject, {"reason": str(error)}))
        return Answer(findings, {"over_the_limit": sent}, regression_by_findings(findings, context.before))


def _under(sender: "_Sender", settings: UploadLimitsSettings, subject: str) -> Iterator[Finding]:
    got = sender.send(_File(settings.name, settings.type, settings.limit_bytes))
    if got.response is None:
        yield Finding(COULD_NOT_ASK, subject, {"reason": got.reason})
    elif got.response.status in REFUSALS:
        yield Finding(UNDER_REFUSED, subject, {"bytes": settings.limit_bytes, "got": got.words})
    elif not sender.took(got.response):
        yield Finding(UNCLEAR_ANSWER, subject, {"got": got.words})


def _over(settings: UploadLimitsSettings) -> _File:
    """Return a file that is too large also for a limit that counts the form around it, and little more than that."""
    return _File(settings.name, settings.type, settings.limit_bytes + settings.limit_bytes // 10 + STEP)


def _judge_over(got: _Got, subject: str) -> Iterator[Finding]:
    about = {"bytes": got.upload.length, "got": got.words}
    if got.response is None:
        yield Finding(NO_ANSWER, subject, {"bytes": got.upload.length, "reason": got.reason})
    elif got.response.status < 400:
        yield Finding(OVER_ACCEPTED, subject, about)
    elif got.response.status != TOO_LARGE:
        yield Finding(REFUSED_OTHERWISE, subject, about)
    elif got.upload.whole:
        yield Finding(REFUSED_LATE, subject, about)


def _judge_kind(sender: "_Sender", refused: RefusedFile, subject: str) -> Iterator[Finding]:
    got = sender.send(_File(refused.name, refused.type, 64))
    kind = f"{refused.name} as {refused.type}"
    if got.response is None:
        yield Finding(COULD_NOT_ASK, subject, {"reason": got.reason})
    elif sender.took(got.response):
        yield Finding(KIND_ACCEPTED, f"{subject}, {kind}", {"kind": kind, "got": got.words})
    elif got.response.status not in REFUSALS:
        yield Finding(UNCLEAR_ANSWER, f"{subject}, {kind}", {"got": got.words})


class _Sender:
    """Sends files to one place as one account, or as nobody."""

    def __init__(self, context: Context[UploadLimitsSettings], place: Place, account: Account | None) -> None:
        """Log in where there is an account. Raises LoginFailed or a DoorError."""
        self._settings = context.settings
        self._reader = Reader(context.door, place, context.edge)
        if account is not None:
            self._reader.log_in(account, context.settings.login, SECONDS_PER_UPLOAD)

    def send(self, file: _File) -> _Got:
        """Send one file with the values of its form. Raises NoForm, or a DoorError but for a lost connection."""
        boundary = secrets.token_hex(16)
        upload = _upload(file, self._settings.file_field, self._hidden(), boundary, self._settings.limit_bytes)
        try:
            response = self._reader.upload(
                self._settings.path, upload, f"multipart/form-data; boundary={boundary}", SECONDS_PER_UPLOAD
            )
        except ConnectionLost as error:
            return _Got(None, str(error), upload)
        return _Got(response, "", upload)

    def took(self, response: Response) -> bool:
        """Whether an answer says that the file was taken: 2xx, or a redirect to anything but the login form."""
        path, login = self._settings.path, self._settings.login
        if 200 <= response.status < 300:
            return not (self._settings.logged_in and is_login(path, response, login))
        target = self._reader.leads_to(path, response)
        return 300 <= response.status < 400 and (target is None or not is_login(target, response, login))

    def _hidden(self) -> dict[str, str]:
        if self._settings.page is None:
            return {}
        page, shown = self._reader.follow(self._settings.page, SECONDS_PER_UPLOAD)
        form = form_with({self._settings.file_field}, shown.text)
        if form is None:
            raise NoForm(
                f"{page} answered {shown.status} without a form that has the input {self._settings.file_field}"
            )
        return form.values


def _upload(file: _File, field: str, hidden: dict[str, str], boundary: str, limit: int) -> Upload:
    """Return the multipart body (RFC 7578) in pieces, with a pause before anything is sent and past the limit."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in hidden.items()
        if name != field
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{file.name}"\r\n'
        f"Content-Type: {file.type}\r\n\r\n"
    )
    head, tail = "".join(parts).encode(), f"\r\n--{boundary}--\r\n".encode()
    filling = b"Rollbook tries the limit of uploads. " * (STEP // 37 + 1)
    first = beginning(file.type)[: file.size]
    sizes = [min(STEP, file.size - at) for at in range(len(first), file.size, STEP)]
    pieces = (head + first, *(filling[:size] for size in sizes), tail)
    past = file.size > limit
    return Upload(pieces, {0: PAUSE, len(pieces) - 2: PAUSE, len(pieces) - 1: PAUSE} if past else {})
