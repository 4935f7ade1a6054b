"""Lifting a freeze: a person, with a reason."""

import pytest
from django.utils import timezone

from releases.errors import Denied
from releases.intake import LiftSpec
from releases.models import Event, Freeze
from releases.services.freezes import lift_freeze
from tests import factory

pytestmark = pytest.mark.django_db

FIXED = LiftSpec(reason="2026.11.5 fixes it")


@pytest.fixture
def freeze() -> Freeze:
    place, target, live = factory.story()
    rollback = factory.rollback(place, target, live, factory.on_call())
    return Freeze.objects.create(
        environment=place, reason="RB-1: slow", frozen_by="Cho Park", frozen_at=timezone.now(), rollback=rollback
    )


def test_a_lifted_freeze_says_who_lifted_it_and_why(freeze: Freeze) -> None:
    assert lift_freeze(freeze, FIXED, actor=factory.actor(factory.lead()))
    freeze.refresh_from_db()
    assert (freeze.lifted_by, freeze.lift_reason) == ("Ana Ruiz", "2026.11.5 fixes it")
    event = Event.objects.get(action="environment:freeze_lifted")
    assert (event.actor, event.payload["reason"], event.environment) == ("Ana Ruiz", "2026.11.5 fixes it", "production")


def test_lifting_twice_is_lifting_once(freeze: Freeze) -> None:
    ana = factory.actor(factory.lead())
    assert [lift_freeze(freeze, FIXED, actor=ana), lift_freeze(freeze, LiftSpec(reason="again"), actor=ana)] == [
        True,
        False,
    ]
    freeze.refresh_from_db()
    assert freeze.lift_reason == "2026.11.5 fixes it"


def test_whoever_may_not_lift_it_leaves_it(freeze: Freeze) -> None:
    with pytest.raises(Denied):
        lift_freeze(freeze, FIXED, actor=factory.actor(factory.person("lee", "auditor")))
    freeze.refresh_from_db()
    assert freeze.lifted_at is None


def test_an_environment_can_be_frozen_again(freeze: Freeze) -> None:
    lift_freeze(freeze, FIXED, actor=factory.actor(factory.lead()))
    again = Freeze.objects.create(
        environment=freeze.environment, reason="again", frozen_by="Cho Park", frozen_at=timezone.now()
    )
    assert again.lifted_at is None
