"""What the security headers of an answer amount to, in the tests and result names of the Mozilla HTTP Observatory.

Pure: fields in, names out. Names and order follow the Observatory's own scoring tables; what it has no name for
(Cross-Origin-Opener-Policy, Cross-Origin-Embedder-Policy) is named in the same manner. A `<meta>` policy is not read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from releases.probes.cookies import read_cookie

Fields = Sequence[tuple[str, str]]

SIX_MONTHS = 15_552_000
"""Seconds of Strict-Transport-Security that the Observatory asks for (180 days)."""

RANKED: Mapping[str, tuple[str, ...]] = {
    "content-security-policy": (
        "csp-implemented-with-no-unsafe-default-src-none",
        "csp-implemented-with-no-unsafe",
        "csp-implemented-with-unsafe-inline-in-style-src-only",
        "csp-implemented-with-unsafe-eval",
        "csp-implemented-with-insecure-scheme",
        "csp-implemented-with-unsafe-inline",
        "csp-header-invalid",
        "csp-not-implemented",
    ),
    "strict-transport-security": (
        "hsts-implemented-max-age-at-least-six-months",
        "hsts-implemented-max-age-less-than-six-months",
        "hsts-not-implemented",
        "hsts-header-invalid",
        "hsts-not-implemented-no-https",
    ),
    "x-content-type-options": (
        "x-content-type-options-nosniff",
        "x-content-type-options-not-implemented",
        "x-content-type-options-header-invalid",
    ),
    "x-frame-options": (
        "x-frame-options-implemented-via-csp",
        "x-frame-options-sameorigin-or-deny",
        "x-frame-options-not-implemented",
        "x-frame-options-header-invalid",
    ),
    "referrer-policy": (
        "referrer-policy-private",
        "referrer-policy-not-implemented",
        "referrer-policy-unsafe",
        "referrer-policy-header-invalid",
    ),
    "cross-origin-resource-sharing": (
        "cross-origin-resource-sharing-not-implemented",
        "cross-origin-resource-sharing-implemented-with-restricted-access",
        "cross-origin-resource-sharing-implemented-with-public-access",
        "cross-origin-resource-sharing-implemented-with-universal-access",
    ),
    "cookies": (
        "cookies-not-found",
        "cookies-secure-with-httponly-sessions-and-samesite",
        "cookies-secure-with-httponly-sessions",
        "cookies-anticsrf-without-samesite-flag",
        "cookies-samesite-flag-invalid",
        "cookies-without-secure-flag",
        "cookies-session-without-secure-flag",
        "cookies-session-without-httponly-flag",
    ),
    "cross-origin-resource-policy": (
        "cross-origin-resource-policy-implemented-with-same-origin",
        "cross-origin-resource-policy-implemented-with-same-site",
        "cross-origin-resource-policy-implemented-with-cross-origin",
        "cross-origin-resource-policy-not-implemented",
        "cross-origin-resource-policy-header-invalid",
    ),
    "cross-origin-opener-policy": (
        "cross-origin-opener-policy-implemented",
        "cross-origin-opener-policy-unsafe-none",
        "cross-origin-opener-policy-not-implemented",
        "cross-origin-opener-policy-header-invalid",
    ),
    "cross-origin-embedder-policy": (
        "cross-origin-embedder-policy-implemented",
        "cross-origin-embedder-policy-unsafe-none",
        "cross-origin-embedder-policy-not-implemented",
        "cross-origin-embedder-policy-header-invalid",
    ),
}
"""Every result by its test, the best first."""

_PRIVATE_REFERRERS = frozenset({"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"})
_UNSAFE_REFERRERS = frozenset({"origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade"})
_OPENERS = frozenset({"same-origin", "same-origin-allow-popups", "noopener-allow-popups"})
_EMBEDDERS = frozenset({"require-corp", "credentialless"})
_NONCE_OR_HASH = re.compile(r"'(nonce-|sha256-|sha384-|sha512-)", re.IGNORECASE)
_INSECURE_SOURCES = frozenset({"*", "http:", "https:", "data:", "ftp:"})


@dataclass(frozen=True, slots=True)
class CookieFlags:
    """Name and protection of one Set-Cookie line; never its value."""

    name: str
    secure: bool
    http_only: bool
    same_site: str

    @property
    def is_session(self) -> bool:
        """Whether its name says so; a token against CSRF, which scripts are meant to read, is none."""
        return not self.is_csrf and any(word in self.name.lower() for word in ("login", "sess", "token", "auth"))

    @property
    def is_csrf(self) -> bool:
        return any(word in self.name.lower() for word in ("csrf", "xsrf"))


def judge(fields: Fields, *, https: bool) -> dict[str, str]:
    """Return the result of every test. `https` says whether the answer came over TLS."""
    policy = _policy(fields)
    return {
        "content-security-policy": _csp(fields, policy),
        "strict-transport-security": _hsts(fields, https),
        "x-content-type-options": _content_type_options(fields),
        "x-frame-options": _frame_options(fields, policy),
        "referrer-policy": _referrer(fields),
        "cross-origin-resource-sharing": _sharing(fields),
        "cookies": _cookies(fields, https),
        "cross-origin-resource-policy": _resource_policy(fields),
        "cross-origin-opener-policy": _one_of(fields, "cross-origin-opener-policy", _OPENERS),
        "cross-origin-embedder-policy": _one_of(fields, "cross-origin-embedder-policy", _EMBEDDERS),
    }


def is_weaker(test: str, result: str, wanted: str) -> bool:
    """Return whether a result of a test is worse than another."""
    order = RANKED[test]
    return order.index(result) > order.index(wanted)


def cookie_flags(line: str) -> CookieFlags | None:
    """Return the flags of a Set-Cookie line, or None where it sets none or takes one away."""
    cookie = read_cookie(line)
    if cookie is None or cookie.over:
        return None
    prefixed = cookie.name.startswith(("__Secure-", "__Host-"))
    return CookieFlags(cookie.name[:60], cookie.secure or prefixed, cookie.http_only, cookie.same_site)


def _lines(fields: Fields, name: str) -> list[str]:
    return [value.strip() for key, value in fields if key.lower() == name]


def _policy(fields: Fields) -> dict[str, set[str]]:
    """Return the directives of all Content-Security-Policy fields together: every one of them applies (CSP 3, 4.2)."""
    merged: dict[str, set[str]] = {}
    for text in ",".join(_lines(fields, "content-security-policy")).split(","):
        seen: set[str] = set()
        for directive in text.split(";"):
            name, *sources = directive.split()[:200] or [""]
            name = name.lower()
            if not name or name in seen:  # of two in one policy the first counts
                continue
            seen.add(name)
            lowered = {source if _NONCE_OR_HASH.match(source) else source.lower() for source in sources}
            # Two policies together allow only what both do; a set that is empty then allows nothing.
            merged[name] = merged[name] & lowered if name in merged else lowered
    return merged


def _csp(fields: Fields, policy: Mapping[str, set[str]]) -> str:
    if not _lines(fields, "content-security-policy"):
        return "csp-not-implemented"
    if not policy or not all(re.fullmatch(r"[a-z-]+", name) for name in policy):
        return "csp-header-invalid"
    default = policy.get("default-src")
    scripts = policy.get("script-src", default)
    styles = policy.get("style-src", default)
    objects = policy.get("object-src", default)
    if scripts is None or objects is None:
        return "csp-implemented-with-unsafe-inline"  # nothing limits scripts, which is as good as allowing all
    if _inline(scripts) or "data:" in scripts:
        return "csp-implemented-with-unsafe-inline"
    if (_INSECURE_SOURCES & scripts) or (_INSECURE_SOURCES & objects):
        strict = "'strict-dynamic'" in scripts and any(_NONCE_OR_HASH.match(source) for source in scripts)
        if not strict or (_INSECURE_SOURCES & objects):
            return "csp-implemented-with-insecure-scheme"
    if "'unsafe-eval'" in scripts:
        return "csp-implemented-with-unsafe-eval"
    if styles is None or _inline(styles):
        return "csp-implemented-with-unsafe-inline-in-style-src-only"
    nothing_else = default is not None and default <= {"'none'"}
    return f"csp-implemented-with-no-unsafe{'-default-src-none' if nothing_else else ''}"


def _inline(sources: set[str]) -> bool:
    """Whether inline code is allowed; browsers ignore 'unsafe-inline' beside a nonce or hash (CSP 3, 6.7.3.2)."""
    return "'unsafe-inline'" in sources and not any(_NONCE_OR_HASH.match(source) for source in sources)


def _hsts(fields: Fields, https: bool) -> str:
    """RFC 6797 section 6.1; a field that came over plain HTTP is ignored by browsers (8.1)."""
    if not https:
        return "hsts-not-implemented-no-https"
    lines = _lines(fields, "strict-transport-security")
    if not lines:
        return "hsts-not-implemented"
    given = [part.strip().lower() for part in lines[0].split(";") if part.strip()]
    ages = [part for part in given if part.partition("=")[0].strip() == "max-age"]
    found = re.fullmatch(r'max-age\s*=\s*"?([0-9]{1,12})"?', ages[0]) if len(ages) == 1 else None
    if found is None:
        return "hsts-header-invalid"
    long_enough = int(found[1]) >= SIX_MONTHS
    return f"hsts-implemented-max-age-{'at-least' if long_enough else 'less-than'}-six-months"


def _content_type_options(fields: Fields) -> str:
    lines = _lines(fields, "x-content-type-options")
    if not lines:
        return "x-content-type-options-not-implemented"
    nosniff = ",".join(lines).split(",")[0].strip().lower() == "nosniff"
    return "x-content-type-options-nosniff" if nosniff else "x-content-type-options-header-invalid"


def _frame_options(fields: Fields, policy: Mapping[str, set[str]]) -> str:
    """A policy's frame-ancestors stand in the place of X-Frame-Options (CSP 3, 6.4.2.2)."""
    ancestors = policy.get("frame-ancestors")
    if ancestors is not None and not ({"*", "http:", "https:"} & ancestors):
        return "x-frame-options-implemented-via-csp"
    lines = _lines(fields, "x-frame-options")
    if not lines:
        return "x-frame-options-not-implemented"
    values = {part.strip().lower() for part in ",".join(lines).split(",")}
    good = len(values) == 1 and values <= {"deny", "sameorigin"}
    return "x-frame-options-sameorigin-or-deny" if good else "x-frame-options-header-invalid"


def _referrer(fields: Fields) -> str:
    lines = _lines(fields, "referrer-policy")
    if not lines:
        return "referrer-policy-not-implemented"
    known = [
        word
        for word in (part.strip().lower() for part in ",".join(lines).split(","))
        if word in _PRIVATE_REFERRERS | _UNSAFE_REFERRERS
    ]
    if not known:
        return "referrer-policy-header-invalid"
    # The last one that the browser knows counts (Referrer Policy, 8.1).
    return "referrer-policy-private" if known[-1] in _PRIVATE_REFERRERS else "referrer-policy-unsafe"


def _sharing(fields: Fields) -> str:
    """Judge the answer to a request that carried a foreign Origin (Fetch, 3.3.3)."""
    origins = _lines(fields, "access-control-allow-origin")
    if not origins:
        return "cross-origin-resource-sharing-not-implemented"
    credentials = any(line.lower() == "true" for line in _lines(fields, "access-control-allow-credentials"))
    if origins[0] == "*":
        return "cross-origin-resource-sharing-implemented-with-public-access"
    if origins[0].rstrip("/") == FOREIGN_ORIGIN:
        return (
            "cross-origin-resource-sharing-implemented-with-universal-access"
            if credentials
            else "cross-origin-resource-sharing-implemented-with-public-access"
        )
    return "cross-origin-resource-sharing-implemented-with-restricted-access"


FOREIGN_ORIGIN = "https://origin.rollbook.invalid"
"""The Origin that the probe claims to come from. Nobody can have it (RFC 2606 section 2)."""


def _cookies(fields: Fields, https: bool) -> str:
    """The worst of all cookies decides. Over plain HTTP nothing can be said of Secure, so that is left out."""
    cookies = [flags for line in _lines(fields, "set-cookie") if (flags := cookie_flags(line))]
    if not cookies:
        return "cookies-not-found"
    return max((_cookie(flags, https) for flags in cookies), key=RANKED["cookies"].index)


def _cookie(flags: CookieFlags, https: bool) -> str:
    if flags.is_session and not flags.http_only:
        return "cookies-session-without-httponly-flag"
    if https and not flags.secure:
        return "cookies-session-without-secure-flag" if flags.is_session else "cookies-without-secure-flag"
    if flags.same_site not in ("", "lax", "strict", "none") or (flags.same_site == "none" and not flags.secure):
        return "cookies-samesite-flag-invalid"
    if flags.is_csrf and not flags.same_site:
        return "cookies-anticsrf-without-samesite-flag"
    protected = flags.same_site in ("lax", "strict")
    return f"cookies-secure-with-httponly-sessions{'-and-samesite' if protected else ''}"


def _resource_policy(fields: Fields) -> str:
    lines = _lines(fields, "cross-origin-resource-policy")
    if not lines:
        return "cross-origin-resource-policy-not-implemented"
    value = lines[0]  # compared exactly, letter by letter (Fetch, 3.7)
    known = value in ("same-origin", "same-site", "cross-origin")
    return f"cross-origin-resource-policy-{'implemented-with-' + value if known else 'header-invalid'}"


def _one_of(fields: Fields, name: str, good: Iterable[str]) -> str:
    lines = _lines(fields, name)
    if not lines:
        return f"{name}-not-implemented"
    value = lines[0].partition(";")[0].strip()
    if value == "unsafe-none":
        return f"{name}-unsafe-none"
    return f"{name}-implemented" if value in good else f"{name}-header-invalid"
