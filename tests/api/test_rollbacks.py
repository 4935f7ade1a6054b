"""/api/v1/rollbacks, and what a caller is shown before it presses: /api/v1/way-back."""

from typing import Any

import pytest

from releases import knocks
from releases.intake import SCOPES
from releases.migration_report import loss_digest
from releases.models import Deployment, Environment, Event, RenderedCommand, Rollback
from releases.states import Outcome, RollbackStatus, Serving, Verdict
from tests import factory
from tests.api.conftest import Pipeline, token_for

Story = tuple[Environment, Deployment, Deployment]
WAY_BACK = "way-back/archive/production"
WHY = {"reason": "users", "words": "names leaked"}


@pytest.fixture(autouse=True)
def knocked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """What was knocked for; nobody comes to the door."""
    sent: list[tuple[str, str, int]] = []
    monkeypatch.setattr(knocks, "_send", lambda task, queue, row_id: sent.append((task, queue, row_id)))
    monkeypatch.setattr(knocks, "broker_answers", lambda: True)
    return sent


@pytest.fixture
def story(db: None) -> Story:
    place, target, live = factory.story()
    factory.open_way_back(place, target, live)
    return place, target, live


def shown(pipeline: Pipeline, to: str = "") -> dict[str, Any]:
    """Look before the press, as every caller does."""
    response = pipeline.get(f"{WAY_BACK}?to={to}" if to else WAY_BACK)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()  # type: ignore[attr-defined]
    return answer


def refused(response: Any, status: int) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert response.status_code == status, body
    assert not Rollback.objects.exists()
    return body


# --- Before the press -------------------------------------------------------------------------------------------------


def test_a_caller_is_shown_what_the_confirm_page_shows(pipeline: Pipeline, story: Story) -> None:
    _, target, live = story
    factory.migrations(target, live, factory.LOSING)
    answer = shown(pipeline)
    assert (answer["live"]["id"], answer["live"]["version"]) == (live.tag, "2026.11.4")
    assert (answer["target"]["version"], answer["target"]["verified"]) == ("2026.11.3", True)
    assert (answer["command"]["digest"], answer["command"]["host"]) == (factory.DIGEST, "worker-1")
    assert [one["version"] for one in answer["undoes"]] == ["2026.11.4"]
    assert (answer["readiness"], answer["losses"]) == ("ready", [factory.LOSS])
    assert {"artifact", "migrations", "worker", "queue", "target"} <= {item["key"] for item in answer["items"]}
    assert answer["migrations"]["migrations"] == [factory.LOSING]
    assert answer["url"] == "http://testserver/s/archive/production/rollback"
    assert answer["press"] == {
        "service": "archive",
        "environment": "production",
        "live": live.pk,
        "target": target.pk,
        "digest": factory.DIGEST,
        "losses": [loss_digest(factory.LOSS)],
    }


def test_another_target_is_chosen_by_its_version(pipeline: Pipeline, place: Environment) -> None:
    factory.deployed(place, "2026.11.2")
    target = factory.deployed(place, "2026.11.5")
    factory.deployed(place, "2026.11.6", Verdict.FAIL)
    answer = shown(pipeline)
    assert [one["version"] for one in answer["other_targets"]] == ["2026.11.2", "2026.11.3"]
    chosen = shown(pipeline, "2026.11.2")
    assert (chosen["target"]["version"], chosen["other_targets"][0]["id"]) == ("2026.11.2", target.tag)


def test_a_version_that_is_no_target_is_refused_with_those_that_are(pipeline: Pipeline, story: Story) -> None:
    """Answered as if none had been asked for, it would read as if the way to that version were ready."""
    body = refused(pipeline.get("way-back/archive/production?to=2031.1.1"), 422)
    assert (body["code"], body["field"], body["got"]) == ("not_a_target", "to", "2031.1.1")
    assert body["expected"] == "one of 2026.11.3"
    live = refused(pipeline.get("way-back/archive/production?to=2026.11.4"), 422)
    assert live["detail"].startswith("The version is no target of a rollback: it is not earlier here.")


def test_where_there_is_nothing_to_go_back_to_the_reasons_are_said(pipeline: Pipeline, story: Story) -> None:
    _, target, _ = story
    target.release.bad_since, target.release.bad_by = target.started_at, "Ana"
    target.release.save()
    answer = shown(pipeline)
    assert (answer["target"], answer["press"]) == (None, None)
    assert answer["skipped"][0]["why"].startswith("marked bad by Ana")


def test_looking_asks_a_worker_to_look_where_none_has_lately(
    pipeline: Pipeline, story: Story, django_capture_on_commit_callbacks: Any, knocked: list[tuple[str, str, int]]
) -> None:
    place, target, _ = story
    with django_capture_on_commit_callbacks(execute=True):
        shown(pipeline)
        assert knocked == []
        place.readiness_looks.all().delete()
        shown(pipeline)
    assert knocked == [("render_target", place.act_queue, target.pk)]


@pytest.mark.parametrize("path", ["way-back/archive/moon", "way-back/nothing/production"])
def test_a_place_that_is_not_there_is_not_found(pipeline: Pipeline, story: Story, path: str) -> None:
    response = pipeline.get(path)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


# --- The press --------------------------------------------------------------------------------------------------------


def test_a_caller_presses_with_what_it_was_shown(
    pipeline: Pipeline, story: Story, django_capture_on_commit_callbacks: Any, knocked: list[tuple[str, str, int]]
) -> None:
    place, target, live = story
    seen = shown(pipeline)["press"]
    with django_capture_on_commit_callbacks(execute=True):
        response = pipeline.post("rollbacks", seen | WHY)
    assert response.status_code == 202
    rollback = Rollback.objects.get()
    answer = response.json()
    assert (answer["id"], answer["status"], answer["target"]) == (rollback.tag, "queued", "2026.11.3")
    assert pipeline.get(f"rollbacks/{rollback.pk}").json() == answer
    assert (rollback.target, rollback.undone, rollback.reason, rollback.words) == (target, live, "users", WHY["words"])
    assert (rollback.purge_wanted, rollback.seen_digest) == (True, factory.DIGEST)
    pressed = Event.objects.get(action="rollback:pressed").payload
    assert (pressed["actor"], pressed["via"]) == ("Pipeline", "api")
    assert ("run_rollback", place.act_queue, rollback.pk) in knocked


def test_the_same_key_presses_once_and_another_body_is_refused(pipeline: Pipeline, story: Story) -> None:
    """C24, C35"""
    seen = shown(pipeline)["press"] | WHY
    first = pipeline.post("rollbacks", seen, Idempotency_Key="chat-1").json()
    again = pipeline.post("rollbacks", seen, Idempotency_Key="chat-1")
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    other = pipeline.post("rollbacks", seen | {"words": "another"}, Idempotency_Key="chat-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Rollback.objects.count() == 1


def test_without_a_key_the_second_press_is_pointed_to_the_first(pipeline: Pipeline, story: Story) -> None:
    """B24"""
    seen = shown(pipeline)["press"] | WHY
    first = pipeline.post("rollbacks", seen).json()
    response = pipeline.post("rollbacks", seen)
    assert (response.status_code, response.json()["code"]) == (409, "rollback_open")
    assert first["id"] in response.json()["detail"]
    assert shown(pipeline)["open_rollback"] == first["id"]


def test_a_loss_has_to_be_accepted_in_so_many_words(pipeline: Pipeline, story: Story) -> None:
    """C25"""
    _, target, live = story
    factory.migrations(target, live, factory.LOSING)
    seen = shown(pipeline)["press"] | WHY
    body = refused(pipeline.post("rollbacks", seen), 422)
    assert (body["code"], body["field"], body["retry"]) == ("data_loss_not_accepted", "accept_data_loss", "safe")
    assert factory.LOSS in body["detail"]
    assert pipeline.post("rollbacks", seen | {"accept_data_loss": True}).status_code == 202
    assert Rollback.objects.get().at_press["accepted_losses"] == [factory.LOSS]


def test_accepting_what_was_not_shown_accepts_nothing(pipeline: Pipeline, story: Story) -> None:
    """C25: whoever always sends the word has not read what is lost."""
    _, target, live = story
    seen = shown(pipeline)["press"] | WHY | {"accept_data_loss": True}
    factory.migrations(target, live, factory.LOSING)
    body = refused(pipeline.post("rollbacks", seen), 409)
    assert (body["code"], body["retry"]) == ("losses_changed", "after a fresh look")
    assert factory.LOSS in body["detail"]


def test_a_press_whose_live_deployment_or_command_moved_on_is_refused(pipeline: Pipeline, story: Story) -> None:
    """B29, C26"""
    place, _, _ = story
    seen = shown(pipeline)["press"] | WHY
    RenderedCommand.objects.update(digest="e" * 64)
    assert refused(pipeline.post("rollbacks", seen), 409)["code"] == "command_changed"
    newer = factory.deployed(place, "2026.11.5")
    body = refused(pipeline.post("rollbacks", seen), 409)
    assert (body["code"], body["field"], body["title"]) == ("live_moved", "live", "The state has moved")
    assert newer.tag in body["detail"]


def test_only_what_was_earlier_here_is_a_target(pipeline: Pipeline, story: Story) -> None:
    """C41"""
    place, target, live = story
    staging = factory.environment(place.service, "staging")
    elsewhere = factory.deployed(staging, "2026.11.3")
    seen = shown(pipeline)["press"] | WHY
    for wrong in (elsewhere.pk, live.pk, 10**9):
        body = refused(pipeline.post("rollbacks", seen | {"target": wrong}), 422)
        assert (body["code"], body["field"], body["retry"]) == ("not_a_target", "target", "do not retry")
        assert target.tag in body["expected"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"live": "5"}, "live"),
        ({"live": 0}, "live"),
        ({"target": 1.5}, "target"),
        ({"reason": "because"}, "reason"),
        ({"reason": None}, "reason"),
        ({"digest": "short"}, "digest"),
        ({"losses": ["rows"]}, "losses.0"),
        ({"accept_data_loss": "yes"}, "accept_data_loss"),
        ({"words": "a\u202eb"}, "words"),
        ({"force": True}, "force"),
    ],
)
def test_a_body_that_does_not_fit_names_the_field(
    pipeline: Pipeline, story: Story, changes: dict[str, Any], field: str
) -> None:
    """C30"""
    body = refused(pipeline.post("rollbacks", shown(pipeline)["press"] | WHY | changes), 422)
    assert [error["field"] for error in body["errors"]] == [field]


def test_everything_that_is_missing_is_named_at_once(pipeline: Pipeline) -> None:
    """C30"""
    body = refused(pipeline.post("rollbacks", {}), 422)
    assert [error["field"] for error in body["errors"]] == ["service", "environment", "live", "target", "reason"]


def test_rolling_back_takes_its_own_scope(story: Story) -> None:
    """C33: a token that may deploy may not roll back."""
    deploying = Pipeline(token_for("eve", scopes=tuple(scope for scope in SCOPES if scope != "rollbacks:write")))
    body = refused(deploying.post("rollbacks", shown(deploying)["press"] | WHY), 403)
    assert (body["code"], "rollbacks:write" in body["detail"]) == ("scope_missing", True)


def test_rolling_back_takes_its_own_permission(story: Story) -> None:
    """C33: the token may, the person may not; their refusal is in the book."""
    auditor = Pipeline(token_for("lee", "auditor"))
    body = refused(auditor.post("rollbacks", shown(auditor)["press"] | WHY), 403)
    assert (body["code"], "roll_back" in body["detail"]) == ("permission_missing", True)


def test_a_group_for_another_service_does_not_suffice(story: Story) -> None:
    """C33"""
    bot = Pipeline(token_for("bot", "on-call", of=factory.service("payments")))
    assert refused(bot.post("rollbacks", shown(bot)["press"] | WHY), 403)["code"] == "permission_missing"


# --- Following it -----------------------------------------------------------------------------------------------------


def test_a_rollback_can_be_followed(pipeline: Pipeline) -> None:
    place, target, live = factory.story()
    rollback = factory.rollback(place, target, live, factory.on_call())
    answer = pipeline.get(f"rollbacks/{rollback.pk}").json()
    assert (answer["id"], answer["status"], answer["command"]) == (rollback.tag, "queued", "not started")
    assert (answer["undone"], answer["target"]) == ("2026.11.4", "2026.11.3")
    assert (answer["serving"], answer["outcome"]) == (None, None)
    assert answer["url"] == f"http://testserver/rollbacks/{rollback.pk}"


def test_its_end_says_what_was_measured(pipeline: Pipeline, place: Environment) -> None:
    assert place.live is not None
    assert place.live.replaced is not None
    rollback = factory.rollback(place, place.live.replaced, place.live, factory.on_call())
    Rollback.objects.update(
        status=RollbackStatus.DONE, outcome=Outcome.NOT_RESTORED, serving=Serving.MIXED, detail="web-2 is old."
    )
    answer = pipeline.get(f"rollbacks/{rollback.pk}").json()
    assert (answer["outcome"], answer["serving"], answer["detail"]) == ("not restored", "mixed", "web-2 is old.")


def test_one_that_is_not_there_is_not_found(pipeline: Pipeline) -> None:
    response = pipeline.get("rollbacks/999")
    assert response.status_code == 404
    assert response.json()["got"] == "RB-999"
