"""POST /api/v1/deployments, POST /api/v1/deployments/<number>/finish, GET /api/v1/deployments/<number>."""

import threading
import time

import pytest
from django.utils import timezone

from releases.api import views
from releases.models import ChecklistRun, Deployment, Environment, Event, Freeze, ProbeRun
from releases.states import DeploymentStatus, RunStatus, Verdict
from tests import factory
from tests.api.conftest import START, Pipeline


@pytest.fixture
def place(place: Environment) -> Environment:
    """The same, with 2026.11.5 registered."""
    factory.release(place.service, "2026.11.5")
    return place


@pytest.fixture
def frozen(place: Environment) -> Freeze:
    return Freeze.objects.create(
        environment=place, reason="RB-1: Users report: names leaked", frozen_by="Cho Park", frozen_at=timezone.now()
    )


def started(pipeline: Pipeline) -> Deployment:
    answer = pipeline.post("deployments", START).json()
    return Deployment.objects.get(pk=answer["id"].removeprefix("D-"))


def test_a_start_answers_with_the_baseline_that_is_now_measured(pipeline: Pipeline, place: Environment) -> None:
    response = pipeline.post("deployments", START)
    assert response.status_code == 202
    answer = response.json()
    made = Deployment.objects.get(status=DeploymentStatus.STARTED)
    assert (answer["id"], answer["status"], answer["version"]) == (made.tag, "started", "2026.11.5")
    assert answer["baseline"]["status"] == "queued"
    assert answer["baseline"]["verdict"] is None
    assert answer["checklist"] is None


def test_a_start_under_a_freeze_says_who_why_and_how_to_lift_it(
    pipeline: Pipeline, place: Environment, frozen: Freeze
) -> None:
    """B26"""
    response = pipeline.post("deployments", START)
    assert response.status_code == 409
    answer = response.json()
    assert (answer["code"], answer["field"]) == ("environment_frozen", "environment")
    assert answer["title"] == "It does not fit what is there now"
    assert "Cho Park" in answer["detail"]
    assert "names leaked" in answer["detail"]
    assert "a person lifts it, with a reason" in answer["expected"]
    assert not Deployment.objects.filter(status=DeploymentStatus.STARTED).exists()


def test_the_same_key_answers_the_same_deployment(pipeline: Pipeline, place: Environment) -> None:
    """B16"""
    answers = [pipeline.post("deployments", START, idempotency_key="build-17").json()["id"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert Deployment.objects.filter(status=DeploymentStatus.STARTED).count() == 1


def test_a_start_waits_for_the_baseline_no_longer_than_asked(pipeline: Pipeline, place: Environment) -> None:
    began = time.monotonic()
    response = pipeline.post("deployments", {**START, "wait": 1})
    assert 0.9 < time.monotonic() - began < 10
    assert response.json()["baseline"]["status"] == "queued"


def test_a_start_whose_baseline_is_measured_does_not_wait(pipeline: Pipeline, place: Environment) -> None:
    pipeline.post("deployments", START, idempotency_key="build-17")
    ChecklistRun.objects.update(status=RunStatus.DONE, verdict=Verdict.FAIL)
    began = time.monotonic()
    response = pipeline.post("deployments", {**START, "wait": 60}, idempotency_key="build-17")
    assert time.monotonic() - began < 10
    assert (response.json()["baseline"]["status"], response.json()["baseline"]["verdict"]) == ("done", "fail")


def test_a_start_is_answered_at_once_when_enough_others_wait(
    pipeline: Pipeline, place: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that wait are not there for the person who rolls back."""
    monkeypatch.setattr(views, "_waiting", threading.BoundedSemaphore(1))
    with views._waiting:
        began = time.monotonic()
        response = pipeline.post("deployments", {**START, "wait": 60})
    assert time.monotonic() - began < 10
    assert (response.status_code, response.json()["baseline"]["status"]) == (202, "queued")


def test_a_start_that_has_waited_makes_room_for_the_next(
    pipeline: Pipeline, place: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_waiting", threading.BoundedSemaphore(1))
    pipeline.post("deployments", {**START, "wait": 1})
    assert views._waiting.acquire(blocking=False)


@pytest.mark.parametrize("wait", [-1, 61, "5", 1.5, None])
def test_a_wait_beyond_its_limits_is_refused(pipeline: Pipeline, place: Environment, wait: object) -> None:
    """C30"""
    response = pipeline.post("deployments", {**START, "wait": wait})
    assert response.status_code == 422
    assert (response.json()["field"], response.json()["expected"]) == ("wait", "0-60 whole seconds")


def test_a_version_that_was_not_registered_is_not_found(pipeline: Pipeline, place: Environment) -> None:
    response = pipeline.post("deployments", {**START, "version": "2026.11.6"})
    assert response.status_code == 404
    assert "register it first" in response.json()["expected"]


def test_a_finish_answers_with_the_checklist_that_now_runs(pipeline: Pipeline, place: Environment) -> None:
    deployment = started(pipeline)
    response = pipeline.post(f"deployments/{deployment.pk}/finish", {"succeeded": True})
    assert response.status_code == 200
    answer = response.json()
    assert (answer["id"], answer["status"], answer["despite_freeze"]) == (deployment.tag, "finished", False)
    assert (answer["checklist"]["purpose"], answer["checklist"]["status"]) == ("verify", "queued")
    assert (answer["checklist"]["done"], answer["checklist"]["total"]) == (0, 4)


def test_a_finish_is_recorded_despite_a_freeze(pipeline: Pipeline, place: Environment) -> None:
    """B26"""
    deployment = started(pipeline)
    Freeze.objects.create(environment=place, reason="RB-1", frozen_by="Cho Park", frozen_at=timezone.now())
    response = pipeline.post(f"deployments/{deployment.pk}/finish", {"succeeded": True})
    assert response.status_code == 200
    assert response.json()["despite_freeze"] is True


def test_a_failure_is_reported_the_same_way(pipeline: Pipeline, place: Environment) -> None:
    deployment = started(pipeline)
    response = pipeline.post(f"deployments/{deployment.pk}/finish", {"succeeded": False})
    assert response.json()["status"] == "failed"


def test_the_same_finish_twice_is_one_finish(pipeline: Pipeline, place: Environment) -> None:
    deployment = started(pipeline)
    answers = [pipeline.post(f"deployments/{deployment.pk}/finish", {}).status_code for _ in range(2)]
    assert answers == [200, 200]
    assert Event.objects.filter(action="deployment:finished").count() == 1


def test_a_finish_that_says_the_opposite_is_a_conflict(pipeline: Pipeline, place: Environment) -> None:
    deployment = started(pipeline)
    pipeline.post(f"deployments/{deployment.pk}/finish", {"succeeded": True})
    response = pipeline.post(f"deployments/{deployment.pk}/finish", {"succeeded": False})
    assert response.status_code == 409
    assert response.json()["retry"] == "do not retry"


def test_a_finish_of_nothing_is_not_found(pipeline: Pipeline) -> None:
    assert pipeline.post("deployments/999/finish", {"succeeded": True}).status_code == 404


def test_a_deployment_can_be_read_with_how_far_its_checklist_is(pipeline: Pipeline, place: Environment) -> None:
    deployment = started(pipeline)
    pipeline.post(f"deployments/{deployment.pk}/finish", {})
    ProbeRun.objects.filter(run__deployment=deployment, run__purpose="verify", wave__lte=1).update(status="done")
    answer = pipeline.get(f"deployments/{deployment.pk}").json()
    assert (answer["service"], answer["environment"], answer["kind"]) == ("archive", "production", "deployment")
    assert (answer["verdict"], answer["regression"]) == (None, None)
    # serving_version has looked once of twice, so it has not answered yet
    assert (answer["checklist"]["done"], answer["checklist"]["total"]) == (2, 4)
    assert answer["baseline"]["given_up"] == "the deployment ended before the baseline was measured"


def test_a_judged_deployment_says_its_verdict(pipeline: Pipeline, place: Environment) -> None:
    answer = pipeline.get(f"deployments/{place.live_id}").json()
    assert (answer["verdict"], answer["regression"]) == ("fail", "yes")
