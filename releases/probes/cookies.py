"""What a Set-Cookie line says, and what browsers make of it (RFC 6265bis)."""

from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class SetCookie:
    """One Set-Cookie line. Its value is nobody's business: it is left out of every representation."""

    name: str
    value: str = field(repr=False)
    path: str
    """As given; empty where none is, or none that browsers take."""
    sent_to: str
    """Path below which it is sent back."""
    domain: str
    secure: bool
    http_only: bool
    same_site: str
    """In lower case; empty where none is given."""
    over: bool
    """Whether it is set only to be forgotten."""


def read_cookie(line: str, default_path: str = "/") -> SetCookie | None:
    """Return what a Set-Cookie line sets (section 5.6), or None where it names no cookie.

    Args:
        default_path: Where it is sent back to if the line does not say (section 5.1.4).
    """
    pair, *rest = line.split(";")
    name, equals, value = pair.strip().partition("=")
    if not equals or not name.strip():
        return None
    given = {key.strip().lower(): text.strip() for key, _, text in (part.partition("=") for part in rest)}
    path = given["path"] if given.get("path", "").startswith("/") else ""
    return SetCookie(
        name=name.strip(),
        value=value.strip(),
        path=path,
        sent_to=path or default_path,
        domain=given.get("domain", "").lower().removeprefix("."),
        secure="secure" in given,
        http_only="httponly" in given,
        same_site=given.get("samesite", "").lower(),
        over=_is_over(given),
    )


def refused_because(cookie: SetCookie, host: str) -> str:
    """Return why browsers do not keep a cookie that a host sets (sections 5.4 and 5.7); empty when they do."""
    prefix = cookie.name.lower()
    if prefix.startswith("__host-") and not (cookie.secure and cookie.path == "/" and not cookie.domain):
        return "a name with __Host- wants Secure, Path=/ and no Domain (RFC 6265bis 5.4)"
    if prefix.startswith("__secure-") and not cookie.secure:
        return "a name with __Secure- wants Secure (RFC 6265bis 5.4)"
    if cookie.same_site == "none" and not cookie.secure:
        return "SameSite=None wants Secure (RFC 6265bis 5.7)"
    if cookie.domain and host != cookie.domain and not host.endswith(f".{cookie.domain}"):
        return f"its Domain does not hold {host} (RFC 6265bis 5.7)"
    return ""


def path_matches(path: str, cookie_path: str) -> bool:
    """Return whether a cookie of one path is sent to another (section 5.1.4)."""
    return path == cookie_path or path.startswith(cookie_path if cookie_path.endswith("/") else cookie_path + "/")


def _is_over(given: dict[str, str]) -> bool:
    if max_age := given.get("max-age"):
        return max_age.startswith("-") or max_age.strip("0") == ""
    try:
        return parsedate_to_datetime(given["expires"]).timestamp() <= 86400
    except (KeyError, ValueError, TypeError, OverflowError, IndexError):
        return False
