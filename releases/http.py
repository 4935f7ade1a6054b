"""The one door to the network: every request that Rollbook's probes make goes through it.

A `Door` ends every request by the wall clock, bounds everything that a server may send, and connects only to the very
address that it has checked. Nothing else in the project imports httpx or httpcore.

The failures, from the general to the particular (each is one plain sentence):

    DoorError
      RequestRefused          nothing was sent
        InvalidUrl
        AddressRefused        the name leads to an address that is not allowed here
      NameNotResolved
      CouldNotConnect
        TlsFailed
      DeadlineReached         `phase` says what it was waiting for
      ConnectionLost          cut off before the answer was complete
      InvalidAnswer           not HTTP, or not framed as HTTP demands
        TooLarge
        TooManyRedirects
"""

import ipaddress
import queue
import re
import select
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Self
from urllib.parse import quote, urljoin

import certifi
import httpcore

from releases.addresses import Address, IpAddress, parse_url, refused_because

Resolver = Callable[[str, int], Sequence[str]]
"""From host name and port to every IP address of it; raises OSError when there is none."""

USER_AGENT = "Rollbook"
MOST_REDIRECTS = 3
MOST_ADDRESSES_TRIED = 4
READ_BYTES = 64 * 1024
CREDENTIAL_FIELDS = frozenset({"authorization", "cookie", "proxy-authorization"})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
REPEATABLE = frozenset({"GET", "HEAD", "PURGE"})
CHARSETS = re.compile(r"utf-?8|us-ascii|iso-8859-\d{1,2}|latin-?1|windows-125\d|utf-16(le|be)?", re.IGNORECASE)
"""Charsets by which an answer is read. The server names one, and Python knows some that take quadratic time."""
"""Methods that may be sent again when a kept connection turned out to be closed: doing them twice does no more."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class DoorError(Exception):
    """A request that got no usable answer. `str()` of it is one plain sentence without secrets."""


class RequestRefused(DoorError):
    """The request was not made: nothing has been sent."""


class InvalidUrl(RequestRefused):
    """The address or the request itself is not one that HTTP can carry."""


class AddressRefused(RequestRefused):
    """The host is, or resolves to, an address that must not be connected to from here."""


class NameNotResolved(DoorError):
    """The host name has no address."""


class CouldNotConnect(DoorError):
    """No connection to any of the host's addresses."""


class TlsFailed(CouldNotConnect):
    """Connected, but the other side could not prove who it is, or speaks no acceptable TLS."""


class DeadlineReached(DoorError):
    """The time was up."""

    def __init__(self, sentence: str, phase: str) -> None:
        super().__init__(sentence)
        self.phase = phase
        """`resolving`, `connecting`, `TLS handshake`, `sending`, `waiting for the first byte` or `reading`."""


class ConnectionLost(DoorError):
    """The other side closed or reset the connection before the answer was complete."""


class InvalidAnswer(DoorError):
    """What came back is not a valid HTTP answer."""


class TooLarge(InvalidAnswer):
    """Header fields or body exceed their limits."""


class TooManyRedirects(InvalidAnswer):
    """More redirects in a row than allowed."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock by which something must have ended."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """Return the deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left, never less than zero."""
        return max(0.0, self.at - time.monotonic())

    @property
    def reached(self) -> bool:
        return self.remaining() <= 0.0

    def within(self, seconds: float | None) -> "Deadline":
        """Return the earlier of this deadline and that many seconds from now."""
        return self if seconds is None else Deadline(min(self.at, time.monotonic() + seconds))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an answer is taken in, in bytes unless said otherwise."""

    header_bytes: int = 64 * 1024
    header_count: int = 200
    wire_bytes: int = 4 * 1024 * 1024
    """Everything received for one answer, still compressed, framing included."""
    body_bytes: int = 4 * 1024 * 1024
    """The body after decompression."""


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


def system_resolver(host: str, port: int) -> list[str]:
    """Return every address that the machine's resolver knows for a host."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@cache
def shared_tls() -> ssl.SSLContext:
    """Return the one TLS context: making one costs some 20 ms. Verifies against the machine's authorities."""
    paths = ssl.get_default_verify_paths()
    return ssl.create_default_context(cafile=None if paths.cafile or paths.capath else certifi.where())


class Door:
    """Makes requests, one at a time, until its deadline. Close it, or use it in a `with`.

    Not for use by several threads at once. Reads nothing from the environment: no proxies, no netrc.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        deadline: Deadline,
        limits: Limits = Limits(),
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.allow_private = allow_private
        self.deadline = deadline
        self.limits = limits
        self._resolver = resolver
        self._tls = tls
        self._kept: dict[tuple[str, str, int], _Connection] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every kept connection."""
        while self._kept:
            self._kept.popitem()[1].close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes | Upload | None = None,
        timeout: float | None = None,
        redirects: int = 0,
        keep: bool = False,
        truncate: bool = False,
    ) -> Response:
        """Make a request and return its answer, whatever the status; raise a DoorError when there is none.

        Args:
            headers: Fields to send; those that HTTP needs are added.
            body: Sent with its length; of an `Upload` no more once an answer comes. A redirect never takes it to
                another origin: such a one is returned as it is.
            timeout: Seconds for this request, redirects included; the door's deadline holds as well.
            redirects: How many redirects to follow, at most MOST_REDIRECTS; with 0 a redirect is returned as it is.
                Across origins Authorization and Cookie are dropped.
            keep: Use a kept connection to that origin if there is one, and keep the connection for the next request.
            truncate: Return the beginning of a body that is too large, instead of raising TooLarge.
        """
        if not _TOKEN.fullmatch(method):
            raise InvalidUrl(f"{method[:40]!r} is no method")
        deadline = self.deadline.within(timeout)
        follow = min(redirects, MOST_REDIRECTS)
        wanted = _Wanted(method, url, _address_of(url), tuple(_checked_fields(headers)), body, keep, truncate)
        for _ in range(follow + 1):
            response = self._ask(wanted, deadline)
            location = response.get("location")
            if not follow or response.status not in REDIRECTS or location is None:
                return response
            following = wanted.redirected(response.status, location)
            if following is None:
                return response
            wanted = following
        raise TooManyRedirects(f"{wanted.address.place} redirected more than {follow} times in a row")

    def _ask(self, wanted: "_Wanted", deadline: Deadline) -> Response:
        """Make one request on a kept connection if there is a usable one, else on a new one."""
        place = wanted.address.place
        connection = self._kept.pop(wanted.address.origin, None) if wanted.keep else None
        if connection is not None and not connection.usable:
            connection.close()
            connection = None
        if connection is not None:
            exchange = _Exchange(deadline, self.limits, place)
            try:
                return self._exchange(connection, exchange, wanted)
            except ConnectionLost:
                # The server may close a kept connection at any moment: that says nothing about the service, as long
                # as it has not begun to answer and asking twice does no more than asking once.
                if exchange.received or wanted.method not in REPEATABLE:
                    raise
        return self._exchange(_Connection(self, wanted.address), _Exchange(deadline, self.limits, place), wanted)

    def _exchange(self, connection: "_Connection", exchange: "_Exchange", wanted: "_Wanted") -> Response:
        """Send one request over one connection and take in its answer, within all limits."""
        place = wanted.address.place
        reusable = False
        try:
            with _as_door_errors(place):
                answer = connection.send(exchange, wanted)
                try:
                    headers = _checked_headers(answer.headers, self.limits, place)
                    body, truncated = _read_body(answer.iter_stream(), headers, self.limits, place, wanted.truncate)
                finally:
                    answer.close()
            reusable = wanted.keep and not truncated and connection.usable
            return Response(answer.status, headers, body, truncated, exchange.timings(), connection.peer, wanted.url)
        finally:
            if reusable:
                self._kept[wanted.address.origin] = connection
            else:
                connection.close()

    def _connect(self, host: str, port: int, exchange: "_Exchange") -> socket.socket:
        """Connect to the first address of a host that lets us, once all of them were found to be allowed."""
        addresses = _resolve(self._resolver, host, port, exchange)
        for address in addresses:
            if reason := refused_because(address, self.allow_private):
                raise AddressRefused(f"{exchange.place} leads to {address}, {reason}, which is not allowed here")
        failure: OSError | None = None
        tried = addresses[:MOST_ADDRESSES_TRIED]
        for number, address in enumerate(tried):
            family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                # An address that swallows everything must leave time for the next one.
                connection.settimeout(exchange.time_left("connecting") / (len(tried) - number))
                connection.connect((str(address), port))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
            except OSError as error:
                connection.close()
                failure = error
            except BaseException:
                connection.close()
                raise
        if isinstance(failure, TimeoutError):
            raise exchange.deadline_reached("connecting")
        raise CouldNotConnect(f"no connection to {exchange.place}: {_reason(failure)}")

    def tls(self) -> ssl.SSLContext:
        """Return the TLS context of this door."""
        return self._tls or shared_tls()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One request, as checked."""

    method: str
    url: str
    address: Address
    fields: tuple[tuple[str, str], ...]
    body: bytes | Upload | None
    keep: bool
    truncate: bool

    def redirected(self, status: int, location: str) -> "_Wanted | None":
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


class _Exchange:
    """One request and its answer on the wire: deadline, byte count and stamps."""

    def __init__(self, deadline: Deadline, limits: Limits, place: str) -> None:
        self.place = place
        self.received = 0
        self._deadline = deadline
        self._begun = time.monotonic()
        self._most = limits.header_bytes + limits.wire_bytes
        self._connect_began = self._connected = self._sent = self._first = self._last = 0.0

    def time_left(self, phase: str) -> float:
        """Return the seconds left for the next socket call; raise DeadlineReached when there are none."""
        if (left := self._deadline.remaining()) <= 0.0:
            raise self.deadline_reached(phase)
        return left

    def deadline_reached(self, phase: str) -> DeadlineReached:
        seconds = time.monotonic() - self._begun
        return DeadlineReached(f"{self.place} gave no complete answer within {seconds:.1f} s ({phase})", phase)

    def connecting(self) -> None:
        self._connect_began = time.perf_counter()

    def connected(self) -> None:
        self._connected = time.perf_counter()

    def sending(self) -> None:
        self._sent = self._sent or time.perf_counter()

    def got(self, count: int) -> None:
        """Count received bytes and stamp them; raise TooLarge beyond the limit."""
        self._last = time.perf_counter()
        self._first = self._first or self._last
        self.received += count
        if self.received > self._most:
            raise TooLarge(f"{self.place} sent more than {self._most} bytes")

    def timings(self) -> Timings:
        return Timings(
            connect_ms=(self._connected - self._connect_began) * 1000,
            first_byte_ms=(self._first - self._sent) * 1000,
            total_ms=(self._last - self._sent) * 1000,
        )


class _Connection(httpcore.NetworkBackend):
    """One connection to one origin. Is its own network backend, so that every socket call is bounded and stamped."""

    def __init__(self, door: Door, address: Address) -> None:
        self._door = door
        self._exchange: _Exchange
        self.stream: _Stream
        """The stream that is in use: the plain one, or the secured one around it."""
        self.peer = ""
        origin = httpcore.Origin(address.scheme.encode(), address.host.encode(), address.port)
        self._http = httpcore.HTTPConnection(
            origin,
            ssl_context=door.tls() if address.scheme == "https" else None,
            http1=True,
            http2=False,
            network_backend=self,
        )

    @property
    def usable(self) -> bool:
        return self._http.is_idle() and self._http.is_available() and not self._http.has_expired()

    def send(self, exchange: _Exchange, wanted: _Wanted) -> httpcore.Response:
        self._exchange = exchange
        address = wanted.address
        url = httpcore.URL(
            scheme=address.scheme.encode(),
            host=address.host.encode(),
            port=address.port,
            target=address.target.encode(),
        )
        fields = wanted.complete_fields()
        body = self._pieces(wanted.body) if isinstance(wanted.body, Upload) else wanted.body
        request = httpcore.Request(wanted.method.encode("ascii"), url, headers=fields, content=body)
        return self._http.handle_request(request)

    def _pieces(self, upload: Upload) -> Iterator[bytes]:
        """Yield the pieces of a body until the other side answers, which httpcore reads after a WriteError."""
        for number, piece in enumerate(upload.pieces):
            if self.stream.answers_within(upload.pauses.get(number, 0.0)):
                raise httpcore.WriteError("it answered before the body was sent")
            upload.sent += len(piece)
            yield piece

    def close(self) -> None:
        self._http.close()

    @property
    def exchange(self) -> _Exchange:
        return self._exchange

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self._exchange.connecting()
        connection = self._door._connect(host, port, self._exchange)
        self.peer = "{}:{}".format(*connection.getpeername()[:2])
        self._exchange.connected()
        return _Stream(self, connection)


class _Stream(httpcore.NetworkStream):
    """A socket whose every call gets the time that is left, not a time of its own."""

    def __init__(self, connection: _Connection, wire: socket.socket) -> None:
        self._connection = connection
        self._wire = wire
        self._early: bytes | None = None
        """What arrived while a body was being sent; empty when the other side closed."""
        connection.stream = self

    def answers_within(self, seconds: float) -> bool:
        """Return whether an answer, or the end, comes while a body is being sent. What TLS says for itself is none."""
        exchange = self._connection.exchange
        until = time.monotonic() + seconds
        while self._early is None:
            left = max(0.0, min(until - time.monotonic(), exchange.time_left("sending")))
            if not _has_unread(self._wire, left):
                return False
            self._wire.settimeout(0)
            try:
                self._early = self._wire.recv(READ_BYTES)
            except (ssl.SSLWantReadError, BlockingIOError):
                continue
            except OSError as error:
                raise httpcore.WriteError(_reason(error)) from None
            exchange.got(len(self._early))
        return True

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._early is not None:
            data, self._early = self._early[:max_bytes], self._early[max_bytes:] or None
            return data
        exchange = self._connection.exchange
        phase = "reading" if exchange.received else "waiting for the first byte"
        self._wire.settimeout(exchange.time_left(phase))
        try:
            data = self._wire.recv(max_bytes)
        except TimeoutError:
            raise exchange.deadline_reached(phase) from None
        except OSError as error:
            raise httpcore.ReadError(_reason(error)) from None
        if data:
            exchange.got(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        exchange = self._connection.exchange
        rest = memoryview(buffer)
        while rest:
            self._wire.settimeout(exchange.time_left("sending"))
            exchange.sending()
            try:
                rest = rest[self._wire.send(rest) :]
            except TimeoutError:
                raise exchange.deadline_reached("sending") from None
            except OSError as error:
                # httpcore goes on to read after a WriteError: a server may refuse a body before it was sent whole.
                raise httpcore.WriteError(_reason(error)) from None

    def close(self) -> None:
        self._wire.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        exchange = self._connection.exchange
        try:
            # CPython counts the timeout of a handshake over the whole of it, not per read.
            self._wire.settimeout(exchange.time_left("TLS handshake"))
            secured = ssl_context.wrap_socket(self._wire, server_hostname=server_hostname)
        except TimeoutError:
            self.close()
            raise exchange.deadline_reached("TLS handshake") from None
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise TlsFailed(f"{exchange.place} showed no valid certificate: {error.verify_message}") from None
        except OSError as error:
            self.close()
            raise TlsFailed(f"TLS with {exchange.place} failed: {_reason(error)}") from None
        exchange.connected()
        return _Stream(self._connection, secured)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return _has_unread(self._wire)
        if info == "ssl_object":
            return self._wire if isinstance(self._wire, ssl.SSLSocket) else None
        return None


class _as_door_errors:
    """Turn httpcore's exceptions into ours."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, httpcore.LocalProtocolError):
            raise InvalidUrl(f"the request to {self._place} is not one that HTTP can carry: {error}") from None
        if isinstance(error, httpcore.RemoteProtocolError):
            sentence = str(error)
            # h11's and httpcore's words for an end of file in the wrong place.
            if "disconnected" in sentence or "closed connection" in sentence:
                raise ConnectionLost(f"{self._place} closed the connection before its answer was complete") from None
            raise InvalidAnswer(f"{self._place} sent no valid HTTP answer: {sentence[:200]}") from None
        if isinstance(error, httpcore.NetworkError):
            raise ConnectionLost(f"the connection to {self._place} was lost: {error}") from None


def _resolve(resolver: Resolver, host: str, port: int, exchange: _Exchange) -> list[IpAddress]:
    """Return the addresses of a host; the deadline holds although the system's resolver knows none."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    answers: queue.SimpleQueue[Sequence[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    # A daemon: it may outlive the request by as long as the system's resolver takes, and holds nothing meanwhile.
    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    try:
        found = answers.get(timeout=exchange.time_left("resolving"))
    except queue.Empty:
        raise exchange.deadline_reached("resolving") from None
    if isinstance(found, Exception) or not found:
        reason = _reason(found) if isinstance(found, OSError) else "no address"
        raise NameNotResolved(f"the name {host} could not be resolved: {reason}")
    try:
        return [ipaddress.ip_address(text.partition("%")[0]) for text in dict.fromkeys(found)]
    except ValueError:
        raise NameNotResolved(f"the name {host} resolved to something that is no address") from None


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


def _checked_headers(raw: list[tuple[bytes, bytes]], limits: Limits, place: str) -> tuple[tuple[str, str], ...]:
    if len(raw) > limits.header_count or sum(len(name) + len(value) + 4 for name, value in raw) > limits.header_bytes:
        raise TooLarge(
            f"{place} sent more than {limits.header_count} header fields or {limits.header_bytes} bytes of them"
        )
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
    names = [name.lower() for name, _ in headers]
    if "transfer-encoding" in names and "content-length" in names:
        # RFC 9112 section 6.3: ought to be handled as an error, it may be an attempt at response splitting.
        raise InvalidAnswer(f"{place} sent invalid framing: both Content-Length and Transfer-Encoding")
    return headers


def _read_body(
    chunks: Iterator[bytes], headers: tuple[tuple[str, str], ...], limits: Limits, place: str, truncate: bool
) -> tuple[bytes, bool]:
    """Return the decompressed body, and whether it was cut at the limit."""
    decode = _decoder(headers, place)
    body = bytearray()
    try:
        for chunk in chunks:
            # One byte over the limit tells a body that just fits from one that does not.
            body += decode(chunk, limits.body_bytes + 1 - len(body))
            if len(body) > limits.body_bytes:
                raise TooLarge(f"{place} sent a body larger than {limits.body_bytes} bytes")
    except TooLarge:
        if not truncate:
            raise
        return bytes(body[: limits.body_bytes]), True
    except zlib.error as error:
        raise InvalidAnswer(f"{place} sent a body that cannot be decompressed: {error}") from None
    return bytes(body), False


def _decoder(headers: tuple[tuple[str, str], ...], place: str) -> Callable[[bytes, int], bytes]:
    """Return the function that decodes up to a number of bytes. Only what was asked for is understood: gzip."""
    lines = ",".join(value for name, value in headers if name.lower() == "content-encoding")
    codings = [coding.strip().lower() for coding in lines.split(",") if coding.strip().lower() not in ("", "identity")]
    if not codings:
        return lambda chunk, most: chunk[:most]
    if codings not in (["gzip"], ["x-gzip"]):
        raise InvalidAnswer(f"{place} sent a body encoded as {', '.join(codings)[:80]}, which was not asked for")
    return zlib.decompressobj(wbits=31).decompress


def _redirect_target(url: str, location: str) -> str:
    # Servers put raw UTF-8 into Location; a request line takes ASCII only.
    target = quote(location.strip().encode("latin-1"), safe="%/:?#[]@!$&'()*+,;=~")
    try:
        return urljoin(url, target).partition("#")[0]
    except ValueError:
        raise InvalidUrl(f"the redirect to {location[:80]!r} leads nowhere") from None


def _has_unread(wire: socket.socket, seconds: float = 0.0) -> bool:
    """Return whether something arrives, or the other side closes, within so many seconds."""
    poll = select.poll()
    poll.register(wire.fileno(), select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _reason(error: OSError | None) -> str:
    if error is None:
        return "no address"
    return error.strerror or str(error) or type(error).__name__
