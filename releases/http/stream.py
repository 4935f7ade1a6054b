"""A socket whose every call is bounded by the time that is left, and stamped."""

import select
import socket
import ssl
import time
from typing import Any

import httpcore

from releases.http.errors import TlsFailed, reason
from releases.http.exchange import Exchange

READ_BYTES = 64 * 1024


class Stream(httpcore.NetworkStream):
    """A connected socket, plain or with TLS. Every call gets the time that is left, not a time of its own."""

    def __init__(self, wire: socket.socket, exchange: Exchange) -> None:
        self._wire = wire
        self.exchange = exchange
        """What it is used for now; a connection that was kept has a new one for each request."""
        self._early: bytes | None = None
        """What arrived before httpcore asked for it; empty when the other side closed."""

    def answers_within(self, seconds: float) -> bool:
        """Return whether an answer, or the end, comes while a body is being sent. What TLS says for itself is none."""
        exchange = self.exchange
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
                raise httpcore.WriteError(reason(error)) from None
            exchange.got(len(self._early))
        return True

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._early is not None:
            data, self._early = self._early[:max_bytes], self._early[max_bytes:] or None
            return data
        return self._receive(max_bytes)

    def _receive(self, max_bytes: int) -> bytes:
        exchange = self.exchange
        phase = "reading" if exchange.received else "waiting for the first byte"
        self._wire.settimeout(exchange.time_left(phase))
        try:
            data = self._wire.recv(max_bytes)
        except TimeoutError:
            raise exchange.deadline_reached(phase) from None
        except OSError as error:
            raise httpcore.ReadError(reason(error)) from None
        if data:
            exchange.got(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        exchange = self.exchange
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
                raise httpcore.WriteError(reason(error)) from None
        if buffer and not exchange.sends_body:
            # The answer is waited for at once, not when httpcore asks for it: the kernel likes to wake a server on the
            # CPU of whoever sent to it, where it would wait for our Python, and its time would seem 50 µs longer.
            self._early = self._receive(READ_BYTES)

    def close(self) -> None:
        self._wire.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on over TLS, in place of the plain socket."""
        exchange = self.exchange
        try:
            # CPython counts the timeout of a handshake over the whole of it, not per read.
            self._wire.settimeout(exchange.time_left("TLS handshake"))
            self._wire = ssl_context.wrap_socket(self._wire, server_hostname=server_hostname)
        except TimeoutError:
            self.close()
            raise exchange.deadline_reached("TLS handshake") from None
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise TlsFailed(f"{exchange.place} showed no valid certificate: {error.verify_message}") from None
        except OSError as error:
            self.close()
            raise TlsFailed(f"TLS with {exchange.place} failed: {reason(error)}") from None
        exchange.connected()
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return _has_unread(self._wire)
        if info == "ssl_object":
            return self._wire if isinstance(self._wire, ssl.SSLSocket) else None
        return None


def _has_unread(wire: socket.socket, seconds: float = 0.0) -> bool:
    """Return whether something arrives, or the other side closes, within so many seconds."""
    poll = select.poll()
    poll.register(wire.fileno(), select.POLLIN)
    return bool(poll.poll(seconds * 1000))
