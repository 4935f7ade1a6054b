"""The book under many writers: one chain, no number twice, and it can be verified meanwhile."""

import threading

import pytest
from django.db import connection

from releases.actor import worker
from releases.book import Flaw, Tag, record, verify
from releases.models import BookHead, Event
from tests.concurrency.conftest import Together

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, EACH = 8, 25


def write() -> None:
    for number in range(EACH):
        record(Tag.CATALOGUE_SYNCED, worker(), number=number)


def test_eight_writers_make_one_chain(together: Together) -> None:
    assert together([write] * WRITERS) == [None] * WRITERS
    assert list(Event.objects.values_list("seq", flat=True)) == list(range(1, WRITERS * EACH + 1))
    assert Event.objects.values("previous").distinct().count() == WRITERS * EACH
    assert verify() is None


def test_a_book_that_is_written_meanwhile_holds_at_every_look(together: Together) -> None:
    looks: list[Flaw | None] = []
    written = threading.Event()

    def look() -> None:
        while not written.is_set():
            looks.append(verify())

    watcher = threading.Thread(target=lambda: (look(), connection.close()))
    watcher.start()
    try:
        together([write] * 4)
    finally:
        written.set()
        watcher.join(60)
    assert set(looks) == {None}
    assert BookHead.objects.get().seq == 4 * EACH
