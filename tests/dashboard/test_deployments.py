"""Reporting by hand that a deployment starts and that it has ended."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from releases.intake import StartSpec
from releases.models import ChecklistRun, Deployment, Environment, Freeze
from releases.services.deployments import start_deployment
from releases.states import DeploymentStatus, Purpose
from tests import factory
from tests.dashboard.pages import links, sign_in_again, signed_in, words

pytestmark = pytest.mark.django_db

START = "/s/archive/production/deployments/new"


@pytest.fixture
def production() -> Environment:
    place = factory.environment()
    factory.deployed(place, "2026.11.3")
    factory.release(place.service, "2026.11.4")
    return place


@pytest.fixture
def started(production: Environment) -> Deployment:
    spec = StartSpec(service="archive", environment="production", version="2026.11.4")
    return start_deployment(spec, actor=factory.actor(factory.person("pipeline", "lead")))


def frozen(place: Environment) -> Freeze:
    return Freeze.objects.create(
        environment=place, reason="RB-1: names leaked", frozen_by="Cho Park", frozen_at=timezone.now()
    )


def start(client: Any, version: str = "2026.11.4", key: str = "") -> Any:
    return client.post(START, {"version": version, "key": key or str(uuid.uuid4())})


def finish(client: Any, deployment: Deployment, succeeded: str = "true") -> Any:
    return client.post(f"/deployments/{deployment.pk}/finish", {"succeeded": succeeded, "key": str(uuid.uuid4())})


# --- Start ----------------------------------------------------------------------------------------------------------


def test_a_start_is_recorded_and_leads_to_the_release(production: Environment) -> None:
    response = start(signed_in(factory.lead()))
    made = Deployment.objects.latest("pk")
    assert (made.status, made.reported_by, made.baseline.purpose) == ("started", "Ana Ruiz", Purpose.BASELINE)
    assert response.status_code == 303
    assert response["Location"] == f"/releases/{made.release_id}?deployment={made.pk}#checklist"


def test_the_form_offers_the_newest_versions_that_are_not_bad(production: Environment) -> None:
    bad = factory.release(production.service, "2026.11.5")
    bad.bad_since = timezone.now()
    bad.save()
    source = signed_in(factory.lead()).get(START).content.decode()
    assert '<option value="2026.11.4">' in source
    assert '<option value="2026.11.5">' not in source
    assert "live is 2026.11.3" in source


def test_the_same_start_sent_twice_makes_one_deployment(production: Environment) -> None:
    """C24."""
    client, key = signed_in(factory.lead()), str(uuid.uuid4())
    first, second = start(client, key=key), start(client, key=key)
    assert first["Location"] == second["Location"]
    assert Deployment.objects.filter(status=DeploymentStatus.STARTED).count() == 1


def test_a_frozen_environment_answers_409_with_who_why_and_how_to_lift(production: Environment) -> None:
    freeze = frozen(production)
    response = start(signed_in(factory.lead()))
    told = words(response)
    assert response.status_code == 409
    assert "archive/production is frozen; nothing was changed By Cho Park" in told
    assert "RB-1: names leaked" in told
    assert f"/freezes/{freeze.pk}/lift" in links(response)
    assert 'value="2026.11.4"' in response.content.decode(), "what was typed is kept"
    assert not Deployment.objects.filter(status=DeploymentStatus.STARTED).exists()


def test_a_freeze_is_told_before_anything_is_sent(production: Environment) -> None:
    frozen(production)
    response = signed_in(factory.lead()).get(START)
    assert response.status_code == 200
    assert "archive/production is frozen" in words(response)


def test_a_bad_release_is_not_deployed_again(production: Environment) -> None:
    release = production.service.releases.get(version="2026.11.4")
    release.bad_since, release.bad_by, release.bad_reason = timezone.now(), "Cho Park", "RB-1: leak"
    release.save()
    response = start(signed_in(factory.lead()))
    assert response.status_code == 409
    assert "was marked bad by Cho Park: RB-1: leak" in words(response)
    assert f"/releases/{release.pk}" in links(response)


@pytest.mark.parametrize(
    ("version", "status", "told"),
    [
        ("", 422, "version is missing."),
        ("no good", 422, "version has characters, or a length, that it may not have."),
        ("9.9", 404, "There is no version 9.9. Expected: a registered release of archive; register it first."),
    ],
)
def test_a_version_that_is_none_is_refused_beside_its_field(
    production: Environment, version: str, status: int, told: str
) -> None:
    response = start(signed_in(factory.lead()), version)
    assert response.status_code == status
    assert told in words(response)
    assert 'id="error-version"' in response.content.decode()


def test_somebody_without_the_permission_does_not_start(production: Environment) -> None:
    client = signed_in(factory.on_call())
    assert "Only lead may, or a pipeline with a token." in words(client.get(START))
    assert start(client).status_code == 403
    assert not Deployment.objects.filter(status=DeploymentStatus.STARTED).exists()


@pytest.mark.parametrize("address", ["/s/archive/nowhere/deployments/new", "/s/nothing/production/deployments/new"])
def test_a_place_that_does_not_exist_is_not_found(production: Environment, address: str) -> None:
    assert signed_in(factory.lead()).get(address).status_code == 404


# --- Finish ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "status"), [("true", "finished"), ("false", "failed")])
def test_a_finish_is_recorded_and_the_checklist_is_queued(started: Deployment, answer: str, status: str) -> None:
    response = finish(signed_in(factory.lead()), started, answer)
    started.refresh_from_db()
    assert started.status == status
    assert (response.status_code, response["Location"]) == (
        303,
        f"/releases/{started.release_id}?deployment={started.pk}#checklist",
    )
    assert ChecklistRun.objects.get(deployment=started, purpose=Purpose.VERIFY).status == "queued"


@pytest.mark.parametrize("answer", ["", "perhaps"])
def test_a_finish_without_an_answer_is_no_success(started: Deployment, answer: str) -> None:
    response = finish(signed_in(factory.lead()), started, answer)
    started.refresh_from_db()
    assert (response.status_code, started.status) == (422, "started")
    assert 'id="error-succeeded"' in response.content.decode()


def test_a_finish_under_a_freeze_is_recorded_as_despite_freeze(started: Deployment) -> None:
    frozen(started.environment)
    client = signed_in(factory.lead())
    assert "It will be recorded as despite freeze ." in words(client.get(f"/deployments/{started.pk}/finish"))
    assert finish(client, started).status_code == 303
    started.refresh_from_db()
    assert started.despite_freeze


def test_the_same_finish_twice_leads_to_the_same_page(started: Deployment) -> None:
    client = signed_in(factory.lead())
    assert finish(client, started)["Location"] == finish(client, started)["Location"]
    assert ChecklistRun.objects.filter(deployment=started, purpose=Purpose.VERIFY).count() == 1


def test_a_finish_that_contradicts_the_first_one_is_refused(started: Deployment) -> None:
    """Wrong state: what was reported stays."""
    client = signed_in(factory.lead())
    finish(client, started, "true")
    response = finish(client, started, "false")
    assert response.status_code == 409
    assert f"{started.tag} was already reported as finished" in words(response)
    started.refresh_from_db()
    assert started.status == "finished"


def test_a_finished_deployment_offers_no_form(production: Environment) -> None:
    live = Deployment.objects.get()
    response = signed_in(factory.lead()).get(f"/deployments/{live.pk}/finish")
    assert f"{live.tag} was already reported as finished" in words(response)
    assert 'name="succeeded"' not in response.content.decode()


def test_the_end_of_a_rollback_is_not_reported_by_hand(production: Environment) -> None:
    target = Deployment.objects.get()
    live = factory.deployed(production, "2026.11.4")
    person = factory.lead()
    back = Deployment.objects.create(
        release=target.release, environment=production, kind="rollback", reported_by="x", started_at=timezone.now()
    )
    rollback = factory.rollback(production, target, live, person, status="running", deployment=back)
    response = finish(signed_in(person), back)
    back.refresh_from_db()
    assert (response.status_code, back.status) == (409, "started")
    assert rollback.get_absolute_url() in links(response)


def test_somebody_without_the_permission_does_not_finish(started: Deployment) -> None:
    client = signed_in(factory.on_call())
    response = client.get(f"/deployments/{started.pk}/finish")
    assert "Only lead (now Pipeline) may, or the pipeline that started it." in words(response)
    assert finish(client, started).status_code == 403
    started.refresh_from_db()
    assert started.status == "started"


# --- Both -----------------------------------------------------------------------------------------------------------


def test_the_forms_take_nothing_but_get_and_post(started: Deployment) -> None:
    client = signed_in(factory.lead())
    assert client.put(START).status_code == 405
    assert client.delete(f"/deployments/{started.pk}/finish").status_code == 405


def test_who_is_signed_out_is_led_to_sign_in(client: Any, started: Deployment) -> None:
    assert f"/login?next={START}" in links(start(client))
    assert f"/login?next=/deployments/{started.pk}/finish" in links(finish(client, started))


def test_a_deployment_that_does_not_exist_is_not_found() -> None:
    assert signed_in(factory.lead()).get("/deployments/999/finish").status_code == 404


# --- The session has ended ------------------------------------------------------------------------------------------


def test_a_start_sent_after_the_session_ended_is_filled_again_after_the_sign_in(production: Environment) -> None:
    """C22"""
    client = Client()
    ended = start(client)
    assert ended.status_code == 403
    again = sign_in_again(client, ended, factory.lead())
    assert 'required value="2026.11.4"' in again.content.decode()
    assert Deployment.objects.count() == 1


def test_a_finish_sent_after_the_session_ended_is_filled_again_after_the_sign_in(started: Deployment) -> None:
    """C22"""
    client = Client()
    ended = finish(client, started, succeeded="false")
    assert ended.status_code == 403
    again = sign_in_again(client, ended, factory.lead())
    assert 'value="false" required checked' in again.content.decode()
    started.refresh_from_db()
    assert started.status == DeploymentStatus.STARTED


def test_what_was_kept_for_one_form_fills_no_other(production: Environment, started: Deployment) -> None:
    """C22"""
    client = Client()
    finish(client, started, succeeded="false")
    client.force_login(factory.lead())
    assert "checked" not in client.get(START).content.decode()
    assert 'value="false" required checked' in client.get(f"/deployments/{started.pk}/finish").content.decode()
