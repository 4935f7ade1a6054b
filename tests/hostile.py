"""A server that says exactly the bytes a test wants, on a real socket."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Handler = Callable[[socket.socket], None]
"""Gets each accepted connection in a thread of its own; the connection is closed when it returns."""


@dataclass
class Hostile:
    port: int
    ended: threading.Event
    """Set when the test is over: a handler that drips or hangs waits on it, so that it never outlives the test."""
    requests: list[bytes] = field(default_factory=list)
    """Head of each request that a handler read with `read_head`."""
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def read_head(self, wire: socket.socket) -> bytes:
        """Read up to the empty line; empty when the client closed."""
        head = b""
        while b"\r\n\r\n" not in head:
            data = wire.recv(65536)
            if not data:
                return b""
            head += data
        self.requests.append(head)
        return head


@contextmanager
def hostile(make_handler: Callable[[Hostile], Handler], tls: ssl.SSLContext | None = None) -> Iterator[Hostile]:
    """Serve connections with a handler until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Hostile(listener.getsockname()[1], threading.Event())
    handler = make_handler(server)
    open_wires: list[socket.socket] = []

    def handle(wire: socket.socket) -> None:
        with contextlib.suppress(OSError):
            wire = tls.wrap_socket(wire, server_side=True) if tls else wire
            open_wires.append(wire)
            handler(wire)
        with contextlib.suppress(OSError):
            wire.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, _ = listener.accept()
                server.connections += 1
                open_wires.append(wire)
                thread = threading.Thread(target=handle, args=(wire,), daemon=True)
                threads.append(thread)
                thread.start()

    threads = [threading.Thread(target=accept, daemon=True)]
    threads[0].start()
    try:
        yield server
    finally:
        server.ended.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        listener.close()
        for wire in open_wires:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()
        for thread in threads:
            thread.join(5)


def answering(*answers: bytes) -> Callable[[Hostile], Handler]:
    """Answer the requests of each connection with these bytes, one after another, then close."""

    def make(server: Hostile) -> Handler:
        def handler(wire: socket.socket) -> None:
            for answer in answers:
                if not server.read_head(wire):
                    return
                wire.sendall(answer)

        return handler

    return make


def dripping(begin: bytes, drop: bytes, seconds: float) -> Callable[[Hostile], Handler]:
    """Send a beginning, then a drop again and again with a pause, for as long as the test lasts."""

    def make(server: Hostile) -> Handler:
        def handler(wire: socket.socket) -> None:
            server.read_head(wire)
            wire.sendall(begin)
            while not server.ended.wait(seconds):
                wire.sendall(drop)

        return handler

    return make


def silent(server: Hostile) -> Handler:
    """Accept, and never say anything."""
    return lambda wire: void(server.ended.wait(60))


def void(_: object) -> None:
    """Drop a value."""
