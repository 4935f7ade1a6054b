"""Reporting that a deployment begins."""

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from releases.actor import Actor
from releases.errors import Conflict, Denied, NotFound
from releases.intake import StartSpec
from releases.models import ChecklistRun, Deployment, Environment, Event, Freeze, Release
from releases.services.deployments import start_deployment
from releases.states import DeploymentKind, DeploymentStatus, Purpose, RunStatus
from tests import factory
from tests.services.conftest import InlineWorkers

pytestmark = pytest.mark.django_db


def spec(version: str = "2026.11.5", **changes: object) -> StartSpec:
    return StartSpec.model_validate({"service": "archive", "environment": "production", "version": version, **changes})


@pytest.fixture
def place() -> Environment:
    place, _, _ = factory.story()
    factory.release(place.service, "2026.11.5")
    return place


@pytest.fixture
def ana() -> Actor:
    return factory.actor(factory.lead())


def freeze(place: Environment) -> Freeze:
    return Freeze.objects.create(
        environment=place, reason="RB-1: Users report: names leaked", frozen_by="Cho Park", frozen_at=timezone.now()
    )


def test_a_started_deployment_knows_what_it_replaces(place: Environment, ana: Actor) -> None:
    made = start_deployment(spec(), actor=ana)
    assert (made.kind, made.status) == (DeploymentKind.DEPLOYMENT, DeploymentStatus.STARTED)
    assert made.replaced == place.live
    assert made.reported_by == "Ana Ruiz"


def test_what_is_live_does_not_change_by_a_start(place: Environment, ana: Actor) -> None:
    live = place.live
    start_deployment(spec(), actor=ana)
    place.refresh_from_db()
    assert place.live == live


def test_the_baseline_is_asked_for(
    place: Environment,
    ana: Actor,
    workers: InlineWorkers,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        made = start_deployment(spec(), actor=ana)
    assert made.baseline is not None
    assert (made.baseline.purpose, made.baseline.status) == (Purpose.BASELINE, RunStatus.QUEUED)
    assert ("begin_run", "probe.archive.production", made.baseline.pk) in workers.knocked


def test_the_baseline_keeps_the_settings_of_the_moment(place: Environment, ana: Actor) -> None:
    made = start_deployment(spec(), actor=ana)
    Environment.objects.update(checklist={}, base_url="http://elsewhere.example")
    run = ChecklistRun.objects.get(pk=made.baseline_id)
    assert run.settings["checklist"] == factory.CHECKLIST
    assert run.settings["base_url"] == "http://127.0.0.1:9"


def test_a_frozen_environment_says_who_froze_it_why_and_how_to_lift_it(place: Environment, ana: Actor) -> None:
    """B26"""
    frozen = freeze(place)
    with pytest.raises(Conflict) as refused:
        start_deployment(spec(), actor=ana)
    problem = refused.value.problems[0]
    assert problem.code == "environment_frozen"
    assert "Cho Park" in problem.failed
    assert "names leaked" in problem.failed
    assert "a person lifts it, with a reason" in problem.expected
    assert refused.value.made == frozen
    assert not Deployment.objects.filter(status=DeploymentStatus.STARTED).exists()


def test_a_freeze_of_another_environment_does_not_matter(place: Environment, ana: Actor) -> None:
    freeze(factory.environment(key="staging"))
    assert start_deployment(spec(), actor=ana).status == DeploymentStatus.STARTED


def test_a_lifted_freeze_does_not_matter(place: Environment, ana: Actor) -> None:
    freeze(place)
    Freeze.objects.update(lifted_at=timezone.now())
    assert start_deployment(spec(), actor=ana).status == DeploymentStatus.STARTED


def mark_bad() -> None:
    Release.objects.filter(version="2026.11.5").update(
        bad_since=timezone.now(), bad_by="Cho Park", bad_reason="RB-1: Too slow"
    )


def test_a_release_marked_bad_is_deployed_again_with_an_answer_to_what_changed(place: Environment, ana: Actor) -> None:
    mark_bad()
    made = start_deployment(spec(what_changed="the index is back"), actor=ana)
    event = Event.objects.get(object_tag=made.tag)
    assert (event.action, event.payload["reason"]) == ("deployment:started", "the index is back")
    assert made.release.bad


def test_a_release_marked_bad_is_not_deployed_again_without_a_word(place: Environment, ana: Actor) -> None:
    """B27"""
    mark_bad()
    with pytest.raises(Conflict) as refused:
        start_deployment(spec(), actor=ana)
    assert refused.value.problems[0].code == "release_is_bad"
    assert "marked bad by Cho Park: RB-1: Too slow" in refused.value.problems[0].failed


def test_a_version_that_was_not_registered_is_refused(place: Environment, ana: Actor) -> None:
    with pytest.raises(NotFound) as refused:
        start_deployment(spec("2026.11.6"), actor=ana)
    assert "register it first" in refused.value.problems[0].expected


def test_an_unknown_environment_is_named_with_those_that_there_are(place: Environment, ana: Actor) -> None:
    with pytest.raises(NotFound) as refused:
        start_deployment(spec(environment="prod"), actor=ana)
    assert "production" in refused.value.problems[0].expected


def test_somebody_on_call_does_not_report_deployments(place: Environment) -> None:
    with pytest.raises(Denied):
        start_deployment(spec(), actor=factory.actor(factory.on_call()))


def test_the_same_key_with_another_wait_is_the_same_call(place: Environment, ana: Actor) -> None:
    first = start_deployment(spec(wait=0), actor=ana, key="build-17")
    again = start_deployment(spec(wait=60), actor=ana, key="build-17")
    assert again == first
    assert Event.objects.filter(action="deployment:started").count() == 1


def test_the_same_key_answers_the_same_even_under_a_freeze_that_came_later(place: Environment, ana: Actor) -> None:
    first = start_deployment(spec(), actor=ana, key="build-17")
    freeze(place)
    assert start_deployment(spec(), actor=ana, key="build-17") == first
