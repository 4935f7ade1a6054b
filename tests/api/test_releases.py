"""POST /api/v1/releases and GET /api/v1/releases/<number>."""

import re

from releases.models import Environment, Event, Release, User
from tests.api.conftest import RELEASE, Pipeline


def test_a_release_is_registered(pipeline: Pipeline, place: Environment) -> None:
    response = pipeline.post("releases", {**RELEASE, "affected_routes": ["/articles"], "change_size": "small"})
    made = Release.objects.get(version="2026.11.5")
    assert response.status_code == 201
    answer = response.json()
    assert (answer["id"], answer["service"], answer["version"]) == (made.tag, "archive", "2026.11.5")
    assert answer["url"] == f"http://testserver/releases/{made.pk}"
    assert (made.affected_routes, made.change_size, made.registered_by) == (["/articles"], "small", "Pipeline")


def test_when_its_oldest_commit_was_made_is_taken_and_answered_in_utc(pipeline: Pipeline, place: Environment) -> None:
    given = {**RELEASE, "committed_at": "2026-03-14T10:00:00+01:00"}
    answers = [pipeline.post("releases", given, idempotency_key="build-17").json() for _ in range(2)]
    assert [each["committed_at"] for each in answers] == ["2026-03-14T09:00:00Z"] * 2
    release = Release.objects.get(version="2026.11.4")
    assert pipeline.get(f"releases/{release.pk}").json()["committed_at"] is None


def test_the_book_says_that_it_came_by_the_api(pipeline: Pipeline, place: Environment) -> None:
    response = pipeline.post("releases", RELEASE)
    event = Event.objects.get(action="release:registered")
    assert event.payload["via"] == "api"
    assert event.payload["request_id"] == response["X-Request-Id"]


def test_the_same_key_answers_the_same_release(pipeline: Pipeline, place: Environment) -> None:
    """B16"""
    answers = [pipeline.post("releases", RELEASE, idempotency_key="build-17").json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert Release.objects.filter(version="2026.11.5").count() == 1


def test_the_same_key_with_another_body_is_refused(pipeline: Pipeline, place: Environment) -> None:
    """C35"""
    pipeline.post("releases", RELEASE, idempotency_key="build-17")
    response = pipeline.post("releases", {**RELEASE, "owner": "Cho Park"}, idempotency_key="build-17")
    assert response.status_code == 422
    assert response.json()["code"] == "idempotency_key_reused"


def test_a_key_of_a_kilobyte_is_refused(pipeline: Pipeline, place: Environment) -> None:
    """C36"""
    response = pipeline.post("releases", RELEASE, idempotency_key="k" * 1024)
    assert response.status_code == 422
    assert response.json()["field"] == "Idempotency-Key"


def test_a_version_that_is_registered_already_is_a_conflict(pipeline: Pipeline, place: Environment) -> None:
    pipeline.post("releases", RELEASE)
    response = pipeline.post("releases", RELEASE)
    assert response.status_code == 409
    assert (response.json()["code"], response.json()["title"]) == ("version_exists", "It exists already")


def test_every_mistake_is_said_at_once(pipeline: Pipeline, place: Environment) -> None:
    response = pipeline.post("releases", {"service": "archive", "version": "a b", "owner": "", "ownr": 1})
    assert response.status_code == 422
    assert {error["field"] for error in response.json()["errors"]} == {
        "version",
        "owner",
        "expected_result",
        "rollback_note",
        "ownr",
    }
    assert not Release.objects.filter(version="a b").exists()


def test_an_unknown_service_is_not_found(pipeline: Pipeline, place: Environment) -> None:
    response = pipeline.post("releases", {**RELEASE, "service": "serach"})
    assert response.status_code == 404
    assert response.json()["got"] == "serach"


def test_a_release_can_be_read(pipeline: Pipeline, place: Environment) -> None:
    release = Release.objects.get(version="2026.11.4")
    response = pipeline.get(f"releases/{release.pk}")
    assert response.status_code == 200
    answer = response.json()
    assert (answer["version"], answer["owner"], answer["bad"]) == ("2026.11.4", "Ben Okafor", False)


def test_its_times_are_utc_with_z_for_a_user_of_any_zone(pipeline: Pipeline, place: Environment) -> None:
    User.objects.update(time_zone="Asia/Tokyo")
    answer = pipeline.get(f"releases/{Release.objects.get(version='2026.11.4').pk}").json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", answer["registered_at"])


def test_a_release_that_is_not_there_is_not_found(pipeline: Pipeline) -> None:
    assert pipeline.get("releases/999").status_code == 404


def test_a_number_beyond_any_number_is_not_found(pipeline: Pipeline) -> None:
    """C37"""
    assert pipeline.get(f"releases/{10**30}").status_code == 404
