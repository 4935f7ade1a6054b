"""/api/v1/checklist-runs, /api/v1/findings/<number>/acceptance and /api/v1/acceptances/<number>/withdraw."""

from typing import Any

import pytest

from releases.models import Acceptance, ChecklistRun, Environment, Finding
from releases.states import Level, Purpose
from tests import factory
from tests.api.conftest import Pipeline, token_for

WHERE = {"service": "archive", "environment": "production"}


def finding(place: Environment) -> Finding:
    assert place.live is not None
    assert place.live.verify_run is not None
    probe = place.live.verify_run.probes.get(key="cache_headers")
    return Finding.objects.create(
        probe_run=probe, kind="not_shared", subject="/", level=Level.FAIL, sentence="/ is not shared"
    )


def test_the_checklist_of_what_is_live_is_run_again(pipeline: Pipeline, place: Environment) -> None:
    response = pipeline.post("checklist-runs", WHERE | {"probes": ["cache_headers"]})
    assert response.status_code == 202
    answer = response.json()
    made = ChecklistRun.objects.latest("pk")
    assert (answer["id"], answer["partial"], answer["status"], answer["version"]) == (
        made.tag,
        True,
        "queued",
        "2026.11.4",
    )
    assert [probe["key"] for probe in answer["probes"]] == ["serving_version", "cache_headers", "serving_version"]
    assert made.purpose == Purpose.VERIFY


def test_the_same_key_answers_the_same_run(pipeline: Pipeline, place: Environment) -> None:
    first = pipeline.post("checklist-runs", WHERE, Idempotency_Key="again-1").json()
    ChecklistRun.objects.filter(pk=first["id"][2:]).update(status="done")
    assert pipeline.post("checklist-runs", WHERE, Idempotency_Key="again-1").json()["id"] == first["id"]
    assert pipeline.post("checklist-runs", WHERE, Idempotency_Key="again-2").json()["id"] != first["id"]


def test_every_answer_and_finding_can_be_read(pipeline: Pipeline, place: Environment) -> None:
    found = finding(place)
    run = place.live.verify_run if place.live else None
    assert run is not None
    answer = pipeline.get(f"checklist-runs/{run.pk}").json()
    [probe] = [probe for probe in answer["probes"] if probe["key"] == "cache_headers"]
    assert probe["findings"] == [
        {
            "id": found.pk,
            "kind": "not_shared",
            "subject": "/",
            "level": "fail",
            "sentence": "/ is not shared",
            "already_failing": False,
            "accepted": None,
        }
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"probes": ["no_such_probe"]}, 422, "unknown_probe"),
        ({"probes": "cache_headers"}, 422, "invalid"),
        ({"probes": ["../../etc"]}, 422, "invalid"),
        ({"wait": 61}, 422, "invalid"),
        ({"environment": "moon"}, 404, "not_found"),
    ],
)
def test_what_cannot_be_run_is_refused(
    pipeline: Pipeline, place: Environment, body: dict[str, Any], status: int, code: str
) -> None:
    """C30"""
    response = pipeline.post("checklist-runs", WHERE | body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not ChecklistRun.objects.exclude(requested_by="").exists()


def test_a_token_without_the_scope_is_refused(db: None, place: Environment) -> None:
    """C33"""
    response = Pipeline(token_for("other", scopes=("read",))).post("checklist-runs", WHERE)
    assert response.status_code == 403
    assert "checklists:write" in response.json()["detail"]


def test_a_finding_is_accepted_and_the_acceptance_withdrawn(pipeline: Pipeline, place: Environment) -> None:
    response = pipeline.post(f"findings/{finding(place).pk}/acceptance", {"reason": "known", "until": None})
    assert response.status_code == 201
    answer = response.json()
    assert (answer["release"], answer["until"], answer["reason"]) == ("2026.11.4", None, "known")
    ended = pipeline.post(f"acceptances/{answer['id'][2:]}/withdraw", {"reason": "no longer"})
    assert (ended.status_code, bool(ended.json()["ended_at"])) == (200, True)


@pytest.mark.parametrize("until", ["2026-02-30", "tomorrow", 5, "2020-01-01", "9999-01-01"])
def test_a_day_that_is_none_is_refused(pipeline: Pipeline, place: Environment, until: Any) -> None:
    """C42"""
    response = pipeline.post(f"findings/{finding(place).pk}/acceptance", {"reason": "known", "until": until})
    assert (response.status_code, response.json()["field"]) == (422, "until")
    assert not Acceptance.objects.exists()


def test_somebody_who_may_not_accept_is_refused(db: None, place: Environment) -> None:
    response = Pipeline(token_for("oncall", "on-call")).post(
        f"findings/{finding(place).pk}/acceptance", {"reason": "x"}
    )
    assert response.status_code == 403


def test_a_finding_that_is_not_there_is_not_found(pipeline: Pipeline, place: Environment) -> None:
    factory.on_call()
    assert pipeline.post("findings/999/acceptance", {"reason": "x"}).status_code == 404
