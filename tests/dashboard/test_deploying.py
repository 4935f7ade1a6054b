"""Having Rollbook deploy a release, and the page of such a deployment."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from releases.models import Deployment, Environment, Execution, Freeze, Rehearsal, RenderedDeploy
from releases.states import (
    CommandState,
    DeploymentKind,
    DeploymentStatus,
    ExecutionKind,
    ExecutionStatus,
    RehearsalOutcome,
    RehearsalStatus,
)
from tests import factory
from tests.dashboard.pages import HTMX, hidden_key, links, polled, sign_in_again, signed_in, words

pytestmark = pytest.mark.django_db

FORM = "/s/archive/staging/deploy"
REHEARSE = "/s/archive/staging/rehearse"


@pytest.fixture
def staging() -> Environment:
    place = factory.environment(key="staging", command_names=["deploy", "rollback"])
    factory.deployed(place, "2026.11.4")
    factory.release(place.service, "2026.11.5")
    return place


@pytest.fixture
def ana() -> Client:
    return signed_in(factory.lead())


def render_command(place: Environment, **fields: Any) -> RenderedDeploy:
    release = place.service.releases.get(version="2026.11.5")
    defaults = {"argv": ["bin/deploy", "--version=2026.11.5"], "digest": "d" * 64, "host": "worker-1"}
    return RenderedDeploy.objects.create(
        environment=place, release=release, timeout=70, rendered_at=timezone.now(), **(defaults | fields)
    )


def deploying(place: Environment, **fields: Any) -> Deployment:
    """A deployment that Rollbook runs, its command at work."""
    person = factory.person("dee", "lead")
    execution = Execution.objects.create(
        environment=place,
        kind=ExecutionKind.DEPLOY,
        argv=["bin/deploy", "--version=2026.11.5"],
        host="worker-1",
        started_by=person.name,
        started_at=timezone.now(),
        output="linking 2026.11.5\n",
    )
    return Deployment.objects.create(
        release=place.service.releases.get(version="2026.11.5"),
        environment=place,
        replaced=place.live,
        reported_by=person.name,
        requester=person,
        execution=execution,
        started_at=timezone.now(),
        **fields,
    )


def test_the_newest_version_is_offered_with_the_command_that_would_run(staging: Environment, ana: Client) -> None:
    render_command(staging)
    shown = words(ana.get(FORM))
    assert "bin/deploy --version=2026.11.5" in shown
    assert "As worker-1 would run it" in shown
    assert "Deploy 2026.11.5 to staging" in shown


def test_a_press_deploys_once_and_leads_to_its_page(staging: Environment, ana: Client) -> None:
    render_command(staging)
    asked = {"version": "2026.11.5", "digest": "d" * 64, "key": hidden_key(ana.get(FORM))}
    answer = ana.post(FORM, asked)
    made = Deployment.objects.get(requester__isnull=False)
    assert (answer.status_code, answer["Location"]) == (303, f"/deployments/{made.pk}")
    assert ana.post(FORM, asked)["Location"] == f"/deployments/{made.pk}"
    assert made.seen_digest == "d" * 64


def test_while_no_worker_has_rendered_the_command_the_page_asks_again(staging: Environment, ana: Client) -> None:
    page = ana.get(FORM)
    assert "No worker has rendered the command yet" in words(page)
    asked = polled(page)
    assert asked is not None
    render_before = RenderedDeploy.objects.get()
    RenderedDeploy.objects.filter(pk=render_before.pk).update(
        host="worker-1", digest="e" * 64, argv=["bin/deploy"], rendered_at=timezone.now()
    )
    answer = ana.get(asked[0], headers=HTMX)
    assert f'value="{"e" * 64}"' in answer.content.decode()
    assert polled(answer) is None


def test_a_command_that_changed_meanwhile_has_to_be_looked_at(staging: Environment, ana: Client) -> None:
    render_command(staging)
    answer = ana.post(FORM, {"version": "2026.11.5", "digest": "", "key": "k"})
    assert answer.status_code == 409
    assert "a worker has rendered it meanwhile" in words(answer)
    assert not Deployment.objects.filter(requester__isnull=False).exists()


def test_what_would_not_run_is_said_before_the_press(staging: Environment, ana: Client) -> None:
    """B40 for deployments."""
    render_command(staging, problems=["The program /srv/bin/deploy is not there."])
    assert "Would not run The program /srv/bin/deploy is not there." in words(ana.get(FORM))


def test_a_frozen_environment_says_by_whom_and_refuses(staging: Environment, ana: Client) -> None:
    Freeze.objects.create(environment=staging, reason="RB-1: leak", frozen_by="Cho Park", frozen_at=timezone.now())
    page = ana.get(FORM)
    assert "archive/staging is frozen By Cho Park" in words(page)
    assert "It can be deployed once the freeze is lifted." in words(page)
    assert 'class="primary"' not in page.content.decode(), "nothing to press that would be refused"
    answer = ana.post(FORM, {"version": "2026.11.5", "digest": "", "key": "k"})
    assert answer.status_code == 409


def test_without_a_deploy_command_the_page_says_what_is_missing(ana: Client) -> None:
    factory.environment(key="staging")
    assert "The catalogue has no deploy command for archive/staging" in words(ana.get(FORM))


def test_who_may_not_deploy_reads_who_may(staging: Environment) -> None:
    shown = words(signed_in(factory.on_call()).get(FORM))
    assert "Your account may not deploy Only lead may." in shown


def test_a_press_without_the_permission_is_refused(staging: Environment) -> None:
    answer = signed_in(factory.on_call()).post(FORM, {"version": "2026.11.5", "key": "k"})
    assert answer.status_code == 403
    assert not Deployment.objects.filter(requester__isnull=False).exists()


def test_a_session_that_ended_keeps_the_form(staging: Environment) -> None:
    """C22."""
    user = factory.lead()
    client = Client()
    answer = client.post(FORM, {"version": "2026.11.5", "key": "k"})
    assert answer.status_code == 403
    assert "2026.11.5" in words(sign_in_again(client, answer, user))


def test_a_running_one_shows_its_steps_its_output_and_the_stop(staging: Environment, ana: Client) -> None:
    made = deploying(staging)
    page = ana.get(f"/deployments/{made.pk}")
    shown = words(page)
    assert "Deploying" in shown
    assert "2026.11.4 → 2026.11.5" in shown
    assert "linking 2026.11.5" in shown
    assert "Stop the deployment to staging" in shown
    asked = polled(page)
    assert asked is not None
    assert ana.get(asked[0], headers=HTMX).status_code == 204
    assert made.execution is not None
    Execution.objects.filter(pk=made.execution.pk).update(output="linking 2026.11.5\nrestarting web-1\n")
    assert "restarting web-1" in words(ana.get(asked[0], headers=HTMX))


def test_an_ended_one_asks_for_nothing_any_more(staging: Environment, ana: Client) -> None:
    made = deploying(staging, status=DeploymentStatus.FAILED, finished_at=timezone.now())
    Execution.objects.update(
        status=ExecutionStatus.ENDED, command=CommandState.EXITED, exit_code=3, ended_at=timezone.now()
    )
    page = ana.get(f"/deployments/{made.pk}")
    assert "Failed" in words(page)
    assert "exit 3" in words(page)
    assert polled(page) is None
    assert f"/releases/{made.release_id}?deployment={made.pk}" in links(page)


def test_stop_asks_the_worker_and_a_second_press_says_that_it_came_too_late(staging: Environment, ana: Client) -> None:
    """B43 for deployments."""
    made = deploying(staging)
    first = ana.post(f"/deployments/{made.pk}/stop")
    assert first["Location"] == f"/deployments/{made.pk}"
    second = ana.post(f"/deployments/{made.pk}/stop", follow=True)
    assert "Your press of Stop changed nothing" in words(second)
    assert Execution.objects.get().stop_requested == "stopped by Ana Ruiz"


def test_a_reported_deployment_is_shown_with_its_release(staging: Environment, ana: Client) -> None:
    assert staging.live is not None
    answer = ana.get(f"/deployments/{staging.live.pk}")
    assert answer["Location"] == f"/releases/{staging.live.release_id}?deployment={staging.live.pk}#checklist"


def test_the_environment_leads_to_deploy_and_rehearse(staging: Environment, ana: Client) -> None:
    found = links(ana.get("/s/archive/staging/"))
    assert {FORM, REHEARSE} <= set(found)
    assert not {FORM, REHEARSE} & set(links(signed_in(factory.on_call()).get("/s/archive/staging/")))


def test_a_rehearsal_says_its_steps_before_and_is_queued_once(staging: Environment, ana: Client) -> None:
    page = ana.get(REHEARSE)
    assert "Measure before Deploy command Checklist Rollback command Checklist again" in words(page)
    asked = {"version": "2026.11.5", "key": hidden_key(page)}
    answer = ana.post(REHEARSE, asked)
    made = Rehearsal.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/rehearsals/{made.pk}")
    assert ana.post(REHEARSE, asked)["Location"] == f"/rehearsals/{made.pk}"


def test_a_queued_rehearsal_can_be_cancelled_on_its_page(staging: Environment, ana: Client) -> None:
    ana.post(REHEARSE, {"version": "2026.11.5", "key": "k"})
    made = Rehearsal.objects.get()
    page = ana.get(f"/rehearsals/{made.pk}")
    assert f"{made.tag} Queued" in words(page)
    assert f"Cancel {made.tag}" in words(page)
    answer = ana.post(f"/rehearsals/{made.pk}/stop", follow=True)
    assert "Cancelled by Ana Ruiz; nothing ran." in words(answer)
    assert polled(answer) is None


def test_a_receipt_says_what_it_proved(staging: Environment, ana: Client) -> None:
    ana.post(REHEARSE, {"version": "2026.11.5", "key": "k"})
    placed = deploying(staging, kind=DeploymentKind.REHEARSAL, status=DeploymentStatus.FINISHED)
    made = Rehearsal.objects.get()
    Rehearsal.objects.update(
        status=RehearsalStatus.DONE,
        outcome=RehearsalOutcome.PROVEN,
        detail="Deploy command exit 0 after 2.1 s, then 2026.11.5 served: target.",
        deployment=placed,
        ended_at=timezone.now(),
    )
    shown = words(ana.get(f"/rehearsals/{made.pk}"))
    assert "Proven" in shown
    assert "exit 0 after 2.1 s" in shown
    assert ana.get(f"/deployments/{placed.pk}")["Location"] == f"/rehearsals/{made.pk}"
    for address in ("/s/archive/staging/", f"/releases/{made.release_id}"):
        page = ana.get(address)
        assert f"rehearsal {made.tag} proven" in words(page)
        assert f"/rehearsals/{made.pk}" in links(page)


def test_production_is_not_offered_for_a_rehearsal(ana: Client) -> None:
    factory.story()
    assert "archive/production is production" in words(ana.get("/s/archive/production/rehearse"))


def test_a_running_one_leads_to_stopping_and_rolling_back_in_one_press(staging: Environment, ana: Client) -> None:
    made = deploying(staging)
    confirm = f"/s/archive/staging/rollback?seen={made.pk}"
    assert confirm in links(ana.get(f"/deployments/{made.pk}"))
    shown = words(ana.get(confirm))
    assert "Now 2026.11.5 started" in shown
    assert "Back 2026.11.4 pass" in shown
    assert "Stop it and roll back staging to 2026.11.4" in shown
    assert f"The deploy command of {made.tag} is stopped first" in shown
    assert "Undoes 1 release" in shown


@pytest.mark.parametrize("form", [FORM, "/s/archive/staging/deployments/new"])
def test_a_bad_release_asks_what_changed_and_takes_the_answer(staging: Environment, ana: Client, form: str) -> None:
    staging.service.releases.filter(version="2026.11.5").update(
        bad_since=timezone.now(), bad_by="Cho Park", bad_reason="RB-1: Too slow"
    )
    refused = ana.post(form, {"version": "2026.11.5", "key": "k-1"})
    assert refused.status_code == 409
    assert "What changed since it was marked bad?" in words(refused)
    asked = {"version": "2026.11.5", "key": "k-2", "what_changed": "the index is back"}
    assert ana.post(form, asked).status_code == 303
    assert "the index is back" in words(ana.get(f"/releases/{Deployment.objects.latest('pk').release_id}"))


def test_a_bad_release_asks_before_the_press_and_is_not_offered_by_itself(staging: Environment, ana: Client) -> None:
    staging.service.releases.filter(version="2026.11.5").update(
        bad_since=timezone.now(), bad_by="Cho Park", bad_reason="RB-1: Too slow"
    )
    assert "There is none that is neither live nor marked bad: register a release" in words(ana.get(FORM))
    assert "What changed since it was marked bad?" in words(ana.get(FORM, {"version": "2026.11.5"}))


def test_a_release_that_was_never_deployed_leads_to_the_form(staging: Environment, ana: Client) -> None:
    release = staging.service.releases.get(version="2026.11.5")
    page = ana.get(f"/releases/{release.pk}")
    assert "Not deployed yet. Have Rollbook deploy it to staging ." in words(page)
    assert f"{FORM}?version=2026.11.5" in links(page)
    viewer = signed_in(factory.person("sam", "viewer"))
    assert "Have Rollbook deploy it" not in words(viewer.get(f"/releases/{release.pk}"))


def test_the_history_says_who_pressed_and_not_who_reported(staging: Environment, ana: Client) -> None:
    made = deploying(staging)
    Deployment.objects.filter(pk=made.pk).update(reported_by="Dee")
    assert "pressed by Dee" in words(ana.get("/s/archive/staging/"))
    assert "reported by pipeline" in words(ana.get("/s/archive/staging/"))
