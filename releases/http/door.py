"""Making requests, one at a time, until a deadline."""

import ssl
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Self

import certifi

from releases.http.answers import as_door_errors, checked_headers, read_body
from releases.http.connecting import Resolver, connect, system_resolver
from releases.http.connection import Connection
from releases.http.deadline import Deadline
from releases.http.errors import ConnectionLost, TooManyRedirects
from releases.http.exchange import USUAL_LIMITS, Exchange, Limits
from releases.http.messages import Response, Upload
from releases.http.wanted import REPEATABLE, Wanted

MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})


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
        limits: Limits = USUAL_LIMITS,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.allow_private = allow_private
        self.deadline = deadline
        self.limits = limits
        self._tls = tls
        self._connect = partial(connect, resolver=resolver, allow_private=allow_private)
        self._kept: dict[tuple[str, str, int], Connection] = {}

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
        deadline = self.deadline.within(timeout)
        follow = min(redirects, MOST_REDIRECTS)
        wanted = Wanted.of(method, url, headers, body, keep=keep, truncate=truncate)
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

    def _ask(self, wanted: Wanted, deadline: Deadline) -> Response:
        """Make one request on a kept connection if there is a usable one, else on a new one."""
        place = wanted.address.place
        connection = self._kept.pop(wanted.address.origin, None) if wanted.keep else None
        if connection is not None and not connection.usable:
            connection.close()
            connection = None
        if connection is not None:
            exchange = Exchange(deadline, self.limits, place, sends_body=wanted.body is not None)
            try:
                return self._exchange(connection, exchange, wanted)
            except ConnectionLost:
                # The server may close a kept connection at any moment: that says nothing about the service, as long
                # as it has not begun to answer and asking twice does no more than asking once.
                if exchange.received or wanted.method not in REPEATABLE:
                    raise
        connection = Connection(wanted.address, self._connect, self._tls_for(wanted))
        return self._exchange(
            connection, Exchange(deadline, self.limits, place, sends_body=wanted.body is not None), wanted
        )

    def _exchange(self, connection: Connection, exchange: Exchange, wanted: Wanted) -> Response:
        """Send one request over one connection and take in its answer, within all limits."""
        place = wanted.address.place
        reusable = False
        try:
            with as_door_errors(place):
                answer = connection.send(exchange, wanted)
                try:
                    headers = checked_headers(answer.headers, self.limits, place)
                    body, truncated = read_body(answer.iter_stream(), headers, self.limits, place, wanted.truncate)
                finally:
                    answer.close()
            reusable = wanted.keep and not truncated and connection.usable
            return Response(answer.status, headers, body, truncated, exchange.timings(), connection.peer, wanted.url)
        finally:
            if reusable:
                self._kept[wanted.address.origin] = connection
            else:
                connection.close()

    def _tls_for(self, wanted: Wanted) -> ssl.SSLContext | None:
        return (self._tls or shared_tls()) if wanted.address.scheme == "https" else None
