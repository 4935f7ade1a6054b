"""/api/v1/rehearsals."""

import pytest

from releases.models import Environment, Rehearsal
from tests import factory
from tests.api.conftest import Pipeline, token_for

WHAT = {"service": "archive", "environment": "staging", "version": "2026.11.5"}


@pytest.fixture
def staging(place: Environment) -> Environment:
    made = factory.environment(place.service, "staging", command_names=["deploy", "rollback"])
    factory.deployed(made, "2026.11.4")
    factory.release(place.service, "2026.11.5")
    return made


def test_a_pipeline_has_a_release_rehearsed_and_asks_how_it_went(pipeline: Pipeline, staging: Environment) -> None:
    response = pipeline.post("rehearsals", WHAT)
    assert response.status_code == 202
    answer = response.json()
    made = Rehearsal.objects.get()
    assert (answer["id"], answer["status"], answer["outcome"], answer["back_to"]) == (
        made.tag,
        "queued",
        None,
        "2026.11.4",
    )
    assert [step["step"] for step in answer["steps"]] == [
        "measure before",
        "deploy",
        "check",
        "roll back",
        "check again",
    ]
    assert pipeline.get(f"rehearsals/{made.pk}").json() == answer


def test_the_same_key_rehearses_once(pipeline: Pipeline, staging: Environment) -> None:
    first = pipeline.post("rehearsals", WHAT, Idempotency_Key="r-1").json()
    assert pipeline.post("rehearsals", WHAT, Idempotency_Key="r-1").json()["id"] == first["id"]


def test_production_is_refused(pipeline: Pipeline, staging: Environment) -> None:
    response = pipeline.post("rehearsals", WHAT | {"environment": "production"})
    assert (response.status_code, response.json()["code"]) == (409, "is_production")


def test_a_token_needs_the_scope(place: Environment, staging: Environment) -> None:
    """C33"""
    reporting = Pipeline(token_for("eve", scopes=("deployments:write",)))
    response = reporting.post("rehearsals", WHAT)
    assert response.status_code == 403
    assert "deployments:run" in response.json()["detail"]
