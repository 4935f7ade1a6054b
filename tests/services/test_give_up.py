"""Ending a checklist run before its probes have answered."""

import pytest

from releases.models import ChecklistRun, Deployment, Environment, ProbeRun
from releases.services import checklists, probing
from releases.services.checklists import begin_run, give_up, give_up_all, make_run, settle_run
from releases.states import ProbeStatus, Purpose, RunStatus, Verdict
from tests import factory

pytestmark = pytest.mark.django_db

WHY = "RB-1 changes what is served"


@pytest.fixture
def place() -> Environment:
    return factory.story()[0]


@pytest.fixture
def run(place: Environment) -> ChecklistRun:
    made = make_run(place, purpose=Purpose.VERIFY, deployment=place.live)
    begin_run(made.pk)
    return made


def test_a_run_that_is_given_up_is_inconclusive_and_says_why(run: ChecklistRun) -> None:
    assert give_up(run, WHY)
    run.refresh_from_db()
    assert (run.status, run.verdict, run.given_up) == (RunStatus.DONE, Verdict.INCONCLUSIVE, WHY)
    assert set(run.probes.values_list("status", "verdict", "skipped")) == {("done", "skipped", WHY)}


def test_nothing_is_compared_with_a_run_that_was_given_up(run: ChecklistRun) -> None:
    give_up(run, WHY)
    run.refresh_from_db()
    assert not checklists.counts(run)


def test_the_deployment_is_not_verified_by_a_run_that_was_given_up(place: Environment) -> None:
    assert place.live is not None
    Deployment.objects.filter(pk=place.live.pk).update(verify_run=None, verdict="")
    first = make_run(place, purpose=Purpose.VERIFY, deployment=place.live)
    give_up(first, WHY)
    place.live.refresh_from_db()
    assert (place.live.verdict, place.live.verify_run) == (Verdict.INCONCLUSIVE, first)


def test_what_an_earlier_run_has_measured_stays_when_a_later_one_is_given_up(run: ChecklistRun) -> None:
    """Or a verified version could no longer be gone back to, because a deployment came while it was checked again."""
    before = Deployment.objects.get(pk=run.deployment_id)
    give_up(run, WHY)
    after = Deployment.objects.get(pk=run.deployment_id)
    assert (after.verdict, after.verify_run_id) == (before.verdict, before.verify_run_id)


def test_a_probe_that_answers_after_that_changes_nothing(run: ChecklistRun) -> None:
    """Its lease went with the run."""
    ProbeRun.objects.filter(run=run, wave=0).update(status=ProbeStatus.RUNNING, fence=1)
    probe = ProbeRun.objects.select_related("run__environment").get(run=run, wave=0)
    give_up(run, WHY)
    assert not probing._keep(probe, lambda: probing._held(probe), probing.Answer(), None)
    probe.refresh_from_db()
    assert (probe.verdict, probe.skipped) == (Verdict.SKIPPED, WHY)
    settle_run(run.pk)
    run.refresh_from_db()
    assert run.verdict == Verdict.INCONCLUSIVE


def test_a_probe_that_is_knocked_for_after_that_is_not_run(run: ChecklistRun) -> None:
    give_up(run, WHY)
    probe = ProbeRun.objects.filter(run=run, wave=0).get()
    probing.run_probe(probe.pk)
    probe.refresh_from_db()
    assert (probe.attempts, probe.verdict) == (0, Verdict.SKIPPED)


def test_an_answer_that_was_kept_before_that_stays(run: ChecklistRun) -> None:
    ProbeRun.objects.filter(run=run, wave=0).update(status=ProbeStatus.DONE, verdict=Verdict.FAIL)
    give_up(run, WHY)
    assert ProbeRun.objects.get(run=run, wave=0).verdict == Verdict.FAIL


def test_a_run_that_is_done_is_not_given_up(place: Environment) -> None:
    done = factory.run(place)
    assert not give_up(done, WHY)
    done.refresh_from_db()
    assert (done.verdict, done.given_up) == (Verdict.PASS, "")


def test_no_run_is_nothing_to_give_up() -> None:
    assert not give_up(None, WHY)


def test_all_of_an_environment_are_given_up_and_only_those(run: ChecklistRun, place: Environment) -> None:
    waiting = make_run(place, purpose=Purpose.VERIFY)
    elsewhere = make_run(factory.environment(key="staging"), purpose=Purpose.VERIFY)
    give_up_all(place, WHY)
    assert set(ChecklistRun.objects.filter(given_up=WHY)) == {run, waiting}
    elsewhere.refresh_from_db()
    assert elsewhere.status == RunStatus.QUEUED
