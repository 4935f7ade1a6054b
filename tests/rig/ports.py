"""Free ports on loopback, below the range from which the system takes the ports of outgoing connections."""

import itertools
import os
import random
import socket
from collections.abc import Iterator, Sequence

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_SLICE = 1500
"""Ports for each worker of one test run, so that two workers never find the same one free."""
_FIRST = 20000 + (_WORKER % 8) * _SLICE


def _candidates() -> Iterator[int]:
    start = random.randrange(_SLICE)
    return (_FIRST + (start + n) % _SLICE for n in itertools.count())


_next = _candidates()


def free_port() -> int:
    """Return a port that nobody listens on, and that this run has not handed out lately."""
    return free_block([0])


def free_block(offsets: Sequence[int]) -> int:
    """Return a port for which all of `port + offset` are free."""
    for _ in range(_SLICE):
        port = next(_next)
        if all(_is_free(port + offset) for offset in offsets):
            return port
    raise RuntimeError(f"no free ports at the offsets {list(offsets)} from {_FIRST} on")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Tell whether something on this machine accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
