"""Whether each route's security headers are what the catalogue's policy asks for."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from releases.http import DoorError, Response
from releases.probes.base import Answer, Context, Finding, FindingKind, Json, Probe, Settings, regression_by_findings
from releases.probes.observatory import FOREIGN_ORIGIN, RANKED, cookie_flags, is_weaker, judge
from releases.probes.places import share
from releases.probes.routes import Route, url_of
from releases.states import Effect, Level, Regression

SECONDS_PER_REQUEST = 5.0
IGNORE = "ignore"
LONGEST_VALUE = 300
SHOWN = (
    "content-security-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "cross-origin-resource-policy",
    "cross-origin-opener-policy",
    "cross-origin-embedder-policy",
)

WEAKER_THAN_POLICY = FindingKind(
    "weaker_than_policy",
    Level.FAIL,
    "{subject}: {result}; the policy asks for {wanted} or better",
    "Send the header as the policy asks for, or change the policy in the catalogue, where it is reviewed.",
)
CHANGED = FindingKind(
    "changed_since_baseline",
    Level.NOTE,
    "{subject}: {before} before, {now} now",
    "If nobody meant to change it, look at what this release or the edge does to the headers.",
)
NOTHING_TO_JUDGE = FindingKind(
    "nothing_to_judge",
    Level.INCONCLUSIVE,
    "{subject} answered {status}: the headers of an error page say nothing about the page",
    "Is the route right? Look at the service's log.",
)
COULD_NOT_ASK = FindingKind(
    "could_not_ask",
    Level.ERROR,
    "{subject} could not be asked: {reason}",
    "The edge is down, hangs, or cannot be reached from the worker.",
)


def _known_tests(policy: Mapping[str, str]) -> Mapping[str, str]:
    for test, wanted in policy.items():
        if test not in RANKED:
            raise ValueError(f"{test} is not a test; there are {', '.join(RANKED)}")
        if wanted != IGNORE and wanted not in RANKED[test]:
            raise ValueError(f"{wanted} is no result of {test}; there are {IGNORE}, {', '.join(RANKED[test])}")
    return policy


class SecurityHeadersSettings(Settings):
    """The pages to look at, and how weak each header may be."""

    routes: tuple[Route, ...] = Field(min_length=1, max_length=20)
    """Routes that are asked at the edge, anonymously, with a foreign Origin."""
    policy: Annotated[dict[str, str], AfterValidator(_known_tests)] = {}
    """The weakest result that is accepted of each test, by the names of the Mozilla HTTP Observatory, or `ignore`; what
    is not named here has the default of the table below."""


DEFAULT_POLICY: Mapping[str, str] = {
    "content-security-policy": "csp-implemented-with-unsafe-inline",
    "strict-transport-security": "hsts-implemented-max-age-at-least-six-months",
    "x-content-type-options": "x-content-type-options-nosniff",
    "x-frame-options": "x-frame-options-sameorigin-or-deny",
    "referrer-policy": "referrer-policy-not-implemented",
    "cross-origin-resource-sharing": "cross-origin-resource-sharing-implemented-with-public-access",
    "cookies": "cookies-secure-with-httponly-sessions",
    "cross-origin-resource-policy": IGNORE,
    "cross-origin-opener-policy": IGNORE,
    "cross-origin-embedder-policy": IGNORE,
}
"""What every service can be asked for; HSTS only where the edge speaks TLS."""


class SecurityHeaders(Probe[SecurityHeadersSettings]):
    """Ask each route once at the edge, and hold every header against the policy."""

    key = "security_headers"
    title = "Security headers"
    group = "security"
    proves = (
        "At the edge each listed route carries the security headers that the catalogue's policy asks for, or better."
    )
    cannot_see = (
        "Policies in <meta> elements, cookies set after a login, and whether the browser's pages work with them."
    )
    effect = Effect.NONE
    deadline = 20.0
    kinds = (WEAKER_THAN_POLICY, CHANGED, NOTHING_TO_JUDGE, COULD_NOT_ASK)
    settings_model = SecurityHeadersSettings

    def measure(self, context: Context[SecurityHeadersSettings]) -> Answer:
        """Return findings, and as figures the result of each test by route."""
        https = context.edge.startswith("https:")
        findings: list[Finding] = []
        results: dict[str, dict[str, str]] = {}
        routes = context.settings.routes
        for done, route in enumerate(routes):
            context.progress(done, len(routes), route)
            timeout = share(context.door.deadline, len(routes) - done, SECONDS_PER_REQUEST)
            try:
                url = url_of(context.edge, route)
                response = context.door.request(
                    "GET", url, headers={"Origin": FOREIGN_ORIGIN}, timeout=timeout, keep=True, truncate=True
                )
            except DoorError as error:
                findings.append(Finding(COULD_NOT_ASK, route, {"reason": str(error)}))
                continue
            if response.status >= 400:
                findings.append(Finding(NOTHING_TO_JUDGE, route, {"status": response.status}))
                continue
            results[route] = judge(response.headers, https=https)
            findings += _against_policy(route, results[route], _policy(context.settings, https), response)
        findings += _changes(results, context)
        return Answer(findings, {"results": results}, _regression(findings, results, context))


def _policy(settings: SecurityHeadersSettings, https: bool) -> dict[str, str]:
    default = dict(DEFAULT_POLICY)
    if not https:
        default["strict-transport-security"] = IGNORE
    return default | settings.policy


def _against_policy(
    route: str, results: Mapping[str, str], policy: Mapping[str, str], response: Response
) -> Iterator[Finding]:
    for test, wanted in policy.items():
        if wanted != IGNORE and is_weaker(test, results[test], wanted):
            values = {"result": results[test], "wanted": wanted}
            yield Finding(WEAKER_THAN_POLICY, f"{route} {test}", values, _seen(response))


def _seen(response: Response) -> dict[str, Json]:
    shown: dict[str, Json] = {"status": response.status}
    for name in SHOWN:
        if lines := response.get_all(name):
            shown[name] = ", ".join(lines)[:LONGEST_VALUE]
    cookies = [flags for line in response.get_all("set-cookie")[:20] if (flags := cookie_flags(line))]
    for flags in cookies:
        words = [
            ("Secure", flags.secure),
            ("HttpOnly", flags.http_only),
            (f"SameSite={flags.same_site}", flags.same_site),
        ]
        shown[f"cookie {flags.name}"] = ", ".join(word for word, there in words if there) or "no flags"
    return shown


def _before(context: Context[SecurityHeadersSettings]) -> Mapping[str, Mapping[str, str]]:
    found = context.before.figures.get("results") if context.before is not None else None
    return found if isinstance(found, Mapping) else {}


def _moved(
    results: Mapping[str, Mapping[str, str]], context: Context[SecurityHeadersSettings]
) -> Iterator[tuple[str, str, str, str]]:
    """Yield (route, test, result before, result now) for every test whose result is another one than before."""
    for route, before in _before(context).items():
        for test, now in results.get(route, {}).items():
            was = before.get(test) if isinstance(before, Mapping) else None
            if was is not None and was != now and was in RANKED[test]:
                yield route, test, was, now


def _changes(results: Mapping[str, Mapping[str, str]], context: Context[SecurityHeadersSettings]) -> Iterator[Finding]:
    for route, test, was, now in _moved(results, context):
        yield Finding(CHANGED, f"{route} {test}", {"before": was, "now": now})


def _regression(
    findings: list[Finding], results: Mapping[str, Mapping[str, str]], context: Context[SecurityHeadersSettings]
) -> Regression:
    """A header that became weaker is a regression, also where the policy still allows it."""
    policy = _policy(context.settings, context.edge.startswith("https:"))
    weaker = [
        test for _, test, was, now in _moved(results, context) if policy[test] != IGNORE and is_weaker(test, now, was)
    ]
    return Regression.YES if weaker else regression_by_findings(findings, context.before)
