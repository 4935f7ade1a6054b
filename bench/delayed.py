"""A server whose answers take a known time: `GET /50` is answered 50 ms after the request was read.

Run as a process of its own (`python -m bench.delayed`); prints its port. The last millisecond is spent looking at the
clock, since a sleep alone comes back up to a tenth of a millisecond late.
"""

import contextlib
import re
import socket
import threading
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nok"
_DELAY = re.compile(rb"GET /(\d{1,4})")
SPIN = 0.001
"""Seconds before the answer from which on it looks at the clock."""


def serve(wire: socket.socket) -> None:
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with wire, contextlib.suppress(ConnectionError):  # wrk resets its connections when its time is up
        while head := wire.recv(65536):
            answer_at = time.perf_counter() + _delay(head)
            if (sleep := answer_at - time.perf_counter() - SPIN) > 0:
                time.sleep(sleep)
            while time.perf_counter() < answer_at:
                pass
            wire.sendall(ANSWER)


def _delay(head: bytes) -> float:
    found = _DELAY.match(head)
    return int(found[1]) / 1000 if found else 0.0


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            wire, _ = listener.accept()
            threading.Thread(target=serve, args=(wire,), daemon=True).start()


if __name__ == "__main__":
    main()
