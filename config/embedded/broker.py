"""The broker that needs no server: fakeredis behind a TCP port of this machine, in memory only.

`python -m config.embedded.broker PORT` serves until it is told to end by TERM or INT. What it forgets when it ends, the
sweep queues again from the rows.
"""

import signal
import sys
import threading
from types import FrameType
from typing import Any

from fakeredis import TcpFakeServer
from fakeredis._clients._tcp_server import TCPFakeRequestHandler
from redis.exceptions import ResponseError


class BrokerHandler(TCPFakeRequestHandler):
    """A connection as Celery wants. The class is private to fakeredis: its version is pinned, and tests cover this."""

    disable_nagle_algorithm = True
    """Else an answer waits for the client's delayed acknowledgement: 21 tasks a second instead of 273."""

    def setup(self) -> None:
        """Answer an error and stay connected, as Redis does.

        fakeredis ends the connection after every error. "No such script" is one, and a client told so sends the
        script on the same connection: the first message after each start of the broker would be lost.
        """
        super().setup()
        read = self.current_client.read_response

        def read_response(**options: Any) -> Any:
            try:
                return read(**options)
            except ResponseError as error:
                return error

        self.current_client.read_response = read_response  # type: ignore[method-assign]


class Broker(TcpFakeServer):
    """A fakeredis server on loopback. Raises OSError when the port is taken."""

    request_queue_size = 128
    """Connections that may wait to be accepted; the default of 5 makes a burst of clicks wait a second each."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port))
        self.RequestHandlerClass = BrokerHandler
        # A client that stays connected must not keep the process from ending.
        self.daemon_threads = True


def main(arguments: list[str]) -> int:
    """Serve on the port given as the only argument; returns the exit status."""
    if len(arguments) != 1 or not arguments[0].isdecimal() or not 0 < int(arguments[0]) < 65536:
        print("usage: python -m config.embedded.broker PORT (1 to 65535)", file=sys.stderr)
        return 2
    port = int(arguments[0])
    try:
        broker = Broker(port)
    except OSError as error:
        print(f"The broker cannot listen on 127.0.0.1:{port}: {error.strerror}.", file=sys.stderr)
        return 1

    def end(number: int, frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever(), which runs in this very thread.
        threading.Thread(target=broker.shutdown).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with broker:
        broker.serve_forever(poll_interval=0.1)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
