"""Many people, or one impatient one, at the same button."""

from collections.abc import Callable

import pytest

from releases.actor import Actor
from releases.errors import Conflict
from releases.intake import ReleaseSpec, RollbackSpec
from releases.models import Deployment, Environment, Event, Freeze, IdempotencyKey, Release, Rollback
from releases.services.pressing import press
from releases.services.releases import register_release
from releases.services.rollbacks import cancel
from tests import factory
from tests.concurrency.conftest import Together
from tests.services.conftest import InlineWorkers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("workers")]

ROUNDS = 50


@pytest.fixture
def story() -> tuple[Environment, Deployment, Deployment]:
    return factory.story()


def presses(story: tuple[Environment, Deployment, Deployment], actor: Actor, key: str = "") -> Callable[[], Rollback]:
    place, target, live = story
    spec = RollbackSpec(
        service="archive", environment=place.key, live=live.pk, target=target.pk, reason="users", words="leak"
    )
    return lambda: press(spec, actor=actor, key=key)


def test_a_hundred_clicks_with_one_key_give_one_rollback_to_all(
    together: Together, story: tuple[Environment, Deployment, Deployment], workers: InlineWorkers
) -> None:
    """B23"""
    cho = factory.actor(factory.on_call())
    answers = together([presses(story, cho, "form-1")] * 100)
    rollback = Rollback.objects.get()
    assert answers == [rollback] * 100
    assert Event.objects.filter(action="rollback:pressed").count() == 1
    assert Freeze.objects.count() == IdempotencyKey.objects.count() == 1
    assert list(workers.knocked) == [("run_rollback", "act.archive.production", rollback.pk)]


def test_a_hundred_clicks_with_keys_of_their_own_are_all_pointed_to_the_one_rollback(
    together: Together, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """B23"""
    cho = factory.actor(factory.on_call())
    answers = together([presses(story, cho, f"form-{number}") for number in range(100)])
    rollback = Rollback.objects.get()
    assert answers.count(rollback) == 1
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert len(refused) == 99
    assert {conflict.made for conflict in refused} == {rollback}
    assert Event.objects.filter(action="rollback:pressed").count() == 1


def test_of_two_people_at_once_one_rolls_back_and_the_other_sees_who(
    together: Together, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """B24: fifty rounds."""
    two_at_once(together, story, [story[1], story[1]], ROUNDS)


def test_of_two_people_with_different_targets_the_second_is_told_both(together: Together) -> None:
    """B25: fifty rounds."""
    place = factory.environment()
    targets = [factory.deployed(place, version) for version in ("2026.11.2", "2026.11.3")]
    two_at_once(together, (place, targets[0], factory.deployed(place, "2026.11.4")), targets, ROUNDS)


def two_at_once(
    together: Together,
    story: tuple[Environment, Deployment, Deployment],
    targets: list[Deployment],
    rounds: int,
) -> None:
    """Have two people press at the same moment, and the one who was first cancel; again and again."""
    people = [factory.actor(factory.on_call("dora")), factory.actor(factory.on_call("eli"))]
    place, _, live = story
    for _ in range(rounds):
        answers = together(
            [presses((place, target, live), person) for person, target in zip(people, targets, strict=True)]
        )
        rollback = next(answer for answer in answers if isinstance(answer, Rollback))
        conflict = next(answer for answer in answers if isinstance(answer, Conflict))
        assert conflict.made == rollback
        said = conflict.problems[0]
        asked = next(
            target for person, target in zip(people, targets, strict=True) if person.name != rollback.requested_by
        )
        assert said.failed.startswith(
            f"{rollback.requested_by} already rolls {place} back to {rollback.target.release.version}"
        )
        assert said.got == asked.release.version
        assert cancel(rollback, actor=people[0])
    assert Rollback.objects.count() == rounds
    assert Event.objects.filter(action="rollback:pressed").count() == rounds


def test_a_release_that_is_registered_ten_times_at_once_with_one_key_is_registered_once(together: Together) -> None:
    """B16"""
    factory.service()
    ana = factory.actor(factory.lead())
    spec = ReleaseSpec(service="archive", version="1", owner="Ben", expected_result="faster", rollback_note="back")
    answers = together([lambda: register_release(spec, actor=ana, key="build-17")] * 10)
    assert answers == [Release.objects.get()] * 10


def test_a_version_that_ten_pipelines_register_at_once_is_registered_by_one(together: Together) -> None:
    factory.service()
    ana = factory.actor(factory.lead())
    spec = ReleaseSpec(service="archive", version="1", owner="Ben", expected_result="faster", rollback_note="back")
    answers = together([lambda: register_release(spec, actor=ana)] * 10)
    release = Release.objects.get()
    assert answers.count(release) == 1
    assert [answer.made for answer in answers if isinstance(answer, Conflict)] == [release] * 9
