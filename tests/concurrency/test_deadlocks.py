"""Two sessions that want the same rows in opposite order: the one that is ended does all of its work again."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from django.db import connection, transaction
from django.test import Client

from releases.actor import Actor
from releases.errors import Busy
from releases.intake import RollbackSpec
from releases.models import BookHead, Deployment, Environment, Event, Freeze, IdempotencyKey, Rollback
from releases.services import pressing, retrying
from tests import factory
from tests.rig.waiting import wait_until
from tests.services.conftest import InlineWorkers

pytestmark = pytest.mark.django_db(transaction=True)

Story = tuple[Environment, Deployment, Deployment]


@pytest.fixture
def story() -> Story:
    BookHead.objects.get_or_create(pk=1)
    return factory.story()


@pytest.fixture
def cho() -> Actor:
    return factory.actor(factory.on_call())


def press(story: Story, actor: Actor) -> Rollback:
    _, target, live = story
    spec = RollbackSpec(service="archive", environment="production", live=live.pk, target=target.pk, reason="users")
    return pressing.press(spec, actor=actor, key="form-1")


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def somebody_waits() -> bool:
    """Whether somebody in this database waits for a lock; other tests use the same server."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with connection.cursor() as cursor:
        cursor.execute(waiting)
        return bool(cursor.fetchone()[0])


@contextmanager
def in_the_way(place: Environment, times: int) -> Iterator[None]:
    """Hold the head of the book in another session, and ask there for the environment once a press waits for the head.

    The press holds the environment by then: a deadlock, as often as asked for. PostgreSQL ends the session that looks
    first, which is the press; this one is patient.
    """
    holds = threading.Event()
    failed: list[BaseException] = []

    def act() -> None:
        try:
            with transaction.atomic():
                execute("SET LOCAL deadlock_timeout = '60s'")
                BookHead.objects.select_for_update().get(pk=1)
                holds.set()
                for _ in range(times):
                    wait_until(somebody_waits, 20, "nobody waits for the head of the book")
                    point = transaction.savepoint()
                    Environment.objects.select_for_update(of=("self",), no_key=True).get(pk=place.pk)
                    transaction.savepoint_rollback(point)
        except BaseException as error:
            failed.append(error)
        finally:
            holds.set()
            connection.close()

    thread = threading.Thread(target=act)
    thread.start()
    assert holds.wait(20)
    try:
        yield
    finally:
        thread.join(90)
    assert failed == []


@pytest.fixture
def impatient() -> Iterator[None]:
    """Have PostgreSQL look for a deadlock after this session has waited for half a second instead of one."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, so two never wait for each other")
    execute("SET deadlock_timeout = '500ms'")
    yield
    execute("RESET deadlock_timeout")


def nothing_is_written() -> bool:
    return not any(model.objects.exists() for model in (Rollback, Freeze, IdempotencyKey, Event))


@pytest.mark.usefixtures("impatient")
def test_a_press_that_met_a_deadlock_is_done_again_as_a_whole(
    story: Story, cho: Actor, workers: InlineWorkers, caplog: pytest.LogCaptureFixture
) -> None:
    """B19"""
    with in_the_way(story[0], times=1):
        rollback = press(story, cho)
    assert caplog.messages[0].startswith("press met another transaction, attempt 1 of 3: deadlock detected")
    assert Rollback.objects.get() == rollback
    assert Freeze.objects.count() == IdempotencyKey.objects.count() == 1
    assert Event.objects.filter(action="rollback:pressed").count() == 1
    assert list(workers.knocked) == [("run_rollback", "act.archive.production", rollback.pk)]


@pytest.mark.usefixtures("impatient")
def test_a_press_that_met_a_deadlock_three_times_is_given_up_and_has_written_nothing(
    story: Story, cho: Actor, workers: InlineWorkers
) -> None:
    """B19"""
    with in_the_way(story[0], times=retrying.ATTEMPTS), pytest.raises(Busy) as refused:
        press(story, cho)
    assert refused.value.problems[0].sentence.endswith("Safe to try again.")
    assert nothing_is_written()
    assert not workers.knocked
    assert press(story, cho) == Rollback.objects.get()


@contextmanager
def held_by_another() -> Iterator[sqlite3.Connection]:
    """Hold the one lock for writing in another connection; ours does not wait for it."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL locks rows")
    execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield other
        finally:
            if other.in_transaction:
                other.rollback()
            execute("PRAGMA busy_timeout = 20000")


def test_a_press_that_finds_the_database_locked_is_done_again(
    story: Story, cho: Actor, workers: InlineWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B19"""
    with held_by_another() as other:
        monkeypatch.setattr(retrying, "_pause", lambda attempt: other.rollback())
        rollback = press(story, cho)
    assert Rollback.objects.get() == rollback
    assert list(workers.knocked) == [("run_rollback", "act.archive.production", rollback.pk)]


def test_a_page_says_that_the_database_is_busy_and_keeps_the_words(story: Story, client: Client) -> None:
    """B19"""
    _, target, live = story
    client.force_login(factory.on_call())
    form = {"live": live.pk, "target": target.pk, "reason": "users", "words": "leak in the list"}
    with held_by_another():
        answer = client.post("/s/archive/production/rollback", form)
    said = answer.content.decode()
    assert answer.status_code == 503
    assert "nothing was changed" in said
    assert "Safe to try again." in said
    assert "leak in the list" in said
    assert nothing_is_written()
