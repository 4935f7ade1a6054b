"""What caches say about their own answers: hit, miss, or nothing that could be relied on.

Reads Cache-Status (RFC 9211) and the vendors' fields. An unknown word is unknown, never a guess.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from releases.probes.caching import Fields, lines_of, split_outside_quotes

STANDARD_FIELD = "cache-status"
VENDOR_FIELDS = ("x-cache", "x-cache-status", "x-proxy-cache", "cf-cache-status", "cdn-cache", "x-vercel-cache")

HIT = frozenset({"hit", "tcp_hit", "tcp_mem_hit", "tcp_ims_hit", "tcp_refresh_fail_hit", "stale", "updating"})
"""The answer came from the cache without the service having been asked for it."""

MISS = frozenset({"miss", "tcp_miss", "expired", "tcp_expired_miss", "bypass", "pass", "dynamic", "tcp_refresh_miss"})
"""The answer was fetched from the service. Words for a revalidated answer are in neither set."""


@dataclass(frozen=True, slots=True)
class CacheSaid:
    """One answer's own account of where it came from."""

    hit: bool | None
    """From a cache, freshly fetched, or None when nothing reliable says so."""
    field: str
    """The field that says so; empty when none does."""
    age: int | None
    """Seconds in caches, by the Age field."""
    stored_as: str | None
    """Name of the stored object, where a cache gives one (Varnish, on a hit)."""


def read(fields: Fields) -> CacheSaid:
    """Return what the caches on the way say about an answer."""
    age = _age(fields)
    stored_as = _varnish_object(fields)
    for name in (STANDARD_FIELD, *VENDOR_FIELDS):
        lines = lines_of(fields, name)
        hit = _cache_status(lines) if name == STANDARD_FIELD else _vendor(lines)
        if hit is not None:
            return CacheSaid(hit, name, age, stored_as)
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


def _vendor(lines: Sequence[str]) -> bool | None:
    """Read fields such as `X-Cache: HIT`, `Miss from cloudfront` or, through two caches, `MISS, HIT`."""
    words = [member.strip().split(" ")[0].lower() for line in lines for member in line.split(",")]
    if any(word in HIT for word in words):
        return True
    return False if words and all(word in MISS for word in words) else None


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
