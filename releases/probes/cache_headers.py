"""Whether each route may be cached as the catalogue expects, by RFC 9111."""

import time
from collections.abc import Iterator

from pydantic import Field

from releases.http import DoorError, Response
from releases.probes import cache_status, field_notes
from releases.probes.base import (
    Answer,
    Context,
    Finding,
    FindingKind,
    Json,
    Probe,
    Settings,
    regression_by_findings,
)
from releases.probes.cache_expectations import (
    LIFETIME_NOT_STATED,
    LIFETIME_OUTSIDE,
    MAY_BE_REUSED,
    MAY_BE_STORED,
    NOT_SHARED,
    CachedRoute,
    Expectation,
    compare,
)
from releases.probes.caching import Caching, judge
from releases.probes.evidence import caching_fields, stable_fields
from releases.probes.field_changes import changes
from releases.probes.fields import FieldName
from releases.probes.login import Login
from releases.probes.places import Place, edge_and_origin, share
from releases.probes.reader import LoginFailed, Reader
from releases.states import Effect, Level

SECONDS_PER_REQUEST = 5.0
TRIES_FOR_A_HIT = 3

ANSWERED_FROM_CACHE = FindingKind(
    "answered_from_cache",
    Level.FAIL,
    "{subject}: the edge answered from its cache ({field}), though the catalogue expects {expect}",
    "The cache keeps what it must not, or holds it from an earlier release. Purge the route and look at the rules.",
)
NEVER_FROM_CACHE = FindingKind(
    "never_from_cache",
    Level.NOTE,
    "{subject}: may be cached, yet the edge fetched it anew {tries} times in a row ({field})",
    "Look for Set-Cookie, Vary, or a rule of the cache that passes this route on.",
)
NOTHING_TO_JUDGE = FindingKind(
    "nothing_to_judge",
    Level.INCONCLUSIVE,
    "{subject}: answered {status}, so its caching says nothing about the page",
    "Is the route right, and does it need an account (`expect_logged_in`)?",
)
MALFORMED = FindingKind(
    "malformed",
    Level.NOTE,
    "{subject}: {problem}",
    "Caches read such a field in different ways. Write it as the RFC demands.",
)
FIELD_CHANGED = FindingKind(
    "field_changed",
    Level.NOTE,
    "{subject}: {field} was {before} in the baseline, now {now}",
    "If readers see something else than before, this may be why. Is the change one that the release meant?",
)
COULD_NOT_LOG_IN = FindingKind(
    "could_not_log_in",
    Level.ERROR,
    "the first account could not log in at the {subject}: {reason}",
    "Compare the probe's `login` settings and the account's secrets with the service's login page.",
)
COULD_NOT_ASK = FindingKind(
    "could_not_ask",
    Level.ERROR,
    "{subject} could not be asked: {reason}",
    "It is down, hangs, or cannot be reached from the worker.",
)


class CacheHeadersSettings(Settings):
    """The routes to judge."""

    routes: tuple[CachedRoute, ...] = Field(min_length=1, max_length=50)
    """Each route with its expectation, asked at the edge and at the first instance."""
    login: Login = Login()
    """The login form, for routes with `expect_logged_in`."""
    targeted: tuple[FieldName, ...] = Field(default=(), max_length=5)
    """Targeted fields (RFC 9213) that the edge obeys before Cache-Control, the strongest first."""

    @property
    def expectations(self) -> list[Expectation]:
        """Everything that is expected, one route and audience at a time."""
        return [expectation for route in self.routes for expectation in route.expectations()]


class CacheHeaders(Probe[CacheHeadersSettings]):
    """Judge each route's caching at edge and origin against what the catalogue expects."""

    key = "cache_headers"
    title = "Cache headers"
    group = "implementation"
    proves = "Each listed route may be cached exactly as the catalogue expects, judged by RFC 9111 at edge and origin."
    cannot_see = "What a cache does against its own rules, and routes that are not listed."
    effect = Effect.NONE
    deadline = 20.0
    kinds = (
        NOT_SHARED,
        MAY_BE_STORED,
        MAY_BE_REUSED,
        LIFETIME_OUTSIDE,
        LIFETIME_NOT_STATED,
        ANSWERED_FROM_CACHE,
        NEVER_FROM_CACHE,
        NOTHING_TO_JUDGE,
        MALFORMED,
        FIELD_CHANGED,
        COULD_NOT_LOG_IN,
        COULD_NOT_ASK,
    )
    settings_model = CacheHeadersSettings

    def needs_accounts(self, settings: CacheHeadersSettings) -> bool:
        """Only where a route is asked for as a reader."""
        return any(expected.logged_in for expected in settings.expectations)

    def measure(self, context: Context[CacheHeadersSettings]) -> Answer:
        """Return findings, and as figures the decision per route and place."""
        places = list(edge_and_origin(context))
        expectations = context.settings.expectations
        total = len(places) * len(expectations)
        findings: list[Finding] = []
        figures: dict[str, Json] = {}
        done = 0
        for place in places:
            anonymous = Reader(context.door, place, context.edge)
            logged_in = _logged_in(context, place, findings)
            for expected in expectations:
                subject = expected.subject(place)
                context.progress(done, total, subject)
                timeout = share(context.door.deadline, total - done, SECONDS_PER_REQUEST)
                done += 1
                reader = logged_in if expected.logged_in else anonymous
                if reader is None:
                    continue
                try:
                    found, figures[subject] = _judge_route(reader, expected, place, subject, context, timeout)
                    findings += found
                except DoorError as error:
                    findings.append(Finding(COULD_NOT_ASK, subject, {"reason": str(error)}))
        findings += [
            Finding(FIELD_CHANGED, change.subject, {"field": change.field, "before": change.before, "now": change.now})
            for change in changes(figures, context.before.figures.get("routes") if context.before else None)
        ]
        return Answer(findings, {"routes": figures}, regression_by_findings(findings, context.before))


def _logged_in(context: Context[CacheHeadersSettings], place: Place, findings: list[Finding]) -> Reader | None:
    """Return the first account's reader, or None when no route needs it or it could not log in."""
    if not any(expected.logged_in for expected in context.settings.expectations):
        return None
    if not context.accounts:
        findings.append(Finding(COULD_NOT_LOG_IN, place.name, {"reason": "the catalogue names no account"}))
        return None
    reader = Reader(context.door, place, context.edge)
    try:
        reader.log_in(context.accounts[0], context.settings.login, SECONDS_PER_REQUEST)
    except (DoorError, LoginFailed) as error:
        findings.append(Finding(COULD_NOT_LOG_IN, place.name, {"reason": str(error)}))
        return None
    return reader


def _judge_route(
    reader: Reader,
    expected: Expectation,
    place: Place,
    subject: str,
    context: Context[CacheHeadersSettings],
    timeout: float,
) -> tuple[list[Finding], dict[str, Json]]:
    response = reader.get(expected.path, timeout)
    caching = _caching(response, context.settings.targeted)
    said = cache_status.read(response.headers)
    figures = _figures(response, caching, said)
    if response.status >= 400 and response.status not in (401, 403):
        values = {"status": response.status}
        return [Finding(NOTHING_TO_JUDGE, subject, values, caching_fields(response))], figures
    findings = list(compare(expected, caching, subject, caching_fields(response)))
    findings += [Finding(MALFORMED, subject, {"problem": problem}) for problem in _malformed(response, caching)]
    if place.is_edge and expected.sharing != "shared":
        if said.hit is False and not caching.shared.reuses:
            # A cache that does not obey these fields has stored it only now.
            response = reader.get(expected.path, timeout)
            said = cache_status.read(response.headers)
        if said.hit:
            values_hit = {"field": said.field, "expect": expected.sharing}
            findings.append(Finding(ANSWERED_FROM_CACHE, subject, values_hit, caching_fields(response)))
    if place.is_edge and expected.sharing == "shared" and caching.shared.reuses:
        findings += _without_hit(reader, expected.path, subject, response, timeout)
    return findings, figures


def _without_hit(reader: Reader, path: str, subject: str, response: Response, timeout: float) -> Iterator[Finding]:
    """Say so when the edge, by its own word, never answers from its cache."""
    for _ in range(TRIES_FOR_A_HIT - 1):
        if cache_status.read(response.headers).hit is not False:
            return
        response = reader.get(path, timeout)
    said = cache_status.read(response.headers)
    if said.hit is False:
        values = {"tries": TRIES_FOR_A_HIT, "field": said.field}
        yield Finding(NEVER_FROM_CACHE, subject, values, caching_fields(response))


def _malformed(response: Response, caching: Caching) -> list[str]:
    """Return what is malformed: with what a cache makes of it where that is known, else by the letter of the RFC."""
    told = {problem.partition(":")[0] for problem in caching.problems}
    by_letter = field_notes.notes(response.status, response.headers)
    return [*caching.problems, *(note for note in by_letter if not any(field in note for field in told))]


def _caching(response: Response, targeted: tuple[str, ...]) -> Caching:
    return judge(status=response.status, response=response.headers, now=time.time(), targeted=targeted)


def _figures(response: Response, caching: Caching, said: cache_status.CacheSaid) -> dict[str, Json]:
    return {
        "status": response.status,
        "shared_stores": caching.shared.stores,
        "shared_reuses": caching.shared.reuses,
        "shared_lifetime_s": caching.shared.lifetime,
        "private_stores": caching.private.stores,
        "private_lifetime_s": caching.private.lifetime,
        "vary": list(caching.vary),
        "age_s": caching.age,
        "hit": said.hit,
        "sets_cookie": caching.sets_cookie,
        "because": caching.shared.because,
        "fields": stable_fields(response),
    }
