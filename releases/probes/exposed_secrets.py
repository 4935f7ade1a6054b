"""Whether files, debug pages or secrets can be read by anybody."""

import secrets as random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urljoin, urlsplit

from pydantic import Field

from releases.http import DoorError, Response
from releases.probes.base import Answer, Context, Finding, FindingKind, Probe, Settings, regression_by_findings
from releases.probes.exposures import (
    DEBUG_PAGE,
    FILES,
    LISTING,
    SCRIPT,
    SOURCE_MAP,
    STACK_TRACE,
    alike,
    is_map,
    secrets_in,
)
from releases.probes.places import share
from releases.probes.routes import Route, check_route, url_of
from releases.states import Effect, Level

SECONDS_PER_REQUEST = 4.0
PAUSE = 0.01
"""Seconds between two requests."""
MOST_SCRIPTS = 10
MOST_MAPS = 5

FILE_REACHABLE = FindingKind(
    "file_reachable",
    Level.FAIL,
    "{subject} can be read by anybody",
    "Take it off the server or refuse it at the edge, and change every secret that it holds.",
)
DEBUG_PAGE_SHOWN = FindingKind(
    "debug_page",
    Level.FAIL,
    "{subject} answers with a debug page",
    "Switch debugging off (`DEBUG = False`): such pages show settings, code and variables.",
)
STACK_TRACE_SHOWN = FindingKind(
    "stack_trace",
    Level.FAIL,
    "{subject} answers with a stack trace",
    "Answer errors with a plain page, and keep the trace in the log.",
)
DIRECTORY_LISTING = FindingKind(
    "directory_listing",
    Level.FAIL,
    "{subject} lists the files of a directory",
    "Switch listings off in the web server.",
)
SOURCE_MAP_REACHABLE = FindingKind(
    "source_map",
    Level.FAIL,
    "{subject} can be read by anybody, and holds the sources",
    "Keep source maps out of the deployment, or allow the path in the probe's settings if the sources are public.",
)
SECRET_IN_ANSWER = FindingKind(
    "secret_in_answer",
    Level.FAIL,
    "{subject} shows a secret: {what}",
    "Revoke it first, then take it out of the answer and purge the route: caches may hold the page.",
)
CANNOT_TELL_APART = FindingKind(
    "cannot_tell_apart",
    Level.INCONCLUSIVE,
    "{subject} answers {code}, as it does where nothing is, with a page that is not the same",
    "Answer 404 where there is nothing; until then only what can be told by its content is found.",
)
COULD_NOT_ASK = FindingKind(
    "could_not_ask",
    Level.ERROR,
    "{subject} could not be asked: {reason}",
    "The edge is down, hangs, or cannot be reached from the worker.",
)


class SecretsSettings(Settings):
    """What is looked at beside the well-known paths."""

    routes: tuple[Route, ...] = Field(default=("/",), max_length=20)
    """Pages whose text, fields and scripts are searched for secrets and source maps."""
    paths: tuple[Route, ...] = Field(default=(), max_length=30)
    """More paths at which nothing may be found."""
    allow: tuple[Annotated[str, Field(max_length=2000)], ...] = Field(default=(), max_length=50)
    """Paths that may be readable after all."""


@dataclass
class _Looking:
    """One look at a place: what may still be asked, and what was found."""

    context: Context[SecretsSettings]
    total: int
    done: int = 0
    findings: list[Finding] = field(default_factory=list)
    silent: bool = False
    """A request got no answer: the rest would only wait for the same."""

    def get(self, path: str) -> Response | None:
        """Ask for a path, unless an earlier request got no answer."""
        if self.silent:
            return None
        self.context.progress(min(self.done, self.total - 1), self.total, path)
        timeout = share(self.context.door.deadline, self.total - self.done, SECONDS_PER_REQUEST)
        self.done += 1
        time.sleep(PAUSE)
        try:
            url = url_of(self.context.edge, path)
            return self.context.door.request("GET", url, timeout=timeout, keep=True, truncate=True)
        except DoorError as error:
            self.silent = True
            self.findings.append(Finding(COULD_NOT_ASK, path, {"reason": str(error)}))
            return None

    def add(self, kind: FindingKind, subject: str, response: Response, **values: str | int) -> None:
        evidence = {"status": response.status, "content-type": response.get("content-type") or "none"}
        self.findings.append(Finding(kind, subject, values, evidence))


class ExposedSecrets(Probe[SecretsSettings]):
    """Ask for well-known files and pages of errors at the edge, and search pages and scripts for secrets."""

    key = "secrets"
    title = "Secrets"
    group = "security"
    proves = (
        "Well-known files, source maps, listings and debug pages are not readable; listed pages hold no known secret."
    )
    cannot_see = "Secrets without a form of their own, such as plain passwords, and whatever lies at other paths."
    effect = Effect.NONE
    deadline = 30.0
    kinds = (
        FILE_REACHABLE,
        DEBUG_PAGE_SHOWN,
        STACK_TRACE_SHOWN,
        DIRECTORY_LISTING,
        SOURCE_MAP_REACHABLE,
        SECRET_IN_ANSWER,
        CANNOT_TELL_APART,
        COULD_NOT_ASK,
    )
    settings_model = SecretsSettings

    def measure(self, context: Context[SecretsSettings]) -> Answer:
        """Return findings, and as figures how many requests were made. No match is kept but its first two letters."""
        settings = context.settings
        wanted = [path for path in FILES if path not in settings.allow]
        more = [path for path in settings.paths if path not in settings.allow]
        looking = _Looking(context, 1 + len(wanted) + len(more) + len(settings.routes) + MOST_SCRIPTS + MOST_MAPS)
        nowhere = f"/rollbook-{random.token_hex(8)}"
        nothing = looking.get(nowhere)
        if nothing is not None:
            _look_at_page(looking, "an address where nothing is", nothing)
        for path in wanted:
            _look_for_file(looking, path, FILES[path])
        for path in more:
            _look_for_nothing(looking, path, nowhere, nothing)
        scripts: dict[str, None] = {}
        for route in settings.routes:
            if (response := looking.get(route)) is not None:
                _look_at_page(looking, route, response)
                scripts.update(dict.fromkeys(_own(route, SCRIPT.findall(response.text), context.edge)))
        _look_at_scripts(looking, list(scripts)[:MOST_SCRIPTS])
        return Answer(
            looking.findings, {"requests": looking.done}, regression_by_findings(looking.findings, context.before)
        )


def _look_for_file(looking: _Looking, path: str, is_it: Callable[[bytes], bool]) -> None:
    response = looking.get(path)
    if response is not None and response.status == 200 and is_it(response.body):
        looking.add(FILE_REACHABLE, path, response)


def _look_for_nothing(looking: _Looking, path: str, nowhere: str, nothing: Response | None) -> None:
    """Something is at a path if it answers 200 with another page than an address where nothing is."""
    response = looking.get(path)
    if response is None or response.status != 200:
        return
    if (
        nothing is not None
        and nothing.status == 200
        and alike(nothing.text.replace(nowhere, ""), response.text.replace(path, ""))
    ):
        return
    if nothing is not None and nothing.status == 200:
        looking.add(CANNOT_TELL_APART, f"the edge, for {path},", response, code=nothing.status)
    else:
        looking.add(FILE_REACHABLE, path, response)


def _look_at_page(looking: _Looking, subject: str, response: Response) -> None:
    """Search an answer, its fields and its text, for what it must not show."""
    text = response.text
    if DEBUG_PAGE.search(text):
        looking.add(DEBUG_PAGE_SHOWN, subject, response)
    elif STACK_TRACE.search(text):
        looking.add(STACK_TRACE_SHOWN, subject, response)
    if response.status == 200 and LISTING.search(text[:20_000]):
        looking.add(DIRECTORY_LISTING, subject, response)
    for kind, line, match in secrets_in(text):
        _add_secret(looking, subject, response, kind, f"line {line}", match)
    for name, value in response.headers:
        for kind, _, match in secrets_in(value):
            _add_secret(looking, subject, response, kind, f"field {name[:60]}", match)


def _add_secret(looking: _Looking, subject: str, response: Response, kind: str, where: str, match: str) -> None:
    looking.add(SECRET_IN_ANSWER, f"{subject}, {where},", response, what=f"{kind}, {match}")


def _look_at_scripts(looking: _Looking, scripts: list[str]) -> None:
    """Search the scripts that the pages load, and ask for the source maps that they name."""
    maps: dict[str, None] = {}
    for script in scripts:
        if (response := looking.get(script)) is None or response.status != 200:
            continue
        _look_at_page(looking, script, response)
        if named := SOURCE_MAP.search(response.text[-2_000:]):
            if named[1].startswith("data:"):
                looking.add(SOURCE_MAP_REACHABLE, f"the source map inside {script}", response)
            else:
                maps.update(dict.fromkeys(_own(script, [named[1]], looking.context.edge)))
    for path in list(maps)[:MOST_MAPS]:
        if path in looking.context.settings.allow:
            continue
        response = looking.get(path)
        if response is not None and response.status == 200 and is_map(response.body):
            looking.add(SOURCE_MAP_REACHABLE, path, response)


def _own(route: str, references: list[str], edge: str) -> Iterator[str]:
    """Yield the paths of this service that a page refers to."""
    base = urlsplit(edge)
    for reference in references:
        try:
            parts = urlsplit(urljoin(url_of(edge, route), reference))
            query = f"?{parts.query}" if parts.query else ""
            path = check_route(parts.path.removeprefix(base.path.rstrip("/")) + query)
        except ValueError:
            continue
        if (parts.scheme, parts.netloc.lower()) == (base.scheme, base.netloc.lower()):
            yield path
