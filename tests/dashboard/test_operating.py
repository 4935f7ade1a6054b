"""The pages for whoever runs Rollbook: the workers, and the five steps of setting it up."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from releases.models import ApiToken, Environment, Rehearsal, User, Worker
from releases.states import RehearsalOutcome, RehearsalStatus
from tests import factory
from tests.dashboard.pages import links, queries_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def zoe() -> User:
    return factory.person("zoe", "viewer")


def worker(role: str, *places: Environment, **fields: Any) -> Worker:
    now = timezone.now()
    queues = [place.act_queue if role == "act" else place.probe_queue for place in places]
    given = {"host": "deployer", "catalogue_digest": "d" * 64, "started_at": now, "seen_at": now} | fields
    return Worker.objects.create(name=f"{role}-{Worker.objects.count()}@deployer", role=role, queues=queues, **given)


def test_a_queue_without_a_worker_is_named_with_the_command_that_starts_one(zoe: User) -> None:
    place = factory.environment()
    worker("probe", place)
    told = words(signed_in(zoe).get("/workers"))
    assert "1 queue has no worker archive/production (act)." in told
    assert "manage.py work act" in told


def test_workers_of_every_queue_are_said_to_be_there(zoe: User) -> None:
    place = factory.environment()
    worker("act", place), worker("probe", place)
    told = words(signed_in(zoe).get("/workers"))
    assert "Every environment has a worker that runs commands and one that measures" in told
    assert "act-0@deployer alive deployer act.archive.production" in told


def test_a_worker_that_stopped_reporting_is_called_silent_and_serves_nothing(zoe: User) -> None:
    place = factory.environment()
    worker("act", place, seen_at=timezone.now() - timedelta(seconds=31)), worker("probe", place)
    told = words(signed_in(zoe).get("/workers"))
    assert "act-0@deployer silent" in told
    assert "archive/production (act)" in told


def test_workers_with_different_catalogues_are_marked(zoe: User) -> None:
    place = factory.environment()
    worker("act", place), worker("act", place, catalogue_digest="e" * 64), worker("probe", place)
    assert words(signed_in(zoe).get("/workers")).count("not the same on all") == 2


def test_without_any_worker_the_page_says_so(zoe: User) -> None:
    assert "No worker has reported itself within a day." in words(signed_in(zoe).get("/workers"))


def test_the_number_of_queries_does_not_grow_with_the_workers(zoe: User) -> None:
    client = signed_in(zoe)
    place = factory.environment()
    worker("act", place)
    client.get("/workers")
    few = queries_of(lambda: client.get("/workers"))
    for number in range(5):
        worker("act", factory.environment(factory.service(f"s-{number}")))
    assert queries_of(lambda: client.get("/workers")) == few


def test_nothing_is_done_at_first_use_and_the_board_leads_to_the_steps(zoe: User) -> None:
    client = signed_in(zoe)
    assert "/setup" in links(client.get("/"))
    told = words(client.get("/setup"))
    assert "0 of 5 steps are done" in told
    assert "Name your services in a catalogue file next No catalogue was applied yet." in told
    assert "manage.py check_catalogue catalogue.toml" in told
    assert "Rehearse the way back open Nothing was rehearsed yet." in told


def test_each_step_is_judged_by_what_is_there(zoe: User) -> None:
    client = signed_in(zoe)
    place = factory.environment()
    assert "1 of 5 steps are done" in words(client.get("/setup"))
    assert "No worker has reported itself for archive/production (act), archive/production (probe)." in words(
        client.get("/setup")
    )
    worker("act", place), worker("probe", place)
    ApiToken.objects.create(user=zoe, name="ci", digest="0" * 64)
    told = words(client.get("/setup"))
    assert "2 of 5 steps are done" in told
    assert "A token is there, and has registered nothing yet." in told
    live = factory.deployed(place, "2026.11.3")
    assert "4 of 5 steps are done" in words(client.get("/setup"))
    Rehearsal.objects.create(
        environment=place,
        release=live.release,
        back_to=live,
        requester=zoe,
        requested_by=zoe.name,
        pressed_at=timezone.now(),
        status=RehearsalStatus.DONE,
        outcome=RehearsalOutcome.PROVEN,
    )
    told = words(client.get("/setup"))
    assert "All 5 steps are done" in told
    assert "manage.py" not in told
