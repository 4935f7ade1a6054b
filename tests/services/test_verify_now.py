"""Measuring a rollback again that ended without an answer: the command is not run again, what is served decides."""

import pytest
from django.utils import timezone

from releases.actor import Actor
from releases.errors import Conflict, Denied
from releases.intake import VerifySpec
from releases.models import ChecklistRun, Deployment, Environment, Event, Rollback
from releases.services import places
from releases.services.rollbacks import verify_now
from releases.states import (
    CommandState,
    DeploymentKind,
    DeploymentStatus,
    Outcome,
    RollbackStatus,
    Serving,
)
from tests import factory
from tests.services.conftest import InlineWorkers, LittleService

pytestmark = pytest.mark.django_db(transaction=True)

SPEC = VerifySpec(reason="web-2 answers again")


@pytest.fixture
def cho() -> Actor:
    return factory.actor(factory.on_call())


@pytest.fixture
def unknown(production: Environment, cho: Actor) -> Rollback:
    """A rollback that ended unknown: its worker was lost, and nothing could be measured."""
    assert cho.user is not None
    target, live = factory.deployed(production, "2026.11.3"), factory.deployed(production, "2026.11.4")
    deployment = Deployment.objects.create(
        release=target.release,
        environment=production,
        kind=DeploymentKind.ROLLBACK,
        status=DeploymentStatus.FAILED,
        replaced=live,
        reported_by="Cho Park",
        started_at=timezone.now(),
        finished_at=timezone.now(),
    )
    return factory.rollback(
        production,
        target,
        live,
        cho.user,
        status=RollbackStatus.DONE,
        command=CommandState.LOST,
        outcome=Outcome.UNKNOWN,
        serving=Serving.NOT_MEASURED,
        detail="Nothing answered.",
        deployment=deployment,
        purge_wanted=False,
        ended_at=timezone.now(),
        command_ended_at=timezone.now(),
    )


def test_what_is_served_now_becomes_the_outcome_and_is_recorded_as_live(
    unknown: Rollback, cho: Actor, workers: InlineWorkers, little_service: LittleService
) -> None:
    little_service.version = "2026.11.3"
    assert verify_now(unknown, SPEC, actor=cho)
    workers.work()
    unknown.refresh_from_db()
    assert (unknown.status, unknown.outcome, unknown.serving) == (
        RollbackStatus.DONE,
        Outcome.RESTORED,
        Serving.TARGET,
    )
    assert unknown.first_outcome == Outcome.UNKNOWN
    assert unknown.deployment is not None
    assert unknown.deployment.status == DeploymentStatus.FINISHED
    assert Environment.objects.get().live_id == unknown.deployment_id
    assert little_service.ran == [], "the command is never run again"


def test_the_book_keeps_who_asked_why_and_what_it_said_before(unknown: Rollback, cho: Actor) -> None:
    verify_now(unknown, SPEC, actor=cho)
    event = Event.objects.get(action="rollback:verify_requested")
    assert (event.actor, event.object_tag) == ("Cho Park", unknown.tag)
    assert event.payload["reason"] == "web-2 answers again"
    assert event.payload["details"] == {
        "before": {"status": "done", "outcome": "unknown", "detail": "Nothing answered."},
        "after": {"status": "verifying", "outcome": "", "detail": ""},
    }


def test_a_version_that_was_recorded_as_live_and_is_not_served_is_live_no_more(
    unknown: Rollback, cho: Actor, workers: InlineWorkers, little_service: LittleService
) -> None:
    """The command had ended well, so its version was recorded although nothing could be measured."""
    Deployment.objects.filter(pk=unknown.deployment_id).update(status=DeploymentStatus.FINISHED)
    Environment.objects.update(live=unknown.deployment)
    little_service.version = "2026.11.4"
    verify_now(unknown, SPEC, actor=cho)
    workers.work()
    unknown.refresh_from_db()
    assert (unknown.outcome, unknown.serving) == (Outcome.NOT_RESTORED, Serving.OTHER)
    assert Environment.objects.get().live_id == unknown.undone_id


def test_while_a_process_of_the_lost_command_holds_the_lock_nothing_is_measured(
    unknown: Rollback, cho: Actor, workers: InlineWorkers, production: Environment
) -> None:
    """B2"""
    with places.lock_of(production).acquire("rollback RB-1"):
        verify_now(unknown, SPEC, actor=cho)
        workers.work()
    unknown.refresh_from_db()
    assert (unknown.status, unknown.restore_run) == (RollbackStatus.VERIFYING, None)
    assert "rollback RB-1 still holds the lock" in unknown.detail


def test_asking_twice_measures_once(unknown: Rollback, cho: Actor, workers: InlineWorkers) -> None:
    """B23"""
    stale = Rollback.objects.get()
    assert [verify_now(unknown, SPEC, actor=cho), verify_now(stale, SPEC, actor=cho)] == [True, False]
    workers.work()
    assert ChecklistRun.objects.filter(purpose="restore").count() == 1


@pytest.mark.parametrize("outcome", [each for each in Outcome if each not in (Outcome.UNKNOWN, Outcome.INCONCLUSIVE)])
def test_what_was_measured_stands(unknown: Rollback, cho: Actor, outcome: Outcome) -> None:
    Rollback.objects.update(outcome=outcome)
    assert not verify_now(unknown, SPEC, actor=cho)
    unknown.refresh_from_db()
    assert (unknown.outcome, unknown.first_outcome) == (outcome, "")


def test_an_inconclusive_one_keeps_its_first_outcome_through_a_second_question(
    unknown: Rollback, cho: Actor, workers: InlineWorkers, little_service: LittleService
) -> None:
    Rollback.objects.update(outcome=Outcome.INCONCLUSIVE, first_outcome=Outcome.UNKNOWN)
    little_service.version = "2026.11.3"
    verify_now(unknown, SPEC, actor=cho)
    workers.work()
    unknown.refresh_from_db()
    assert (unknown.outcome, unknown.first_outcome) == (Outcome.RESTORED, Outcome.UNKNOWN)


def test_after_another_deployment_it_would_be_judged_by_that_and_is_refused(
    unknown: Rollback, cho: Actor, production: Environment
) -> None:
    newer = factory.deployed(production, "2026.11.5")
    with pytest.raises(Conflict, match=rf"2026\.11\.5 \({newer.tag}\) is live in archive/production since then"):
        verify_now(unknown, SPEC, actor=cho)
    unknown.refresh_from_db()
    assert unknown.outcome == Outcome.UNKNOWN


def test_while_another_rollback_is_on_it_is_refused(unknown: Rollback, cho: Actor, production: Environment) -> None:
    """B24"""
    assert cho.user is not None
    other = factory.rollback(production, unknown.target, unknown.undone, cho.user)
    with pytest.raises(Conflict, match=other.tag):
        verify_now(unknown, SPEC, actor=cho)
    unknown.refresh_from_db()
    assert unknown.outcome == Outcome.UNKNOWN


def test_who_may_not_roll_back_may_not_have_it_measured_again(unknown: Rollback) -> None:
    with pytest.raises(Denied):
        verify_now(unknown, SPEC, actor=factory.actor(factory.person("vi", "viewer")))
