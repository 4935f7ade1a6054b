"""Running a rollback although a command that will never end still holds the environment's lock."""

from collections.abc import Iterator
from typing import Any

import pytest

from releases.actor import Actor
from releases.errors import Denied
from releases.intake import OverrideSpec
from releases.models import Environment, Event, Rollback
from releases.services import places, rolling_back
from releases.services.commands import keep_rendered
from releases.services.rollbacks import override_lock
from releases.services.rolling_back import run_rollback
from releases.states import Outcome, RollbackStatus
from tests import factory
from tests.little_service import LittleService
from tests.services.conftest import InlineWorkers

pytestmark = pytest.mark.django_db(transaction=True)

SPEC = OverrideSpec(reason="process 4711 hangs on a dead disk")


@pytest.fixture
def cho() -> Actor:
    return factory.actor(factory.on_call())


@pytest.fixture
def rollback(production: Environment, cho: Actor, monkeypatch: pytest.MonkeyPatch) -> Rollback:
    assert cho.user is not None
    monkeypatch.setattr("releases.services.executions.LOCK_SECONDS", 0.1)
    target, live = factory.deployed(production, "2026.11.3"), factory.deployed(production, "2026.11.4")
    digest = keep_rendered(production, target).digest
    return factory.rollback(production, target, live, cho.user, seen_digest=digest, purge_wanted=False)


@pytest.fixture
def held(rollback: Rollback) -> Iterator[None]:
    """A command of yesterday that does not end."""
    lock = places.lock_of(rollback.environment).acquire("deployment D-7")
    yield
    lock.release()


def test_it_waits_and_names_the_holder_until_a_person_decides(
    rollback: Rollback, held: None, little_service: LittleService
) -> None:
    run_rollback(rollback.pk)
    rollback.refresh_from_db()
    assert rollback.status == RollbackStatus.QUEUED
    assert rollback.lock_holder.startswith("deployment D-7 still holds the lock")
    assert little_service.ran == []


def test_whom_it_waits_for_is_said_before_the_worker_gives_up(
    rollback: Rollback, workers: InlineWorkers, little_service: LittleService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says it while the worker still tries, and the rollback goes on by itself once the lock is free."""
    monkeypatch.setattr("releases.services.executions.LOCK_SECONDS", 60)
    lock = places.lock_of(rollback.environment).acquire("deployment D-7")
    said: list[str] = []

    def say_and_free(*given: Any, **named: Any) -> None:
        say(*given, **named)
        said.append(Rollback.objects.values_list("detail", flat=True).get(pk=rollback.pk))
        lock.release()

    say = rolling_back._wait
    monkeypatch.setattr(rolling_back, "_wait", say_and_free)
    run_rollback(rollback.pk)
    assert said[0].startswith("Waiting: deployment D-7 still holds the lock")
    assert little_service.ran == ["2026.11.3"]


def test_a_person_has_it_run_despite_the_lock_and_it_is_measured(
    rollback: Rollback, held: None, cho: Actor, workers: InlineWorkers, little_service: LittleService
) -> None:
    run_rollback(rollback.pk)
    rollback.refresh_from_db()
    assert override_lock(rollback, SPEC, actor=cho)
    workers.work()
    rollback.refresh_from_db()
    assert rollback.outcome == Outcome.RESTORED, rollback.detail
    assert little_service.ran == ["2026.11.3"]


def test_the_book_names_who_why_and_the_holder(
    rollback: Rollback, held: None, cho: Actor, workers: InlineWorkers
) -> None:
    run_rollback(rollback.pk)
    rollback.refresh_from_db()
    override_lock(rollback, SPEC, actor=cho)
    workers.work()
    asked = Event.objects.get(action="rollback:lock_overridden")
    assert (asked.actor, asked.payload["reason"]) == ("Cho Park", SPEC.reason)
    assert "deployment D-7" in asked.payload["details"]["holder"]
    claimed = Event.objects.get(action="rollback:claimed")
    assert "deployment D-7" in claimed.payload["details"]["despite_lock"]


def test_where_the_lock_is_free_there_is_nothing_to_override(rollback: Rollback, cho: Actor) -> None:
    assert not override_lock(rollback, SPEC, actor=cho)
    assert not Event.objects.filter(action="rollback:lock_overridden").exists()


def test_a_second_override_changes_nothing(rollback: Rollback, held: None, cho: Actor) -> None:
    run_rollback(rollback.pk)
    rollback.refresh_from_db()
    assert override_lock(rollback, SPEC, actor=cho)
    assert not override_lock(rollback, SPEC, actor=cho)
    assert Event.objects.filter(action="rollback:lock_overridden").count() == 1


def test_only_who_may_roll_back_may_override(rollback: Rollback) -> None:
    with pytest.raises(Denied):
        override_lock(rollback, SPEC, actor=factory.actor(factory.person("lee", "auditor")))


def test_a_lock_that_was_freed_meanwhile_is_taken_as_always(
    rollback: Rollback, cho: Actor, workers: InlineWorkers, little_service: LittleService
) -> None:
    lock = places.lock_of(rollback.environment).acquire("deployment D-7")
    run_rollback(rollback.pk)
    rollback.refresh_from_db()
    override_lock(rollback, SPEC, actor=cho)
    lock.release()
    workers.work()
    rollback.refresh_from_db()
    assert rollback.outcome == Outcome.RESTORED
    assert Event.objects.get(action="rollback:claimed").payload["details"]["despite_lock"] == ""
