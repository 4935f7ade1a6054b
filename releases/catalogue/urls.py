"""Addresses in the catalogue: what may be written there, and which literal addresses are private."""

import ipaddress
import re
import socket
from typing import NoReturn
from urllib.parse import urlsplit

LONGEST = 500
"""Characters of an address."""

_HOST_LIMIT = 253
_LABEL_LIMIT = 63
_FORBIDDEN = re.compile(r"[^\x21-\x7e]|[\\<>\"{}|^`]")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_base_url(url: str) -> str:
    """Return the address of a place, without a slash at its end; raise ValueError saying what was expected.

    It is a scheme, a host and perhaps a port. Routes are added to it, so it has no path of its own.
    """
    _check_characters(url)
    scheme, separator, rest = url.partition("://")
    if not separator:
        _refuse("an address that starts with https:// or http://")
    if scheme.lower() not in ("http", "https"):
        _refuse("the scheme https or http")
    if "#" in rest:
        _refuse(f"an address without a fragment; there is one at position {url.index('#') + 1}")
    parts = urlsplit(url)
    if "@" in parts.netloc:
        _refuse("an address without credentials")
    if parts.path not in ("", "/") or "?" in rest:
        _refuse("an address without a path or query; routes are added to it")
    _check_port(parts.netloc)
    _check_host(parts.hostname or "")
    return url.rstrip("/")


def split_url(url: str) -> tuple[str, str]:
    """Return scheme and host of an address, and what follows: its path and query."""
    found = re.search(r"(?<![:/])[/?]", url)
    return (url[: found.start()], url[found.start() :]) if found else (url, "")


def private_address(url: str) -> str | None:
    """Return the private, loopback or otherwise local address that a checked URL names literally, else None.

    Names are resolved when a probe connects, and checked there.
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return host
    address = _literal(host)
    if address is None:
        return None
    address = _mapped(address) or address
    return None if address.is_global else str(address)


def _check_characters(url: str) -> None:
    if len(url) > LONGEST:
        _refuse(f"at most {LONGEST} characters, these are {len(url)}")
    found = _FORBIDDEN.search(url)
    if found is None:
        return
    if found[0].isprintable() and ord(found[0]) > 0x7E:
        _refuse(_ascii_form(url) or "a host in its ASCII form, xn--…")
    _refuse(f"no {_name(found[0])}; there is one at position {found.start() + 1}")


def _check_port(netloc: str) -> None:
    port = netloc.rpartition("]")[2] if "]" in netloc else netloc
    _, separator, digits = port.partition(":")
    if separator and not (re.fullmatch(r"[0-9]{1,5}", digits) and 1 <= int(digits) <= 65535):
        _refuse("a port of 1-65535")


def _check_host(host: str) -> None:
    if not host:
        _refuse("a host")
    address = _literal(host)
    if address is not None:
        if _mapped(address) or (":" not in host and str(address) != host):
            _refuse(f"the address in its plain form, {_mapped(address) or address}")
        return
    if ":" in host:
        _refuse("an IPv6 address in brackets")
    name = host.removesuffix(".")
    if len(name) > _HOST_LIMIT:
        _refuse(f"a host of at most {_HOST_LIMIT} characters, this one has {len(name)}")
    for label in name.split("."):
        if len(label) > _LABEL_LIMIT:
            _refuse(f"host labels of at most {_LABEL_LIMIT} characters, one has {len(label)}")
        if not _LABEL.fullmatch(label):
            _refuse("a host of letters, digits, hyphens and dots")


def _literal(host: str) -> Address | None:
    """Return the address that a host is, also in the short, octal and hexadecimal forms that resolvers take."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        if not re.fullmatch(r"[0-9a-fA-FxX.]+", host) or not host[0].isdigit():
            return None
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None


def _mapped(address: Address) -> ipaddress.IPv4Address | None:
    return address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None


def _ascii_form(url: str) -> str | None:
    """Return what to write for a host with other letters than ASCII's, None if there is no such form."""
    try:
        host = urlsplit(url).hostname or ""
        plain = host.encode("idna").decode()
    except (ValueError, UnicodeError):
        return None
    return f"the host in its ASCII form, {plain}" if plain != host else None


def _name(character: str) -> str:
    return {" ": "space", "\\": "backslash"}.get(character, f"character U+{ord(character):04X}")


def _refuse(expected: str) -> NoReturn:
    raise ValueError(expected)
