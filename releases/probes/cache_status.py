"""What caches say about their own answers: hit, miss, or nothing that could be relied on.

Reads Cache-Status (RFC 9211) and the vendors' fields. An unknown word is unknown, never a guess.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from releases.probes.caching import Fields, lines_of, split_outside_quotes

STANDARD_FIELD = "cache-status"
NGINX_FIELD = "x-cache-status"
"""Of nginx, by the usual configuration. It tells no age: an Age in its answers is the one it got, and never grows."""
TELLS_EXPIRY = frozenset({STANDARD_FIELD, NGINX_FIELD})
"""Fields with a word of their own for what was fetched because it had expired."""
VENDOR_FIELDS = (
    "cf-cache-status",  # Cloudflare
    "akamai-cache-status",
    "x-cache",  # Fastly, CloudFront, Akamai, Azure, Squid, Traffic Server, and many a VCL
    NGINX_FIELD,
    "x-proxy-cache",
    "cdn-cache",
    "cdn-cache-status",
    "x-vercel-cache",
    "x-litespeed-cache",
)

HIT = frozenset(
    {
        *("hit", "stale", "updating", "hit-fresh", "prerender", "originshieldhit"),
        *("tcp_hit", "tcp_mem_hit", "tcp_ims_hit", "tcp_refresh_fail_hit", "tcp_negative_hit", "tcp_remote_hit"),
    }
)
"""The answer came from a cache without the service having been asked for it."""

MISS = frozenset(
    {
        *("miss", "expired", "bypass", "pass", "dynamic", "skipped"),
        *("tcp_miss", "tcp_expired_miss", "tcp_refresh_miss", "tcp_swapfail_miss"),
        *("private_nostore", "config_nocache"),
    }
)
"""The answer was fetched from the service. Words for a revalidated answer, and for an error, are in neither set."""

EXPIRED = frozenset({"expired", "tcp_expired_miss", "tcp_refresh_miss"})
"""It was fetched because what was stored had gone stale, not because nothing was stored."""

_TRAFFIC_SERVER = re.compile(r"\(ApacheTrafficServer[^\[\]()]{0,60}\[([A-Za-z :]{2,60})\]\)", re.IGNORECASE)
_SERVER_TIMING = re.compile(r"\s*cdn-cache\s*;\s*desc\s*=\s*\"?([A-Za-z_]{1,40})\"?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CacheSaid:
    """One answer's own account of where it came from."""

    hit: bool | None
    """From a cache, freshly fetched, or None when nothing reliable says so."""
    field: str
    """The field that says so; empty when none does."""
    age: int | None
    """Seconds in caches, by the Age field; None where that would not grow."""
    stored_as: str | None
    """Name of the stored object, where a cache gives one (Varnish, on a hit)."""
    expired: bool = False
    """Whether it was fetched because what the cache had stored was stale by then."""


def read(fields: Fields) -> CacheSaid:
    """Return what the caches on the way say about an answer."""
    age = _age(fields)
    stored_as = _varnish_object(fields)
    for name in (STANDARD_FIELD, *VENDOR_FIELDS):
        lines = lines_of(fields, name)
        hit = _cache_status(lines) if name == STANDARD_FIELD else _vendor(lines)
        if hit is not None:
            own_age = None if name == NGINX_FIELD else age
            return CacheSaid(hit, name, own_age, stored_as, not hit and _had_expired(lines, name))
    for name, word in (("Server-Timing", _server_timing(fields)), ("Via", _traffic_server(fields))):
        if word is not None:
            return CacheSaid(word, name, age, stored_as)
    if ids := _varnish_ids(fields):
        return CacheSaid(len(ids) == 2, "X-Varnish", age, stored_as)
    if age:
        return CacheSaid(True, "Age", age, stored_as)
    return CacheSaid(None, "", age, stored_as)


def _cache_status(lines: Sequence[str]) -> bool | None:
    """Read Cache-Status: one member per cache, with `hit` or `fwd=why` (RFC 9211 section 2)."""
    members = [_parameters(member) for line in lines for member in split_outside_quotes(line, ",")]
    if any(parameters.get("hit") in ("", "?1") for parameters in members):
        return True
    forwarded = [parameters for parameters in members if "fwd" in parameters]
    if not forwarded or any(parameters.get("fwd-status") == "304" for parameters in forwarded):
        # Revalidated: the service was asked, yet the body is the stored one. Neither word would be true.
        return None
    return False


def _had_expired(lines: Sequence[str], name: str) -> bool:
    members = [member for line in lines for member in split_outside_quotes(line, ",")]
    if name == STANDARD_FIELD:
        return any(_parameters(member).get("fwd") == "stale" for member in members)
    return any(member.strip().split(" ")[0].lower() in EXPIRED for member in members)


def _vendor(lines: Sequence[str]) -> bool | None:
    """Read fields such as `X-Cache: HIT`, `Miss from cloudfront` or, through two caches, `MISS, HIT`."""
    words = [member.strip().split(" ")[0].lower() for line in lines for member in line.split(",")]
    if any(word in HIT for word in words):
        return True
    return False if words and all(word in MISS for word in words) else None


def _server_timing(fields: Fields) -> bool | None:
    """Read Akamai's `cdn-cache; desc=HIT` among what Server-Timing says."""
    members = (member for line in lines_of(fields, "server-timing") for member in split_outside_quotes(line, ","))
    found = [match[1] for member in members if (match := _SERVER_TIMING.fullmatch(member))]
    return _vendor(found) if found else None


def _traffic_server(fields: Fields) -> bool | None:
    """Read the codes that Traffic Server puts into Via: `c` what its cache had, `s` what the service did.

    Source: Traffic Server's administrator's guide, "Via header field" (proxy.config.http.insert_response_via_str).
    """
    codes = [match[1] for line in lines_of(fields, "via") for match in _TRAFFIC_SERVER.finditer(line)]
    words = [_looked_up(code) for code in codes]
    if any(words):
        return True
    return False if words and all(word is False for word in words) else None


def _looked_up(codes: str) -> bool | None:
    found = re.match(r"(?:u.)?c(.)s(.)", codes)
    if found is None:
        return None
    lookup, service = found.groups()
    if lookup in "HR" and service == " ":
        return True
    return False if lookup in "MAS" and service == "S" else None


def _varnish_ids(fields: Fields) -> list[str]:
    lines = lines_of(fields, "x-varnish")
    found = re.fullmatch(r"\s*(\d{1,20})(?:\s+(\d{1,20}))?\s*", lines[0]) if len(lines) == 1 else None
    return [number for number in found.groups() if number] if found else []


def _varnish_object(fields: Fields) -> str | None:
    ids = _varnish_ids(fields)
    return ids[1] if len(ids) == 2 else None


def _age(fields: Fields) -> int | None:
    lines = lines_of(fields, "age")
    found = re.fullmatch(r"\s*(\d{1,10})\s*", lines[0]) if lines else None
    return int(found[1]) if found else None


def _parameters(member: str) -> dict[str, str]:
    """Return the parameters of one member of a structured list; a bare one has an empty value."""
    pairs = (part.strip().partition("=") for part in split_outside_quotes(member, ";")[1:])
    return {key.strip(): value.strip().strip('"') for key, _, value in pairs}
