"""Every page counts the probes of a checklist in the same way: each once, however often it looks."""

import pytest
from django.test import Client
from django.utils import timezone

from releases.models import ChecklistRun, Deployment, ProbeRun, Rollback
from releases.states import CommandState, DeploymentKind, ProbeStatus, Purpose, RollbackStatus, Verdict
from tests import factory
from tests.dashboard.pages import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def verifying(client: Client) -> Rollback:
    """A rollback whose checklist of four lacks the last probe, and the second look at the serving version."""
    place, target, live = factory.story()
    cho = factory.on_call()
    client.force_login(cho)
    now = timezone.now()
    brought_back = Deployment.objects.create(
        release=target.release,
        environment=place,
        kind=DeploymentKind.ROLLBACK,
        replaced=live,
        reported_by=cho.name,
        started_at=now,
    )
    run = factory.run(place, purpose=Purpose.RESTORE, deployment=brought_back)
    again = ProbeRun.objects.create(run=run, key="serving_version", effect="none", wave=4, repeat=True)
    last = run.probes.get(key="rollback_command")
    ProbeRun.objects.filter(pk__in=[again.pk, last.pk]).update(status=ProbeStatus.QUEUED, verdict="", regression="")
    ChecklistRun.objects.filter(pk=run.pk).update(status="running", verdict="", regression="", finished_at=None)
    return factory.rollback(
        place,
        target,
        live,
        cho,
        status=RollbackStatus.VERIFYING,
        command=CommandState.EXITED,
        claimed_at=now,
        command_ended_at=now,
        deployment=brought_back,
        restore_run=run,
    )


def test_a_probe_has_answered_when_it_has_looked_for_the_last_time(client: Client, verifying: Rollback) -> None:
    assert "Verifying, 2 of 4" in words(client.get(f"/rollbacks/{verifying.pk}"))
    assert "verifying 2 of 4" in words(client.get("/"))
    release = verifying.target.release_id
    told = words(client.get(f"/releases/{release}", {"deployment": verifying.deployment_id}))
    assert "verifying 2 of 4 2 pass" in told


def test_the_press_promises_as_many_probes_as_the_rollback_then_measures(client: Client, verifying: Rollback) -> None:
    Rollback.objects.update(status=RollbackStatus.DONE)  # the page offers a press again
    told = words(client.get("/s/archive/production/rollback"))
    assert "4 of 4 probes failing" in told
    assert "4 probes of the checklist" in told


def test_two_looks_that_both_passed_are_one_probe_that_passes(client: Client, verifying: Rollback) -> None:
    ProbeRun.objects.filter(run=verifying.restore_run).update(status=ProbeStatus.DONE, verdict=Verdict.PASS)
    told = words(client.get(f"/rollbacks/{verifying.pk}"))
    assert "4 pass serving_version, cache_headers, response_time, rollback_command" in told


def test_two_looks_of_which_one_failed_are_one_probe_that_fails(client: Client, verifying: Rollback) -> None:
    probes = ProbeRun.objects.filter(run=verifying.restore_run)
    probes.update(status=ProbeStatus.DONE, verdict=Verdict.PASS)
    probes.filter(repeat=True).update(verdict=Verdict.FAIL, regression="yes")
    ChecklistRun.objects.filter(pk=verifying.restore_run_id).update(status="done", verdict=Verdict.FAIL)
    told = words(client.get(f"/rollbacks/{verifying.pk}"))
    assert "3 pass cache_headers, response_time, rollback_command" in told
    address = f"/releases/{verifying.target.release_id}"
    assert "Probes 1 fail 3 pass" in words(client.get(address, {"deployment": verifying.deployment_id}))
