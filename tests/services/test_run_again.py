"""Running a checklist again: the newer answers stand beside the older ones."""

import pytest

from releases.errors import Conflict, Denied, Invalid
from releases.intake import RunAgainSpec
from releases.models import ChecklistRun, Deployment, Environment, Event, ProbeRun
from releases.queries.answers import newest_answers
from releases.services.checklists import begin_run, counts, settle_run
from releases.services.run_again import run_again
from releases.states import ProbeStatus, Regression, Verdict
from tests import factory

pytestmark = pytest.mark.django_db

VERSIONS = {"versions": {"web-1": "2026.11.4", "web-2": "2026.11.4"}}


@pytest.fixture
def place() -> Environment:
    return factory.story()[0]


def asked(*probes: str) -> RunAgainSpec:
    return RunAgainSpec(service="archive", environment="production", probes=list(probes))


def again(*probes: str) -> ChecklistRun:
    return run_again(asked(*probes), actor=factory.actor(factory.User.objects.first() or factory.on_call()))


def answered(run: ChecklistRun, verdict: Verdict = Verdict.PASS, regression: Regression = Regression.NO) -> None:
    """Have a run begun and every probe of it answered, wave by wave."""
    begin_run(run.pk)
    for wave in range(6):
        ProbeRun.objects.filter(run=run, wave=wave).update(
            status=ProbeStatus.DONE, verdict=verdict, regression=regression, figures=VERSIONS
        )
        settle_run(run.pk)
    run.refresh_from_db()


def live(place: Environment) -> Deployment:
    return Deployment.objects.get(pk=place.live_id)


def test_the_whole_checklist_is_asked_again_beside_the_older_run(place: Environment) -> None:
    older = live(place).verify_run
    run = again()
    answered(run)
    assert set(run.probes.values_list("key", flat=True)) == set(place.checklist)
    assert (live(place).verify_run, live(place).verdict) == (run, Verdict.PASS)
    assert older is not None
    older.refresh_from_db()
    assert older.verdict == Verdict.FAIL
    assert (run.requested_by, Event.objects.get(action="checklist:requested").actor) == ("Cho Park", "Cho Park")


def test_one_probe_is_asked_between_two_looks_at_the_version(place: Environment) -> None:
    run = again("cache_headers")
    keys = run.probes.order_by("wave").values_list("key", flat=True)
    assert (list(keys), run.partial) == (["serving_version", "cache_headers", "serving_version"], True)


def test_the_deployments_verdict_takes_the_newest_answer_of_each_probe(place: Environment) -> None:
    whole = live(place).verify_run
    assert whole is not None
    whole.probes.exclude(key="cache_headers").update(verdict=Verdict.PASS, regression=Regression.NO)
    run = again("cache_headers")
    answered(run)
    deployment = live(place)
    assert (deployment.verdict, deployment.regression, deployment.verify_run) == (
        Verdict.PASS,
        Regression.NO,
        whole,
    )
    newest = {answer.key: answer.run_id for answer in newest_answers(deployment)}
    assert newest["cache_headers"] == run.pk
    assert newest["response_time"] == whole.pk


def test_a_failure_that_was_not_asked_again_still_decides(place: Environment) -> None:
    answered(again("cache_headers"))
    assert live(place).verdict == Verdict.FAIL


def test_nothing_is_compared_with_a_run_of_some_probes(place: Environment) -> None:
    run = again("cache_headers")
    answered(run)
    assert not counts(run)


def test_a_second_press_is_pointed_to_the_run_that_waits(place: Environment) -> None:
    """C24"""
    first = again("cache_headers")
    assert again("cache_headers") == first
    assert again() != first
    assert Event.objects.filter(action="checklist:requested").count() == 2


def test_a_probe_that_is_not_on_the_checklist_is_refused_with_those_that_are(place: Environment) -> None:
    with pytest.raises(Invalid) as refused:
        again("purge")
    assert "cache_headers" in refused.value.problems[0].expected
    assert ChecklistRun.objects.filter(partial=True).count() == 0


def test_where_nothing_is_live_nothing_can_be_asked() -> None:
    factory.environment()
    with pytest.raises(Conflict) as refused:
        again()
    assert refused.value.problems[0].code == "nothing_live"


def test_during_a_rollback_its_own_checklist_measures(place: Environment) -> None:
    cho = factory.on_call()
    rollback = factory.rollback(place, place.live, place.live, cho)
    with pytest.raises(Conflict) as refused:
        again()
    assert refused.value.made == rollback


@pytest.mark.parametrize("group", ["viewer", "auditor", ""])
def test_it_needs_a_permission_of_its_own(place: Environment, group: str) -> None:
    with pytest.raises(Denied):
        run_again(asked(), actor=factory.actor(factory.person("vic", group)))
