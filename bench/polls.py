"""What open boards cost on which nothing changes: asked at the true rate, beside a bare 304 of the same server."""

import http.client
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.served import Served, ask

BOARDS = 500
PAUSE = 2.0
"""Seconds between two questions of one board, the shortest there is."""
WIRES = 2
"""Connections that all boards share: what keeping five hundred open costs is no matter of the pages."""
SECONDS = 4.0
ROUNDS = 6
"""Stretches of each kind, in turn, so that whatever else the machine does meets both."""


@dataclass
class Asked:
    """One address that all boards ask for, and what the answers took."""

    name: str
    address: str
    status: int
    spent: float = 0.0
    answers: int = 0
    seconds: float = 0.0

    @property
    def milliseconds(self) -> float:
        """CPU of an answer, the database's included."""
        return self.spent / self.answers

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


def measured(served: Served, sessions: Sequence[str], kinds: Sequence[Asked]) -> None:
    """Let every board ask in its turn, each with a session of its own."""
    wires = [served.wire() for _ in range(WIRES)]
    for asked in kinds:
        _stretch(served, wires, sessions, asked, 1.0)
        asked.spent, asked.answers, asked.seconds = 0.0, 0, 0.0
    for _ in range(ROUNDS):
        for asked in kinds:
            _stretch(served, wires, sessions, asked, SECONDS)
    for wire in wires:
        wire.close()


def _stretch(
    served: Served, wires: Sequence[http.client.HTTPConnection], sessions: Sequence[str], asked: Asked, seconds: float
) -> None:
    served.spent.find()
    before, began = served.spent.milliseconds(), time.perf_counter()
    number = 0
    while (passed := time.perf_counter() - began) < seconds:
        due = number * PAUSE / BOARDS
        if due > passed:
            time.sleep(due - passed)
        ask(wires[number % len(wires)], asked.address, sessions[number % len(sessions)], asked.status)
        number += 1
    asked.seconds += time.perf_counter() - began
    served.spent.find()  # a session of the database that began meanwhile
    asked.spent += served.spent.milliseconds() - before
    asked.answers += number
