"""Which URLs can be asked, and which addresses may be connected to. Pure."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}

METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254")
)
"""Where clouds hand out credentials. No service is measured there, so these stay refused where private ones are not."""

NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b:1::/48", "100::/64", "2001::/32", "3fff::/20", "5f00::/16", "fec0::/10", "192.88.99.0/24")
)
"""Reserved networks (IANA's special-purpose registries) that not every Python version from 3.11 on counts as such."""

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a URL that a request needs."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return (self.scheme, self.host, self.port)

    @property
    def place(self) -> str:
        """Host and port, as a Host field carries them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str) -> Address:
    """Take a URL apart; raise ValueError with a sentence when it is not a plain http or https one."""
    if found := re.search(r"[^\x21-\x7e]|\\", url):
        raise ValueError(f"the URL holds the character U+{ord(found[0]):04X} at position {found.start() + 1}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"the URL cannot be read: {error}") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError(f"only http:// and https:// can be asked, not {parts.scheme[:20] or 'an address without'!r}")
    if "@" in parts.netloc:
        raise ValueError("the URL holds a user name or password; credentials do not belong there")
    if port == 0:
        raise ValueError("the port must be 1 to 65535")
    host = (parts.hostname or "").rstrip(".")
    if not _is_host(host):
        raise ValueError(f"{host[:80]!r} is no host name")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], target)


def refused_because(address: IpAddress, allow_private: bool) -> str | None:
    """Return why an address must not be connected to, or None. Addresses that embed another are judged by that one."""
    if (inner := _embedded(address)) is not None:
        return refused_because(inner, allow_private)
    if address in METADATA_ADDRESSES:
        return "a metadata address"
    if address.is_multicast or address.is_unspecified:
        return "no address of a single host"
    if allow_private or (address.is_global and not any(address in network for network in NOT_PUBLIC)):
        return None
    for reason, applies in (("loopback", address.is_loopback), ("link-local", address.is_link_local)):
        if applies:
            return f"a {reason} address"
    return "a private or reserved address"


def _embedded(address: IpAddress) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 one stands for: mapped, compatible, 6to4 or NAT64 (RFC 4291, 3056, 6052)."""
    if address.version == 4:
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    number = int(address)
    if number >> 32 == 0x0064_FF9B << 64 or (number >> 32 == 0 and number > 1):
        return ipaddress.IPv4Address(number & 0xFFFF_FFFF)
    return None


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
        return "%" not in host
    except ValueError:
        return 0 < len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))
