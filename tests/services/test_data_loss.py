"""A rollback that loses data, and the one box that accepts it."""

import pytest

from releases.actor import Actor
from releases.errors import Conflict, Invalid
from releases.migration_report import loss_digest
from releases.models import Deployment, Environment, Event, Rollback
from releases.services.pressing import press
from tests import factory
from tests.services.test_press import spec

pytestmark = pytest.mark.django_db

Story = tuple[Environment, Deployment, Deployment]
SEEN = {"losses": [loss_digest(factory.LOSS)]}
MORE = {"name": "0008_carts", "kind": "data-losing", "loses": "carts"}


@pytest.fixture
def story() -> Story:
    return factory.story()


@pytest.fixture
def cho() -> Actor:
    return factory.actor(factory.on_call())


def test_a_loss_that_is_not_accepted_is_refused_by_name_and_may_be_tried_again(story: Story, cho: Actor) -> None:
    """C25"""
    _, target, live = story
    factory.migrations(target, live, factory.LOSING)
    with pytest.raises(Invalid) as refused:
        press(spec(target, live, **SEEN), actor=cho)
    (problem,) = refused.value.problems
    assert (refused.value.status, problem.code, problem.field) == (422, "data_loss_not_accepted", "accept_data_loss")
    assert factory.LOSS in problem.failed
    assert problem.retry == "safe"
    assert not Rollback.objects.exists()


def test_what_was_accepted_stands_on_the_rollback_and_in_the_book(story: Story, cho: Actor) -> None:
    """C25"""
    _, target, live = story
    factory.migrations(target, live, factory.LOSING)
    rollback = press(spec(target, live, **SEEN, accept_data_loss=True), actor=cho)
    rollback.refresh_from_db()
    assert rollback.at_press["accepted_losses"] == [factory.LOSS]
    assert rollback.at_press["migrations"]["migrations"] == [factory.LOSING]
    assert Event.objects.get(action="rollback:pressed").payload["details"]["accepted_losses"] == [factory.LOSS]
    accepted = Event.objects.get(action="rollback:data_loss_accepted").payload
    assert (accepted["actor"], accepted["details"]["losses"]) == ("Cho Park", [factory.LOSS])
    assert accepted["details"]["migrations"]["migrations"] == [factory.LOSING]


def test_a_loss_that_the_page_did_not_show_needs_a_fresh_page_even_where_another_was_accepted(
    story: Story, cho: Actor
) -> None:
    """C25: the migrations were asked about again between the page and the press."""
    _, target, live = story
    factory.migrations(target, live, factory.LOSING, MORE)
    with pytest.raises(Conflict) as refused:
        press(spec(target, live, **SEEN, accept_data_loss=True), actor=cho)
    (problem,) = refused.value.problems
    assert (problem.code, problem.retry) == ("losses_changed", "after a fresh look")
    assert "carts" in problem.failed
    assert factory.LOSS not in problem.failed


def test_a_loss_that_is_gone_since_the_page_was_shown_needs_no_other_page(story: Story, cho: Actor) -> None:
    _, target, live = story
    factory.migrations(target, live, factory.LOSING)
    both = {"losses": [*SEEN["losses"], loss_digest("carts")]}
    assert press(spec(target, live, **both, accept_data_loss=True), actor=cho).at_press["accepted_losses"] == [
        factory.LOSS
    ]


@pytest.mark.parametrize(
    "between",
    [
        (),
        ({"name": "0006_index", "kind": "reversible"},),
        ({"name": "0005_split", "kind": "irreversible"},),
    ],
    ids=["none", "reversible", "irreversible"],
)
def test_nothing_else_asks_for_a_tick(story: Story, cho: Actor, between: tuple[dict[str, str], ...]) -> None:
    _, target, live = story
    factory.migrations(target, live, *between)
    assert press(spec(target, live), actor=cho).at_press["accepted_losses"] == []


def test_what_is_not_known_keeps_nobody_from_going_back_and_is_kept_with_the_press(story: Story, cho: Actor) -> None:
    _, target, live = story
    factory.migrations(target, live, problem="check_migrations did not end within 10 s.")
    rollback = press(spec(target, live), actor=cho)
    assert rollback.at_press["migrations"]["problem"] == "check_migrations did not end within 10 s."


def test_a_known_loss_asks_for_the_tick_although_nobody_can_say_it_again(story: Story, cho: Actor) -> None:
    """C25"""
    _, target, live = story
    factory.migrations(target, live, factory.LOSING, problem="check_migrations did not end within 10 s.")
    with pytest.raises(Invalid) as refused:
        press(spec(target, live, **SEEN), actor=cho)
    assert refused.value.problems[0].code == "data_loss_not_accepted"
    kept = press(spec(target, live, **SEEN, accept_data_loss=True), actor=cho).at_press
    assert kept["accepted_losses"] == [factory.LOSS]
    assert (kept["migrations"]["problem"], kept["migrations"]["answered_on"]) == (
        "check_migrations did not end within 10 s.",
        "worker-1",
    )


def test_the_answer_about_another_way_back_does_not_count(story: Story, cho: Actor) -> None:
    place, target, live = story
    other = factory.deployed(place, "2026.11.2", live=False)
    factory.migrations(other, live, factory.LOSING)
    assert press(spec(target, live), actor=cho).at_press["migrations"] is None
