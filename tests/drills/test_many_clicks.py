"""Many clicks at once: by two people, and by one impatient one."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from releases.models import Event, Freeze, Rollback
from releases.states import Outcome
from tests import factory
from tests.concurrency.conftest import Together, together
from tests.concurrency.test_presses import two_at_once
from tests.drills.drill import Drill
from tests.services.conftest import InlineWorkers, workers

__all__ = ["together", "workers"]

pytestmark = [pytest.mark.once, pytest.mark.drill]

ROUNDS = 500
CLICKS = 100


@pytest.mark.timeout(900)
def test_two_people_click_at_once_five_hundred_times(drill: Drill, together: Together, workers: InlineWorkers) -> None:
    """B24: the same target, each at the barrier with a connection of their own; one rolls back, the other sees who."""
    place = factory.environment(key="staging")
    target, live = factory.deployed(place, "2026.11.3"), factory.deployed(place, "2026.11.4")
    two_at_once(together, (place, target, live), [target, target], ROUNDS)


@pytest.mark.timeout(900)
def test_two_people_with_different_targets_click_at_once_five_hundred_times(
    drill: Drill, together: Together, workers: InlineWorkers
) -> None:
    """B25: different targets; the second is refused with both named."""
    place = factory.environment(key="staging")
    targets = [factory.deployed(place, version) for version in ("2026.11.2", "2026.11.3")]
    two_at_once(together, (place, targets[0], factory.deployed(place, "2026.11.4")), targets, ROUNDS)


@pytest.mark.parametrize("one_key", [True, False], ids=["one key", "keys of their own"])
def test_a_hundred_clicks_come_within_a_moment(drill: Drill, one_key: bool) -> None:
    """B23: a hundred parallel POSTs of one person to the real web process: one rollback, the others point to it."""
    drill.start("act", "probe")
    people = [drill.story.cho_in_the_browser() for _ in range(10)]
    pages = [person.confirm_page(drill.place) for person in people]  # each browser has a token of its own
    keys = ["one-key" if one_key else uuid4().hex for _ in range(CLICKS)]
    clicks_of = [(people[n % 10], pages[n % 10] | {"key": key}) for n, key in enumerate(keys)]
    drill.log.fault()
    with ThreadPoolExecutor(len(people)) as pool:
        clicks = list(pool.map(lambda click: drill.press_as(*click), clicks_of))
    drill.log.over()
    rollback = Rollback.objects.get()
    if one_key:
        assert Counter((click.status, click.rollback) for click in clicks) == {(303, rollback.pk): CLICKS}
    else:
        assert Counter(click.status for click in clicks) == {303: 1, 409: CLICKS - 1}
    assert Event.objects.filter(action="rollback:pressed").count() == Freeze.objects.count() == 1
    assert drill.ended(rollback).outcome == Outcome.RESTORED
    assert len(drill.starts()) == 1
    drill.judge()
