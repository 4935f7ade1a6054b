"""One request as it is to be made: checked, completed, and led on by redirects."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote, urljoin

from releases.addresses import Address, parse_url
from releases.http.errors import InvalidUrl
from releases.http.messages import Upload

USER_AGENT = "Rollbook"
CREDENTIAL_FIELDS = frozenset({"authorization", "cookie", "proxy-authorization"})
REPEATABLE = frozenset({"GET", "HEAD", "PURGE"})
"""Methods that may be sent again when a kept connection turned out to be closed: doing them twice does no more."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request, as checked: `Wanted.of` makes one."""

    method: str
    url: str
    address: Address
    fields: tuple[tuple[str, str], ...]
    body: bytes | Upload | None
    keep: bool
    truncate: bool

    @classmethod
    def of(
        cls,
        method: str,
        url: str,
        headers: Mapping[str, str] | Sequence[tuple[str, str]],
        body: bytes | Upload | None,
        *,
        keep: bool,
        truncate: bool,
    ) -> Self:
        """Check a request. Raises InvalidUrl where HTTP cannot carry it."""
        if not _TOKEN.fullmatch(method):
            raise InvalidUrl(f"{method[:40]!r} is no method")
        return cls(method, url, _address_of(url), tuple(_checked_fields(headers)), body, keep, truncate)

    def redirected(self, status: int, location: str) -> Self | None:
        """Return the request that a redirect asks for (RFC 9110 section 15.4); None when it must not be made."""
        url = _redirect_target(self.url, location)
        address = _address_of(url)
        following = replace(self, url=url, address=address)
        if status == 303 or (status in (301, 302) and self.method == "POST"):
            following = replace(following, method="HEAD" if self.method == "HEAD" else "GET", body=None)
        if address.origin == self.address.origin:
            return following
        if following.body is not None:
            return None
        kept = tuple((name, value) for name, value in self.fields if name.lower() not in CREDENTIAL_FIELDS)
        return replace(following, fields=kept)

    def complete_fields(self) -> list[tuple[bytes, bytes]]:
        """Return the fields, with those that HTTP needs and the caller did not give."""
        given = {name.lower() for name, _ in self.fields}
        needed = {
            "Host": self.address.place,
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            "Accept-Encoding": "gzip",  # as readers do: a cache may keep the compressed variant apart
        }
        if self.body is not None:
            length = self.body.length if isinstance(self.body, Upload) else len(self.body)
            needed["Content-Length"] = str(length)
        missing = [(name, value) for name, value in needed.items() if name.lower() not in given]
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in (*missing, *self.fields)]


def _address_of(url: str) -> Address:
    try:
        return parse_url(url)
    except ValueError as error:
        raise InvalidUrl(str(error)) from None


def _checked_fields(headers: Mapping[str, str] | Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    fields = list(headers.items() if isinstance(headers, Mapping) else headers)
    for name, value in fields:
        if not _TOKEN.fullmatch(name):
            raise InvalidUrl(f"{name[:80]!r} is no name of a header field")
        if re.search(r"[^\t\x20-\x7e\x80-\xff]", value):
            raise InvalidUrl(f"the value of the field {name} holds a character that a header cannot carry")
    return fields


def _redirect_target(url: str, location: str) -> str:
    # Servers put raw UTF-8 into Location; a request line takes ASCII only.
    target = quote(location.strip().encode("latin-1"), safe="%/:?#[]@!$&'()*+,;=~")
    try:
        return urljoin(url, target).partition("#")[0]
    except ValueError:
        raise InvalidUrl(f"the redirect to {location[:80]!r} leads nowhere") from None
