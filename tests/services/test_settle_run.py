"""A checklist run: its waves, and the verdict that whoever finishes last derives from the rows."""

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from releases.models import ChecklistRun, Deployment, Environment, Event, ProbeRun
from releases.services.checklists import begin_run, make_run, plan_waves, settle_run
from releases.states import Effect, ProbeStatus, Purpose, Regression, RunStatus, Verdict
from tests import factory
from tests.services.conftest import InlineWorkers

pytestmark = pytest.mark.django_db

VERSIONS = {"versions": {"web-1": "2026.11.4", "web-2": "2026.11.4"}}
ALL_PROBES = ["serving_version", "cache_headers", "logged_in_traffic", "purge", "response_time", "rollback_command"]


@pytest.fixture
def place() -> Environment:
    return factory.environment()


@pytest.fixture
def run(place: Environment) -> ChecklistRun:
    """A begun run of: serving version; cache headers and rollback command; response time; serving version again."""
    made = make_run(place, purpose=Purpose.VERIFY)
    assert begin_run(made.pk)
    return made


def answer(run: ChecklistRun, wave: int, verdict: Verdict = Verdict.PASS, **fields: object) -> None:
    """Have every probe of a wave answered, as committed rows."""
    fields.setdefault("figures", VERSIONS)
    run.probes.filter(wave=wave).update(status=ProbeStatus.DONE, verdict=verdict, **fields)


def settled(run: ChecklistRun, verdict: Verdict = Verdict.PASS, **fields: object) -> ChecklistRun:
    """Have everything answered, wave by wave, and return the settled row."""
    for wave in range(4):
        answer(run, wave, verdict, **fields)
        settle_run(run.pk)
    run.refresh_from_db()
    return run


# --- Waves ------------------------------------------------------------------------------------------------------------


def test_probes_with_an_effect_run_alone_between_two_looks_at_the_version() -> None:
    waves = [(wave, key, repeat) for wave, key, _, repeat in plan_waves(ALL_PROBES)]
    assert waves == [
        (0, "serving_version", False),
        (1, "logged_in_traffic", False),
        (1, "cache_headers", False),
        (1, "rollback_command", False),
        (2, "response_time", False),
        (3, "purge", False),
        (4, "serving_version", True),
    ]


def test_reading_only_leaves_out_every_probe_with_an_effect() -> None:
    assert {effect for _, _, effect, _ in plan_waves(ALL_PROBES, reading_only=True)} == {Effect.NONE}


def test_one_look_is_enough_where_nothing_else_is_asked() -> None:
    assert [(wave, key) for wave, key, _, _ in plan_waves(["serving_version"])] == [(0, "serving_version")]


def test_a_checklist_without_the_serving_version_begins_with_the_rest() -> None:
    assert [wave for wave, _, _, _ in plan_waves(["cache_headers", "response_time"])] == [0, 1]


def test_a_probe_that_this_program_does_not_have_is_left_out() -> None:
    assert plan_waves(["cache_headers", "probe_of_next_year"])[0][1] == "cache_headers"
    assert len(plan_waves(["cache_headers", "probe_of_next_year"])) == 1


def test_the_first_wave_is_queued_at_the_beginning(run: ChecklistRun) -> None:
    queued = run.probes.filter(status=ProbeStatus.QUEUED)
    assert [probe.key for probe in queued] == ["serving_version"]
    assert run.probes.filter(status=ProbeStatus.WAITING).count() == 4


def test_the_next_wave_waits_for_the_last_of_this_one(run: ChecklistRun) -> None:
    answer(run, 0)
    settle_run(run.pk)
    run.probes.filter(key="cache_headers").update(status=ProbeStatus.DONE, verdict=Verdict.PASS)
    settle_run(run.pk)
    assert run.probes.get(key="response_time").status == ProbeStatus.WAITING
    run.probes.filter(key="rollback_command").update(status=ProbeStatus.DONE, verdict=Verdict.PASS)
    settle_run(run.pk)
    assert run.probes.get(key="response_time").status == ProbeStatus.QUEUED


def test_each_probe_of_the_next_wave_is_knocked_for_once(
    run: ChecklistRun, workers: InlineWorkers, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    answer(run, 0)
    with django_capture_on_commit_callbacks(execute=True):
        settle_run(run.pk)
        settle_run(run.pk)
    assert sorted(workers.knocked) == [
        ("run_probe", "probe.archive.production", probe.pk) for probe in run.probes.filter(wave=1).order_by("pk")
    ]


# --- One at a time ----------------------------------------------------------------------------------------------------


def test_one_run_at_a_time_is_on_in_an_environment(run: ChecklistRun, place: Environment) -> None:
    second = make_run(place, purpose=Purpose.VERIFY)
    assert not begin_run(second.pk)
    second.refresh_from_db()
    assert second.status == RunStatus.QUEUED


def test_another_environment_has_its_own_turn(run: ChecklistRun) -> None:
    assert begin_run(make_run(factory.environment(key="staging"), purpose=Purpose.VERIFY).pk)


def test_a_run_begins_once(run: ChecklistRun) -> None:
    assert not begin_run(run.pk)


def test_the_end_of_a_run_knocks_for_the_one_that_waits(
    run: ChecklistRun,
    place: Environment,
    workers: InlineWorkers,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    second = make_run(place, purpose=Purpose.VERIFY)
    with django_capture_on_commit_callbacks(execute=True):
        settled(run)
    assert workers.knocked[-1] == ("begin_run", "probe.archive.production", second.pk)
    assert begin_run(second.pk)


# --- The verdict ------------------------------------------------------------------------------------------------------


def test_a_run_whose_probes_all_pass_passes(run: ChecklistRun) -> None:
    settled(run)
    assert (run.status, run.verdict, run.tainted) == (RunStatus.DONE, Verdict.PASS, False)
    assert run.finished_at is not None


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE])
def test_one_probe_decides_the_verdict_of_the_run(run: ChecklistRun, verdict: Verdict) -> None:
    for wave in range(3):
        answer(run, wave)
        settle_run(run.pk)
    run.probes.filter(key="cache_headers").update(verdict=verdict)
    answer(run, 3)
    settle_run(run.pk)
    run.refresh_from_db()
    assert run.verdict == verdict


def test_a_run_where_everything_was_skipped_is_inconclusive(run: ChecklistRun) -> None:
    assert settled(run, Verdict.SKIPPED).verdict == Verdict.INCONCLUSIVE


def test_a_run_without_any_probe_is_inconclusive_at_once() -> None:
    run = make_run(factory.environment(checklist={}), purpose=Purpose.VERIFY)
    begin_run(run.pk)
    run.refresh_from_db()
    assert (run.status, run.verdict) == (RunStatus.DONE, Verdict.INCONCLUSIVE)


def test_a_settled_run_stays_as_it_is(run: ChecklistRun) -> None:
    settled(run)
    ProbeRun.objects.filter(run=run).update(verdict=Verdict.FAIL)
    settle_run(run.pk)
    run.refresh_from_db()
    assert run.verdict == Verdict.PASS
    assert Event.objects.filter(action="checklist:settled").count() == 1


def test_nothing_is_a_regression_where_nothing_was_compared(run: ChecklistRun) -> None:
    assert settled(run, regression=Regression.NO).regression == Regression.UNKNOWN


def test_one_regression_makes_the_run_one(place: Environment) -> None:
    run = make_run(place, purpose=Purpose.VERIFY, compared_with=factory.run(place))
    begin_run(run.pk)
    for wave in range(3):
        answer(run, wave, regression=Regression.NO)
        settle_run(run.pk)
    run.probes.filter(key="cache_headers").update(regression=Regression.YES)
    answer(run, 3, regression=Regression.NO)
    settle_run(run.pk)
    run.refresh_from_db()
    assert run.regression == Regression.YES


@pytest.mark.parametrize(
    "second",
    [
        {"versions": {"web-1": "2026.11.5", "web-2": "2026.11.4"}},
        {"versions": {"web-1": "2026.11.4"}},
        {"versions": {}},
        {},
    ],
    ids=["another version", "one instance silent", "all silent", "no answer"],
)
def test_a_run_during_which_the_version_did_not_demonstrably_hold_still_is_tainted(
    run: ChecklistRun, second: dict[str, object]
) -> None:
    for wave in range(4):
        answer(run, wave, figures=second if wave == 3 else VERSIONS)
        settle_run(run.pk)
    run.refresh_from_db()
    assert run.tainted


def test_an_instance_that_was_silent_both_times_taints_too(run: ChecklistRun) -> None:
    """It may have changed its version unseen."""
    assert settled(run, figures={"versions": {"web-1": "2026.11.4"}}).tainted


def test_a_deployment_carries_the_verdict_of_its_checklist() -> None:
    place, _, live = factory.story()
    run = make_run(place, purpose=Purpose.VERIFY, deployment=live)
    begin_run(run.pk)
    settled(run)
    live.refresh_from_db()
    assert (live.verify_run, live.verdict) == (run, Verdict.PASS)
    assert live.verified


def test_a_baseline_does_not_judge_the_deployment_that_it_came_before() -> None:
    place, _, live = factory.story()
    release = factory.release(place.service, "2026.11.5")
    begun = Deployment.objects.create(
        release=release, environment=place, replaced=live, reported_by="pipeline", started_at=timezone.now()
    )
    run = make_run(place, purpose=Purpose.BASELINE, deployment=begun)
    begin_run(run.pk)
    settled(run, Verdict.FAIL)
    begun.refresh_from_db()
    assert (begun.verify_run, begun.verdict) == (None, "")
