"""Readiness, item by item: what each says when it is as it should be, when it is red, and when nobody knows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from releases import queries
from releases.models import Deployment, Environment, Execution, Worker
from releases.queries.readiness import LOOK_FRESH, WORKER_FRESH, ReadinessItem, answer_of, facts_of, readiness_of
from releases.queries.readiness.item import not_known, not_proven, read, ready, red
from releases.states import DeploymentKind, DeploymentStatus, ExecutionKind, Verdict
from tests import factory

pytestmark = pytest.mark.django_db


@pytest.fixture
def story() -> tuple[Environment, Deployment, Deployment]:
    """A way back that is open."""
    place, target, live = factory.story()
    factory.open_way_back(place, target, live)
    return place, target, live


def items(place: Environment, queue: bool | None = True) -> dict[str, ReadinessItem]:
    place = Environment.objects.select_related("service", "live__release").get(pk=place.pk)
    back = queries.way_back(place)
    found = readiness_of(facts_of(place, back, queries.rendered_for(place, back.target)), queue)
    return {item.key: item for item in found}


def test_all_is_ready_where_nothing_speaks_against_it(story: tuple[Environment, Deployment, Deployment]) -> None:
    found = items(story[0])
    assert {item.word for item in found.values()} == {"ready"}
    assert answer_of(found.values()) == "ready"


# --- From the rows ----------------------------------------------------------------------------------------------------


def test_without_a_target_it_says_why_each_earlier_one_is_none() -> None:
    place = factory.environment()
    failed = factory.deployed(place, "2026.11.3", live=False)
    Deployment.objects.filter(pk=failed.pk).update(status=DeploymentStatus.FAILED)
    factory.deployed(place, "2026.11.4")
    found = items(place)
    assert found["target"].red
    assert found["target"].says == "nothing to go back to (2026.11.3: its deployment failed)"
    assert "command" not in found, "there is no command to speak of"


def test_a_target_that_was_never_verified_is_red() -> None:
    place = factory.environment()
    target = factory.deployed(place, "2026.11.3", Verdict.FAIL)
    factory.open_way_back(place, target, factory.deployed(place, "2026.11.4"))
    item = items(place)["target"]
    assert (item.red, item.says) == (True, "2026.11.3 was never verified here")
    assert item.what_to_do


def test_a_command_that_would_not_start_is_red_and_says_where(
    story: tuple[Environment, Deployment, Deployment],
) -> None:
    """B40: before the click."""
    rendered = queries.rendered_for(*story[:2])
    assert rendered is not None
    rendered.found = [["program_missing", "The program bin/deploy does not exist."], ["lock_held", "Somebody."]]
    rendered.save()
    item = items(story[0])["command"]
    assert (item.red, item.says) == (True, "The program bin/deploy does not exist.")
    assert "worker-1" in item.what_to_do


def test_a_command_that_nobody_has_shown_is_not_known_and_never_green() -> None:
    place, _, _ = factory.story()
    assert items(place)["command"].word == "not known"


def test_a_command_that_was_shown_long_ago_is_not_known(story: tuple[Environment, Deployment, Deployment]) -> None:
    rendered = queries.rendered_for(*story[:2])
    assert rendered is not None
    rendered.rendered_at = timezone.now() - LOOK_FRESH - timedelta(seconds=1)
    rendered.save()
    assert items(story[0])["command"].word == "not known"


def test_workers_that_would_run_different_commands_are_red(story: tuple[Environment, Deployment, Deployment]) -> None:
    place = story[0]
    Worker.objects.update(rollback_digests={place.act_queue: "a" * 64})
    factory.act_worker(place, host="worker-2", rollback_digests={place.act_queue: "a" * 64})
    assert items(place)["command"].word == "ready"
    factory.act_worker(place, host="worker-3", rollback_digests={place.act_queue: "b" * 64})
    item = items(place)["command"]
    assert (item.red, item.says) == (True, "the workers would run different commands: worker-1, worker-2, worker-3")
    Worker.objects.filter(host="worker-3").update(seen_at=timezone.now() - WORKER_FRESH * 2)
    assert items(place)["command"].word == "ready", "one that is gone runs nothing"


def test_workers_whose_catalogues_differ_elsewhere_are_red_too(
    story: tuple[Environment, Deployment, Deployment],
) -> None:
    factory.act_worker(story[0], host="worker-2", catalogue_digest="e" * 64)
    item = items(story[0])["worker"]
    assert (item.red, item.says) == (True, "the workers' catalogues differ: worker-1, worker-2")


def test_a_worker_that_fell_silent_is_red_and_says_when_it_was_heard(
    story: tuple[Environment, Deployment, Deployment],
) -> None:
    """B2"""
    Worker.objects.update(seen_at=timezone.now() - WORKER_FRESH - timedelta(seconds=1))
    item = items(story[0])["worker"]
    assert item.red
    assert "no worker has reported itself in the last 30 s; the last was heard on worker-1 at 20" in item.says
    assert "manage.py rollback" in item.what_to_do


@pytest.mark.parametrize("fields", [{"role": "probe"}, {"queues": ["act.archive.staging"]}])
def test_only_workers_of_the_very_queue_count(
    story: tuple[Environment, Deployment, Deployment], fields: dict[str, Any]
) -> None:
    Worker.objects.update(**fields)
    assert items(story[0])["worker"].red


def test_something_that_runs_is_busy_and_named(story: tuple[Environment, Deployment, Deployment]) -> None:
    execution = Execution.objects.create(
        environment=story[0], kind=ExecutionKind.DEPLOY, started_by="x", started_at=timezone.now()
    )
    item = items(story[0])["not busy"]
    assert (item.red, item.says) == (True, f"{execution.tag} (deploy) is running")


def test_a_pipeline_that_has_not_finished_is_busy(story: tuple[Environment, Deployment, Deployment]) -> None:
    started = Deployment.objects.create(
        release=factory.release(story[0].service, "2026.11.5"),
        environment=story[0],
        kind=DeploymentKind.DEPLOYMENT,
        reported_by="pipeline",
        started_at=timezone.now(),
    )
    assert items(story[0])["not busy"].says == f"{started.tag} of 2026.11.5 was started and has not finished"


@pytest.mark.parametrize(("answers", "word"), [(True, "ready"), (False, "not ready"), (None, "not known")])
def test_the_queue_is_as_whoever_asked_the_broker_heard(
    story: tuple[Environment, Deployment, Deployment], answers: bool | None, word: str
) -> None:
    """B10"""
    assert items(story[0], answers)["queue"].word == word


# --- From the worker's look -------------------------------------------------------------------------------------------


def test_what_the_worker_found_red_is_red_with_what_to_do(story: tuple[Environment, Deployment, Deployment]) -> None:
    place, target, live = story
    place.readiness_looks.all().delete()
    factory.looked(place, target, live, red("artifact", "answered 404", "Build it again."))
    item = items(place)["artifact"]
    assert (item.red, item.says, item.what_to_do) == (True, "answered 404", "Build it again.")


@pytest.mark.parametrize("off", [timedelta(seconds=1), -timedelta(minutes=11)], ids=["old", "from the future"])
def test_a_look_that_is_old_is_not_known_never_green_nor_red(
    story: tuple[Environment, Deployment, Deployment], off: timedelta
) -> None:
    """B20: one whose worker's clock runs ahead would count for ever."""
    place, target, live = story
    place.readiness_looks.all().delete()
    looked_at = timezone.now() - LOOK_FRESH - off
    factory.looked(place, target, live, red("lock", "held", "Look."), looked_at=looked_at)
    found = items(place)
    assert {found[key].word for key in ("artifact", "rehearsal", "lock")} == {"not known"}
    assert answer_of(found.values()) == "not known"
    assert found["artifact"].says in (f"not looked at since {looked_at:%H:%M}Z", "the clock of worker-1 runs ahead")


@pytest.mark.parametrize("off", [timedelta(seconds=1), -timedelta(minutes=11)], ids=["old", "from the future"])
def test_what_is_known_of_the_migrations_stays_red_however_old_the_look_is(
    story: tuple[Environment, Deployment, Deployment], off: timedelta
) -> None:
    """C25"""
    place, target, live = story
    place.readiness_looks.all().delete()
    factory.looked(place, target, live, red("migrations", "loses", "Ask."), looked_at=timezone.now() - LOOK_FRESH - off)
    found = items(place)["migrations"]
    assert (found.word, found.what_to_do) == ("not ready", "Ask.")
    assert found.says.startswith("loses (")


def test_a_look_at_another_way_back_says_nothing(story: tuple[Environment, Deployment, Deployment]) -> None:
    place, target, _ = story
    newer = factory.deployed(place, "2026.11.5", Verdict.FAIL)
    place.readiness_looks.update(target=target)
    assert newer.pk
    assert items(place)["artifact"].says == "no worker has looked yet"


def test_a_look_of_an_older_worker_that_knew_fewer_items_leaves_them_not_known(
    story: tuple[Environment, Deployment, Deployment],
) -> None:
    """B60"""
    look = story[0].readiness_looks.get()
    look.items = [item for item in look.items if item["key"] != "lock"]
    look.save()
    found = items(story[0])
    assert found["lock"].word == "not known"
    assert found["artifact"].word == "ready"


# --- One item ---------------------------------------------------------------------------------------------------------


def test_the_answer_is_the_worst_of_all() -> None:
    good, none, unknown, bad = (
        ready("a", ""),
        not_proven("b", "never rehearsed"),
        not_known("c", ""),
        red("d", "", ""),
    )
    assert answer_of([good, none]) == "ready"
    assert answer_of([good, unknown]) == "not known"
    assert answer_of([good, unknown, bad]) == "not ready"


@pytest.mark.parametrize("item", [ready("a", "x"), not_proven("a", "x", "y"), not_known("a", "x"), red("a", "x", "y")])
def test_an_item_is_read_as_it_was_stored(item: ReadinessItem) -> None:
    assert read(item.stored()) == item


def test_an_item_of_before_there_was_not_known_is_read() -> None:
    old = {"key": "worker", "ready": False, "says": "no worker", "what_to_do": ""}
    assert read(old) == replace(red("worker", "no worker", ""))
