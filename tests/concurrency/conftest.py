"""Threads that begin together, each with a connection of its own, on whatever database the tests run."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.db import connection

from tests.services.conftest import little_service, production, workers

__all__ = ["little_service", "production", "workers"]

Act = Callable[[], Any]
Together = Callable[[Sequence[Act]], list[Any]]
"""Runs functions at the same moment; returns what each returned or raised, in their order."""

SECONDS = 60
"""How long anything may take before it is said that they wait for each other."""


class Crew:
    """Threads that stay, with their connections, from one round to the next: to connect takes longer than a round."""

    def __init__(self) -> None:
        self._members: list[tuple[threading.Thread, queue.SimpleQueue[Act | None]]] = []

    def together(self, work: Sequence[Act]) -> list[Any]:
        while len(self._members) < len(work):
            inbox: queue.SimpleQueue[Act | None] = queue.SimpleQueue()
            thread = threading.Thread(target=self._live, args=[inbox], daemon=True)
            thread.start()
            self._members.append((thread, inbox))
        barrier = threading.Barrier(len(work))
        results: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        for number, act in enumerate(work):
            self._members[number][1].put(lambda number=number, act=act: results.put((number, _at(barrier, act))))
        try:
            answers = dict(results.get(timeout=SECONDS) for _ in work)
        except queue.Empty:
            raise AssertionError("they wait for each other") from None
        return [answers[number] for number in range(len(work))]

    def leave(self) -> None:
        for _, inbox in self._members:
            inbox.put(None)
        for thread, _ in self._members:
            thread.join(SECONDS)

    def _live(self, inbox: "queue.SimpleQueue[Act | None]") -> None:
        try:
            while (act := inbox.get()) is not None:
                act()
        finally:
            connection.close()


def _at(barrier: threading.Barrier, act: Act) -> Any:
    connection.ensure_connection()
    try:
        barrier.wait(SECONDS)
        return act()
    except Exception as error:
        return error


@pytest.fixture
def together() -> Iterator[Together]:
    crew = Crew()
    yield crew.together
    crew.leave()
