"""One connection to one origin, by httpcore's HTTP/1.1 on our own sockets."""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore

from releases.addresses import Address
from releases.http.exchange import Exchange
from releases.http.messages import Upload
from releases.http.stream import Stream
from releases.http.wanted import Wanted

Connect = Callable[[str, int, Exchange], socket.socket]


class Connection(httpcore.NetworkBackend):
    """One connection to one origin. Is its own network backend, so that every socket call is bounded and stamped."""

    def __init__(self, address: Address, connect: Connect, tls: ssl.SSLContext | None) -> None:
        """Make one that is not connected yet.

        Args:
            address: Whom it leads to.
            connect: Makes the socket, of the host and port and for the exchange given.
            tls: Context for https; None for http.
        """
        self._connect = connect
        self._exchange: Exchange
        self._stream: Stream | None = None
        self.peer = ""
        origin = httpcore.Origin(address.scheme.encode(), address.host.encode(), address.port)
        self._http = httpcore.HTTPConnection(
            origin,
            ssl_context=tls,
            http1=True,
            http2=False,
            network_backend=self,
        )

    @property
    def usable(self) -> bool:
        return self._http.is_idle() and self._http.is_available() and not self._http.has_expired()

    def send(self, exchange: Exchange, wanted: Wanted) -> httpcore.Response:
        """Send a request and return the beginning of its answer. Raises what httpcore raises, or a DoorError."""
        self._exchange = exchange
        if self._stream is not None:
            self._stream.exchange = exchange
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
        assert self._stream is not None, "httpcore connects before it sends"
        for number, piece in enumerate(upload.pieces):
            if self._stream.answers_within(upload.pauses.get(number, 0.0)):
                raise httpcore.WriteError("it answered before the body was sent")
            upload.sent += len(piece)
            yield piece

    def close(self) -> None:
        self._http.close()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self._exchange.connecting()
        wire = self._connect(host, port, self._exchange)
        self.peer = "{}:{}".format(*wire.getpeername()[:2])
        self._exchange.connected()
        self._stream = Stream(wire, self._exchange)
        return self._stream
