"""What the tests of the door share."""

import socket
import ssl
import time
from pathlib import Path

from releases.http import (
    Limits,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SMALL = Limits(header_bytes=8_000, header_count=50, wire_bytes=200_000, body_bytes=100_000)


def tls_server(certificates: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return context


class full_backlog:
    """A port that listens, but whose queue of connections is full: nothing more gets in."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = socket.create_server((host, port), backlog=0)
        self._waiting = [socket.socket() for _ in range(4)]

    def __enter__(self) -> int:
        address = self._listener.getsockname()
        for wire in self._waiting:
            wire.setblocking(False)
            wire.connect_ex(address)
        time.sleep(0.05)  # nothing tells when the kernel has put them into the queue
        return int(address[1])

    def __exit__(self, *_: object) -> None:
        for wire in (*self._waiting, self._listener):
            wire.close()
