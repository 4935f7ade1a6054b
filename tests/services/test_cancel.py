"""Cancelling a rollback that nobody has claimed."""

import pytest
from django.utils import timezone

from releases.actor import Actor
from releases.errors import Denied
from releases.intake import RollbackSpec
from releases.models import Environment, Event, Freeze, Release, Rollback
from releases.services import rolling_back
from releases.services.pressing import press
from releases.services.rollbacks import cancel
from releases.states import RollbackStatus
from tests import factory
from tests.services.conftest import InlineWorkers, LittleService

pytestmark = pytest.mark.django_db


@pytest.fixture
def cho() -> Actor:
    return factory.actor(factory.on_call())


def press_in(place: Environment, actor: Actor) -> Rollback:
    target, live = factory.deployed(place, "2026.11.3"), factory.deployed(place, "2026.11.4")
    spec = RollbackSpec(
        service="archive", environment="production", live=live.pk, target=target.pk, reason="slow", words="p95"
    )
    return press(spec, actor=actor)


@pytest.fixture
def queued(cho: Actor) -> Rollback:
    return press_in(factory.environment(), cho)


def test_a_queued_rollback_is_cancelled(queued: Rollback, cho: Actor) -> None:
    assert cancel(queued, actor=cho)
    queued.refresh_from_db()
    assert (queued.status, queued.detail) == (RollbackStatus.CANCELLED, "Cancelled by Cho Park; nothing ran.")
    assert queued.ended_at is not None


def test_the_freeze_and_the_bad_mark_of_the_press_are_taken_back(queued: Rollback, cho: Actor) -> None:
    cancel(queued, actor=cho)
    freeze = Freeze.objects.get()
    assert (freeze.lifted_by, freeze.lift_reason) == ("Cho Park", f"{queued.tag} was cancelled before anything ran")
    assert not Release.objects.get(version="2026.11.4").bad


def test_the_book_says_all_of_it(queued: Rollback, cho: Actor) -> None:
    cancel(queued, actor=cho)
    newest = list(Event.objects.order_by("-seq").values_list("action", flat=True)[:3])
    assert newest == ["rollback:cancelled", "release:unmarked_bad", "environment:freeze_lifted"]


def test_the_book_says_what_was_before_and_after(queued: Rollback, cho: Actor) -> None:
    cancel(queued, actor=cho)
    lifted, unmarked, cancelled = (event.payload["details"] for event in Event.objects.order_by("seq")[3:])
    assert (cancelled["before"], cancelled["after"]) == ({"status": "queued"}, {"status": "cancelled"})
    assert lifted["before"]["frozen_because"] == f"{queued.tag}: Too slow: p95"
    assert (lifted["before"]["frozen_by"], lifted["after"]) == ("Cho Park", {"lifted_by": "Cho Park"})
    assert (unmarked["before"]["bad_by"], unmarked["after"]["bad_by"]) == ("Cho Park", "")


def test_a_freeze_that_was_there_before_stays(cho: Actor) -> None:
    place = factory.environment()
    Freeze.objects.create(environment=place, reason="inventory", frozen_by="Ana Ruiz", frozen_at=timezone.now())
    cancel(press_in(place, cho), actor=cho)
    assert Freeze.objects.get().lifted_at is None


def test_a_bad_mark_that_was_there_before_stays(cho: Actor) -> None:
    place = factory.environment()
    factory.release(place.service, "2026.11.4", bad_since=timezone.now(), bad_reason="RB-0: slow", bad_by="Ana Ruiz")
    cancel(press_in(place, cho), actor=cho)
    assert Release.objects.get(version="2026.11.4").bad_by == "Ana Ruiz"


@pytest.mark.parametrize("status", [status for status in RollbackStatus if status is not RollbackStatus.QUEUED])
def test_one_that_was_claimed_or_has_ended_is_not_cancelled(
    queued: Rollback, cho: Actor, status: RollbackStatus
) -> None:
    Rollback.objects.update(status=status)
    assert not cancel(queued, actor=cho)
    queued.refresh_from_db()
    assert queued.status == status
    assert Freeze.objects.get().lifted_at is None
    assert not Event.objects.filter(action="rollback:cancelled").exists()


def test_cancelling_twice_is_cancelling_once(queued: Rollback, cho: Actor) -> None:
    assert [cancel(queued, actor=cho), cancel(queued, actor=cho)] == [True, False]
    assert Event.objects.filter(action="rollback:cancelled").count() == 1


def test_whoever_may_not_roll_back_may_not_cancel_either(queued: Rollback) -> None:
    with pytest.raises(Denied):
        cancel(queued, actor=factory.actor(factory.person("lee", "auditor")))


def test_another_one_can_be_pressed_afterwards(queued: Rollback, cho: Actor) -> None:
    cancel(queued, actor=cho)
    spec = RollbackSpec(
        service="archive", environment="production", live=queued.undone_id, target=queued.target_id, reason="slow"
    )
    assert press(spec, actor=cho).status == RollbackStatus.QUEUED


@pytest.mark.django_db(transaction=True)
def test_a_message_that_comes_after_the_cancel_runs_nothing(
    production: Environment, workers: InlineWorkers, little_service: LittleService, cho: Actor
) -> None:
    rollback = press_in(production, cho)
    cancel(rollback, actor=cho)
    workers.work()
    rolling_back.run_rollback(rollback.pk)
    assert little_service.ran == []
    rollback.refresh_from_db()
    assert rollback.status == RollbackStatus.CANCELLED
