"""Pressing the button."""

import threading
import time

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from releases import knocks, queries
from releases.actor import Actor
from releases.errors import Conflict, Denied, Invalid
from releases.intake import RollbackSpec
from releases.models import Deployment, Environment, Event, Freeze, Release, Rollback
from releases.services.pressing import press
from releases.states import DeploymentKind, DeploymentStatus, Outcome, RollbackStatus, Verdict
from tests import factory
from tests.services.conftest import InlineWorkers

Story = tuple[Environment, Deployment, Deployment]


def spec(target: Deployment, live: Deployment, /, **changes: object) -> RollbackSpec:
    return RollbackSpec.model_validate(
        {
            "service": "archive",
            "environment": "production",
            "live": live.pk,
            "target": target.pk,
            "digest": factory.DIGEST,
            "reason": "users",
            "words": "names leaked",
            **changes,
        }
    )


@pytest.fixture
def story(db: None) -> Story:
    return factory.story()


@pytest.fixture
def cho(db: None) -> Actor:
    return factory.actor(factory.on_call())


def pressed(story: Story, actor: Actor, /, **changes: object) -> Rollback:
    _, target, live = story
    return press(spec(target, live, **changes), actor=actor)


def refusal(story: Story, actor: Actor, /, **changes: object) -> Invalid | Conflict:
    with pytest.raises((Invalid, Conflict)) as refused:
        pressed(story, actor, **changes)
    return refused.value


def test_a_press_queues_one_rollback(story: Story, cho: Actor) -> None:
    _, target, live = story
    rollback = pressed(story, cho)
    assert rollback.status == RollbackStatus.QUEUED
    assert (rollback.undone, rollback.target) == (live, target)
    assert (rollback.requested_by, rollback.reason, rollback.words) == ("Cho Park", "users", "names leaked")
    assert rollback.seen_digest == factory.DIGEST


def test_a_press_freezes_the_environment(story: Story, cho: Actor) -> None:
    rollback = pressed(story, cho)
    freeze = Freeze.objects.get(lifted_at=None)
    assert (freeze.environment, freeze.frozen_by, freeze.rollback) == (story[0], "Cho Park", rollback)
    assert freeze.reason == f"{rollback.tag}: Users report: names leaked"


def test_a_press_marks_the_live_release_bad(story: Story, cho: Actor) -> None:
    rollback = pressed(story, cho)
    release = Release.objects.get(version="2026.11.4")
    assert (release.bad, release.bad_by) == (True, "Cho Park")
    assert release.bad_reason == f"{rollback.tag}: Users report: names leaked"


def test_the_book_says_what_was_pressed(story: Story, cho: Actor) -> None:
    rollback = pressed(story, cho)
    actions = list(Event.objects.values_list("action", flat=True))
    assert actions == ["environment:frozen", "release:marked_bad", "rollback:pressed"]
    details = Event.objects.get(action="rollback:pressed").payload["details"]
    assert (details["live_version"], details["target_version"]) == ("2026.11.4", "2026.11.3")
    assert details["digest"] == factory.DIGEST
    assert details["routes_to_purge"] == rollback.routes_to_purge == ["/articles"]


def test_of_what_a_rollback_brought_back_the_outcome_is_kept_as_the_page_shows_it(story: Story, cho: Actor) -> None:
    place, target, live = story
    back = factory.deployed(place, "2026.11.3", kind=DeploymentKind.ROLLBACK)
    assert cho.user is not None
    ended = {"status": RollbackStatus.DONE, "outcome": Outcome.RESTORED_WITH_DIFFERENCES}
    factory.rollback(place, target, live, cho.user, deployment=back, **ended)
    factory.rendered(place, live)
    rollback = press(spec(live, back), actor=cho)
    assert rollback.at_press["verdict"] == "restored with differences"
    assert Event.objects.get(action="rollback:pressed").payload["details"]["verdict"] == "restored with differences"


def test_what_stood_on_the_screen_is_kept(story: Story, cho: Actor) -> None:
    place, target, _ = story
    factory.rendered(place, target)
    rollback = pressed(story, cho)
    assert rollback.at_press["verdict"] == "fail"
    assert rollback.at_press["argv"] == ["bin/deploy", "--version=2026.11.3"]
    kept = {item["key"]: item for item in rollback.at_press["readiness"]}
    assert kept.keys() == {
        "target",
        "command",
        "worker",
        "not busy",
        "artifact",
        "migrations",
        "rehearsal",
        "lock",
        "queue",
    }
    assert not kept["worker"]["ready"]
    assert kept["command"]["says"] == "renders on worker-1"
    assert not kept["artifact"]["known"]
    assert Event.objects.get(action="rollback:pressed").payload["details"]["readiness"] == list(kept.values())


def test_the_worker_is_knocked_for(
    story: Story, cho: Actor, workers: InlineWorkers, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        rollback = pressed(story, cho)
    assert list(workers.knocked) == [("run_rollback", "act.archive.production", rollback.pk)]


def test_a_press_is_kept_when_the_broker_does_not_answer(
    cho: Actor, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B8, B13: nobody listens where the tests' broker should be."""
    monkeypatch.setattr(knocks, "_quiet_until", 0.0)
    rollback = pressed(factory.story(), cho)
    rollback.refresh_from_db()
    assert rollback.status == RollbackStatus.QUEUED
    assert knocks._quiet_until > 0, "the knock should have failed"


def test_a_press_does_not_wait_for_a_broker_that_trickles(
    cho: Actor, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B11: each byte of its answer would begin the client's own timeouts anew."""
    healed = threading.Event()
    monkeypatch.setattr(knocks, "_quiet_until", 0.0)
    monkeypatch.setattr(knocks, "KNOCK_SECONDS", 0.1)
    monkeypatch.setattr(knocks.app, "send_task", lambda *_, **__: healed.wait(10))
    begun = time.monotonic()
    rollback = pressed(factory.story(), cho)
    assert time.monotonic() - begun < 5
    healed.set()
    assert rollback.status == RollbackStatus.QUEUED
    assert knocks._quiet_until > 0, "what follows would wait again"


def test_all_routes_of_all_undone_releases_are_to_be_purged(cho: Actor) -> None:
    place = factory.environment()
    target = factory.deployed(place, "1")
    for version, routes in (("2", ["/a", "/b"]), ("3", ["/b", "/c"])):
        factory.release(place.service, version, affected_routes=routes)
        live = factory.deployed(place, version)
    assert pressed((place, target, live), cho).routes_to_purge == ["/b", "/c", "/a"]


# --- What is refused --------------------------------------------------------------------------------------------------


def test_a_second_press_is_pointed_to_the_first_and_told_who(story: Story, cho: Actor) -> None:
    """B24, C24"""
    first = pressed(story, cho)
    refused = refusal(story, factory.actor(factory.lead()))
    assert refused.problems[0].code == "rollback_open"
    assert f"Cho Park already rolls archive/production back to 2026.11.3: {first.tag}" in refused.problems[0].failed
    assert refused.made == first
    assert Rollback.objects.count() == Freeze.objects.count() == 1


def test_a_second_press_for_another_target_is_told_both(cho: Actor) -> None:
    """B25"""
    place = factory.environment()
    oldest, target = factory.deployed(place, "2026.11.2"), factory.deployed(place, "2026.11.3")
    live = factory.deployed(place, "2026.11.4")
    pressed((place, target, live), cho)
    problem = refusal((place, oldest, live), factory.actor(factory.lead())).problems[0]
    assert "2026.11.3" in problem.failed
    assert problem.got == "2026.11.2"


def test_another_environment_may_be_rolled_back_at_the_same_time(story: Story, cho: Actor) -> None:
    staging = factory.environment(key="staging")
    target, live = factory.deployed(staging, "2026.11.3"), factory.deployed(staging, "2026.11.4")
    pressed(story, cho)
    assert press(spec(target, live, environment="staging"), actor=cho).status == RollbackStatus.QUEUED


def test_a_page_that_shows_what_is_no_longer_live_is_refused_with_old_and_new(story: Story, cho: Actor) -> None:
    """C26"""
    place, _, live = story
    newer = factory.deployed(place, "2026.11.5")
    problem = refusal(story, cho).problems[0]
    assert problem.code == "live_moved"
    assert live.tag in problem.failed
    assert f"2026.11.5 ({newer.tag})" in problem.failed
    assert not Rollback.objects.exists()


def test_the_same_page_pressed_again_after_the_rollback_is_refused(story: Story, cho: Actor) -> None:
    """B27: what it would undo is no longer live."""
    place, target, live = story
    factory.rollback(place, target, live, factory.lead(), status=RollbackStatus.DONE)
    factory.deployed(place, "2026.11.3", kind="rollback")
    assert refusal(story, cho).problems[0].code == "live_moved"


def not_a_target(story: Story, cho: Actor, target: int) -> str:
    refused = refusal(story, cho, target=target)
    assert isinstance(refused, Invalid)
    assert refused.problems[0].code == "not_a_target"
    return refused.problems[0].failed


def test_a_target_in_another_environment_is_none(story: Story, cho: Actor) -> None:
    """C41"""
    elsewhere = factory.deployed(factory.environment(key="staging"), "2026.11.3")
    assert "it is not earlier here" in not_a_target(story, cho, elsewhere.pk)


def test_a_target_that_never_was_is_none(story: Story, cho: Actor) -> None:
    """C41"""
    assert "it is not earlier here" in not_a_target(story, cho, 999)


def test_what_is_live_is_no_target(story: Story, cho: Actor) -> None:
    assert "it is not earlier here" in not_a_target(story, cho, story[2].pk)


def test_a_release_marked_bad_is_no_target(story: Story, cho: Actor) -> None:
    Release.objects.filter(version="2026.11.3").update(bad_since=timezone.now(), bad_by="Ana Ruiz", bad_reason="slow")
    assert "marked bad by Ana Ruiz: slow" in not_a_target(story, cho, story[1].pk)


def test_a_deployment_that_failed_is_no_target(story: Story, cho: Actor) -> None:
    Deployment.objects.filter(pk=story[1].pk).update(status=DeploymentStatus.FAILED)
    assert "its deployment failed" in not_a_target(story, cho, story[1].pk)


def test_while_one_was_verified_others_are_no_targets(cho: Actor) -> None:
    place = factory.environment()
    factory.deployed(place, "1")
    unverified, live = factory.deployed(place, "2", Verdict.INCONCLUSIVE), factory.deployed(place, "3")
    story = (place, unverified, live)
    assert "not verified: its checklist says inconclusive" in not_a_target(story, cho, unverified.pk)


def test_where_none_was_verified_the_last_finished_one_is_a_target(cho: Actor) -> None:
    place = factory.environment()
    target, live = factory.deployed(place, "1", None), factory.deployed(place, "2", None)
    assert pressed((place, target, live), cho).target == target


def test_whoever_may_not_roll_back_leaves_nothing_behind(story: Story) -> None:
    with pytest.raises(Denied) as refused:
        pressed(story, factory.actor(factory.person("lee", "auditor")))
    assert "lead, on-call" in refused.value.problems[0].expected
    assert not Rollback.objects.exists()
    assert not Freeze.objects.exists()


def test_an_environment_that_is_frozen_already_is_not_frozen_twice(story: Story, cho: Actor) -> None:
    before = Freeze.objects.create(
        environment=story[0], reason="inventory", frozen_by="Ana Ruiz", frozen_at=timezone.now()
    )
    rollback = pressed(story, cho)
    assert rollback.status == RollbackStatus.QUEUED, "a freeze never blocks a rollback"
    assert Freeze.objects.get() == before


def test_a_mark_that_the_release_has_already_is_left_as_it_is(story: Story, cho: Actor) -> None:
    Release.objects.filter(version="2026.11.4").update(bad_since=timezone.now(), bad_by="Ana Ruiz", bad_reason="slow")
    pressed(story, cho)
    assert Release.objects.get(version="2026.11.4").bad_by == "Ana Ruiz"


def test_what_an_earlier_rollback_took_away_is_not_undone_again(db: None) -> None:
    place, target, bad = factory.story()
    factory.rollback(
        place,
        target,
        bad,
        factory.on_call(),
        status=RollbackStatus.DONE,
        outcome=Outcome.RESTORED,
        ended_at=timezone.now(),
    )
    later = factory.deployed(place, "2026.11.5")
    assert queries.undone_by(place, target) == [later]
