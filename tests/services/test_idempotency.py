"""Calls that are safe to repeat: one key of one actor makes one thing."""

import pytest

from releases.actor import Actor
from releases.errors import Conflict, Invalid
from releases.intake import ReleaseSpec, RollbackSpec
from releases.models import Event, IdempotencyKey, Release, Rollback
from releases.services.pressing import press
from releases.services.releases import register_release
from tests import factory

pytestmark = pytest.mark.django_db


def spec(version: str = "2026.11.4", **changes: object) -> ReleaseSpec:
    return ReleaseSpec.model_validate(
        {
            "service": "archive",
            "version": version,
            "owner": "Ben Okafor",
            "expected_result": "faster",
            "rollback_note": "back",
            **changes,
        }
    )


@pytest.fixture
def ana() -> Actor:
    factory.service()
    return factory.actor(factory.lead())


def test_the_same_key_gives_the_same_thing(ana: Actor) -> None:
    """B16: the answer was lost, the pipeline asks again."""
    first = register_release(spec(), actor=ana, key="build-17")
    assert register_release(spec(), actor=ana, key="build-17") == first
    assert Event.objects.count() == 1


def test_the_same_key_for_another_request_is_refused(ana: Actor) -> None:
    """C35"""
    register_release(spec(), actor=ana, key="build-17")
    with pytest.raises(Invalid) as refused:
        register_release(spec("2026.11.5"), actor=ana, key="build-17")
    assert refused.value.problems[0].code == "idempotency_key_reused"
    assert refused.value.problems[0].retry == "do not retry"
    assert Release.objects.count() == 1


def test_the_same_key_for_another_verb_is_refused(ana: Actor) -> None:
    """C35"""
    _, target, live = factory.story()
    register_release(spec("2026.11.5"), actor=ana, key="build-17")
    rollback = RollbackSpec(service="archive", environment="production", live=live.pk, target=target.pk, reason="slow")
    with pytest.raises(Invalid):
        press(rollback, actor=ana, key="build-17")


def test_a_key_is_its_actors_own(ana: Actor) -> None:
    """Two pipelines count their builds alike, and their users may even have the same name."""
    namesake = factory.person("ana2", "lead")
    namesake.first_name, namesake.last_name = "Ana", "Ruiz"
    namesake.save()
    register_release(spec(), actor=ana, key="build-17")
    made = register_release(spec("2026.11.5"), actor=factory.actor(namesake), key="build-17")
    assert made.version == "2026.11.5"


def test_without_a_key_each_call_stands_for_itself(ana: Actor) -> None:
    register_release(spec(), actor=ana)
    with pytest.raises(Conflict):
        register_release(spec(), actor=ana)
    assert not IdempotencyKey.objects.exists()


def test_a_call_that_was_refused_leaves_its_key_free(ana: Actor) -> None:
    register_release(spec(), actor=ana)
    with pytest.raises(Conflict):
        register_release(spec(owner="Cho Park"), actor=ana, key="build-17")
    assert register_release(spec("2026.11.5"), actor=ana, key="build-17").version == "2026.11.5"


def test_a_press_with_the_same_key_answers_with_the_same_rollback_even_after_its_end(ana: Actor) -> None:
    """C24"""
    _, target, live = factory.story()
    pressed = RollbackSpec(service="archive", environment="production", live=live.pk, target=target.pk, reason="slow")
    first = press(pressed, actor=ana, key="form-1")
    Rollback.objects.update(status="done")
    assert press(pressed, actor=ana, key="form-1") == first


@pytest.mark.parametrize("key", ["k" * 201, "a\x00b", "a\nb", "a\u202eb", "a\x7fb"])
def test_a_key_that_is_too_long_or_hides_something_is_refused(ana: Actor, key: str) -> None:
    """C36"""
    with pytest.raises(Invalid) as refused:
        register_release(spec(), actor=ana, key=key)
    assert refused.value.problems[0].code == "bad_idempotency_key"
    assert refused.value.problems[0].expected == "1-200 printable characters"
    assert not Release.objects.exists()
