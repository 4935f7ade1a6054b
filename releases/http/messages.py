"""What is sent and what comes back: plain values, without the way they take."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CHARSETS = re.compile(r"utf-?8|us-ascii|iso-8859-\d{1,2}|latin-?1|windows-125\d|utf-16(le|be)?", re.IGNORECASE)
"""Charsets by which an answer is read. The server names one, and Python knows some that take quadratic time."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds, stamped beside the socket calls. The whole request took `connect_ms + total_ms`."""

    connect_ms: float
    """Resolving, connecting and TLS handshake; zero on a connection that was kept."""
    first_byte_ms: float
    """From before the first byte was sent to after the first one was received."""
    total_ms: float
    """From before the first byte was sent to after the last one was received."""


@dataclass(slots=True)
class Upload:
    """A body that is sent piece by piece, and no further than the other side wants it."""

    pieces: Sequence[bytes]
    pauses: Mapping[int, float]
    """By number of the piece (0 is before the first one): seconds to wait there for an answer that refuses the rest."""
    sent: int = field(default=0, init=False)
    """Bytes of it that were handed to the connection, at most; filled in by the request."""

    @property
    def length(self) -> int:
        return sum(map(len, self.pieces))

    @property
    def whole(self) -> bool:
        """Whether everything was sent."""
        return self.sent == self.length


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. Its text is foreign: show it as such."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Name and value of each field line, in order, read as Latin-1."""
    body: bytes = field(repr=False)
    truncated: bool
    """The body went on beyond the limit; only with `truncate=True`, otherwise that raises TooLarge."""
    timings: Timings
    peer: str
    """IP address and port that answered."""
    url: str
    """Where the answer came from, after redirects."""

    def get(self, name: str) -> str | None:
        """Return the value of the first field line of that name, or None."""
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> list[str]:
        """Return the values of all field lines of that name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def text(self) -> str:
        """The body as text, by its charset if CHARSETS has it, else as UTF-8; what cannot be decoded is replaced."""
        found = re.search(r"charset=\"?([A-Za-z0-9_-]{1,40})", self.get("content-type") or "", re.IGNORECASE)
        charset = found[1] if found and CHARSETS.fullmatch(found[1]) else "utf-8"
        try:
            return self.body.decode(charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")
