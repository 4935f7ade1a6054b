"""What HTTP caches may do with an answer, by RFC 9111 and RFC 9213. Pure: fields in, decision out, never an exception.

The question is what a cache *may* do, so wherever caches are free the freer one is assumed: to find out that nobody's
page can be stored, the most eager cache that still obeys the RFC is the one to ask.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

Fields = Sequence[tuple[str, str]]
"""Field lines as (name, value), in order."""

HEURISTICALLY_CACHEABLE = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501})
"""Status codes that a cache may keep although nothing says so (RFC 9110 section 15.1)."""

LONGEST = 2**31
"""Seconds at which a delta ends (RFC 9111 section 1.2.2)."""

MOST_DIRECTIVES = 200

_DIRECTIVE = re.compile(
    r"""[\s,]*(?P<name>[^\s,;="]+)                      # a token, generously
        (?:\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"      # = a quoted string
                    |(?P<plain>[^\s,;"]*)))?            # = a token
        (?P<rest>[^,]*)                                 # whatever else stands before the next comma is not valid
    """,
    re.VERBOSE,
)
_ITEM = re.compile(
    r"""\s*(?P<key>[a-z*][a-z0-9_.*-]*)
        (?:=(?:(?P<integer>-?\d{1,15})|(?P<boolean>\?[01])|(?P<other>"[^"\\]*"|[A-Za-z*][^\s,;="]*|-?\d+\.\d+)))?
        (?:\s*;[^,]*)?\s*""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Use:
    """What one kind of cache may do with an answer."""

    stores: bool
    """It may keep the answer."""
    reuses: bool
    """It may answer from it without asking the service again."""
    lifetime: int | None
    """Seconds for which it is fresh; None when not stated, so that each cache decides by itself."""
    lifetime_from: str
    """The directive or field that says so; empty when none does."""
    because: str
    """The rule that decides, with its section."""


@dataclass(frozen=True, slots=True)
class Caching:
    """What caches may do with an answer."""

    shared: Use
    """A cache that serves many readers: a CDN, Varnish, a proxy."""
    private: Use
    """A reader's own browser."""
    vary: tuple[str, ...]
    """Request fields that keep answers apart, in lower case; `*` means that no stored answer is ever used."""
    age: int
    """Seconds that the answer had already spent in caches, as they say."""
    sets_cookie: bool
    problems: tuple[str, ...]
    """What is malformed, duplicate or contradictory, in plain words."""

    @property
    def kept_apart_by_reader(self) -> bool:
        """Whether only the reader's own credentials, as a part of the cache's key, find the stored answer."""
        return bool({"cookie", "authorization", "*"} & set(self.vary))


def judge(
    *,
    status: int,
    response: Fields,
    now: float,
    method: str = "GET",
    request: Fields = (),
    targeted: Sequence[str] = (),
) -> Caching:
    """Return what caches may do with the answer to a GET or HEAD request.

    Args:
        now: Seconds since the epoch when the answer arrived; stands in for a missing Date.
        targeted: Targeted fields that the shared cache obeys, the strongest first (RFC 9213 section 2.2).
    """
    problems: list[str] = []
    plain = _cache_control(response, problems)
    shared_directives = _targeted(response, targeted, problems)
    # RFC 9213 section 2.2: a valid targeted field replaces Cache-Control and Expires.
    expires = None if shared_directives is not None else _expires_after(response, now, problems)
    authorized = any(name.lower() == "authorization" for name, _ in request)
    vary = _vary(response)
    shared = _use(
        plain if shared_directives is None else shared_directives, expires, method, status, vary, authorized, True
    )
    private = _use(plain, _expires_after(response, now, []), method, status, vary, authorized, False)
    return Caching(
        shared=shared,
        private=private,
        vary=vary,
        age=_age(response, problems),
        sets_cookie=bool(lines_of(response, "set-cookie")),
        problems=tuple(dict.fromkeys(problems)),
    )


def _use(
    directives: dict[str, str | None],
    expires: int | None,
    method: str,
    status: int,
    vary: tuple[str, ...],
    authorized: bool,
    is_shared: bool,
) -> Use:
    """Apply RFC 9111 section 3 (may it be stored) and section 4 (may it be used, for how long)."""
    lifetime, source = _lifetime(directives, expires, is_shared)
    if reason := _not_stored_because(directives, source, method, status, authorized, is_shared):
        return Use(False, False, None, "", reason)
    if "no-cache" in directives and not directives["no-cache"]:
        return Use(True, False, lifetime, source, "no-cache: every use asks the service first (RFC 9111 5.2.2.4)")
    if "*" in vary:
        return Use(True, False, lifetime, source, "Vary: * matches no later request (RFC 9111 4.1)")
    if lifetime is not None and lifetime <= 0:
        return Use(True, False, lifetime, source, f"{source} leaves it stale at once (RFC 9111 4.2)")
    if lifetime is None:
        return Use(True, True, None, "", "nothing says how long it is fresh, so each cache decides (RFC 9111 4.2.2)")
    return Use(True, True, lifetime, source, f"{source} keeps it fresh for {lifetime} s (RFC 9111 4.2.1)")


def _not_stored_because(
    directives: dict[str, str | None], source: str, method: str, status: int, authorized: bool, is_shared: bool
) -> str | None:
    """Return which condition of RFC 9111 section 3 is not met, or None when it may be stored."""
    if method not in ("GET", "HEAD"):
        return f"{method} is not stored by the caches there are (RFC 9111 3)"
    if status < 200 or status == 304:
        return f"status {status} is no answer to keep (RFC 9111 3)"
    understood = "must-understand" in directives and status in HEURISTICALLY_CACHEABLE
    if "no-store" in directives and not understood:
        return "no-store (RFC 9111 5.2.2.5)"
    # `private="field"` restricts only that field, and a cache may keep the rest (RFC 9111 5.2.2.7).
    if is_shared and "private" in directives and not directives["private"]:
        return "private (RFC 9111 5.2.2.7)"
    allows_authorized = {"public", "s-maxage", "must-revalidate"} & set(directives)
    if is_shared and authorized and not allows_authorized:
        return "the request carried Authorization, and nothing allows sharing the answer (RFC 9111 3.5)"
    explicit = source or "public" in directives or (not is_shared and "private" in directives)
    if not explicit and status not in HEURISTICALLY_CACHEABLE:
        return f"status {status} is kept only with an explicit lifetime (RFC 9111 3)"
    return None


def _lifetime(directives: dict[str, str | None], expires: int | None, is_shared: bool) -> tuple[int | None, str]:
    """Return the freshness lifetime in seconds and what states it (RFC 9111 section 4.2.1)."""
    for name in ("s-maxage", "max-age") if is_shared else ("max-age",):
        if name in directives:
            # Caches are encouraged to take an invalid lifetime for stale.
            seconds = _delta(directives[name])
            return (0 if seconds is None else seconds), name
    return (expires, "Expires") if expires is not None else (None, "")


def _cache_control(response: Fields, problems: list[str]) -> dict[str, str | None]:
    """Return the directives of Cache-Control by lower-case name, each with its argument (RFC 9111 section 5.2)."""
    found: dict[str, str | None] = {}
    for name, argument, rest in _directives(", ".join(lines_of(response, "cache-control"))):
        if rest.strip():
            problems.append(f"Cache-Control: {rest.strip()[:40]!r} after {name[:40]!r} is not valid")
        if name in ("max-age", "s-maxage") and _delta(argument) is None:
            problems.append(f"Cache-Control: {name}={(argument or '')[:40]!r} is no number of seconds")
        if name in found:
            if found[name] != argument:
                problems.append(f"Cache-Control: {name[:40]} is given twice with different values")
            # Of two lifetimes the first counts (section 4.2.1); of two `private` the stricter, without argument.
            if name in ("private", "no-cache") and argument is None:
                found[name] = None
            continue
        found[name] = argument
    if {"public", "private"} <= set(found):
        problems.append("Cache-Control: both public and private")
    return found


def _directives(value: str) -> Iterator[tuple[str, str | None, str]]:
    """Yield (name, argument, invalid rest) of each directive, whatever stands there."""
    position = 0
    for _ in range(MOST_DIRECTIVES):
        match = _DIRECTIVE.match(value, position)
        if match is None:
            if value[position:].strip(" \t,"):
                # A stray character such as a quote: go on behind the next comma.
                comma = value.find(",", position)
                yield ("", None, value[position : comma if comma >= 0 else None])
                if comma < 0:
                    return
                position = comma + 1
                continue
            return
        quoted, plain = match["quoted"], match["plain"]
        argument = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
        yield (match["name"].lower(), argument, match["rest"])
        position = match.end()


def _targeted(response: Fields, names: Sequence[str], problems: list[str]) -> dict[str, str | None] | None:
    """Return the directives of the strongest valid targeted field, or None without one (RFC 9213 section 2.2)."""
    for name in names:
        lines = lines_of(response, name)
        if not lines:
            continue
        found = _dictionary(", ".join(lines))
        if found is None:
            problems.append(f"{name}: not a valid structured field, so it is ignored (RFC 9213 2.1)")
        elif found:
            return found
    return None


def _dictionary(value: str) -> dict[str, str | None] | None:
    """Return the members of a structured dictionary (RFC 8941 section 3.2), or None when it is not a valid one."""
    found: dict[str, str | None] = {}
    for member in split_outside_quotes(value, ",")[:MOST_DIRECTIVES]:
        match = _ITEM.fullmatch(member)
        if match is None:
            return None
        key = match["key"]
        found.pop(key, None)
        if match["boolean"] == "?0":
            continue
        if key in ("max-age", "s-maxage") and match["integer"] is None:
            continue  # a lifetime of another type is ignored (RFC 9213 section 2.1)
        found[key] = match["integer"] or (match["other"] or "").strip('"') or None
    return found


def _expires_after(response: Fields, now: float, problems: list[str]) -> int | None:
    """Return the seconds from Date to Expires; None without Expires, zero or less when it is past or no date."""
    lines = lines_of(response, "expires")
    if not lines:
        return None
    expires = _date(lines[0])
    if expires is None:
        if lines[0].strip() != "0":
            problems.append(f"Expires: {lines[0][:40]!r} is no date, so it counts as past (RFC 9111 5.3)")
        return 0
    dates = lines_of(response, "date")
    date = _date(dates[0]) if dates else None
    if dates and date is None:
        problems.append(f"Date: {dates[0][:40]!r} is no date")
    return min(LONGEST, int(expires - (now if date is None else date)))


def _age(response: Fields, problems: list[str]) -> int:
    lines = lines_of(response, "age")
    if not lines:
        return 0
    first = lines[0].split(",")[0].strip()
    seconds = _delta(first)
    if seconds is None:
        problems.append(f"Age: {first[:40]!r} is no number of seconds, so it is ignored (RFC 9111 5.1)")
    return seconds or 0


def _vary(response: Fields) -> tuple[str, ...]:
    names = (name.strip().lower() for line in lines_of(response, "vary") for name in line.split(","))
    return tuple(dict.fromkeys(name[:100] for name in names if name))


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split at a separator, but not within quoted strings."""
    return re.findall(rf'(?:"(?:[^"\\]|\\.)*"?|[^"{separator}])+', text)


def lines_of(fields: Fields, name: str) -> list[str]:
    """Return the values of all field lines of that name."""
    return [value for key, value in fields if key.lower() == name.lower()]


def _delta(argument: str | None) -> int | None:
    """Return delta-seconds (RFC 9111 section 1.2.2), or None when it is none."""
    if argument is None or not re.fullmatch(r"[0-9]+", argument):
        return None
    return LONGEST if len(argument) > 10 else min(LONGEST, int(argument))


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text.strip()).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
        return None
