"""Reporting that a deployment has ended."""

import pytest
from django.utils import timezone

from releases.actor import Actor
from releases.errors import Conflict, NotFound
from releases.intake import FinishSpec
from releases.models import ChecklistRun, Deployment, Environment, Event, Freeze
from releases.services.deployments import finish_deployment
from releases.states import DeploymentKind, DeploymentStatus, ProbeStatus, Purpose, RollbackStatus, RunStatus, Verdict
from tests import factory

pytestmark = pytest.mark.django_db

DONE, FAILED = FinishSpec(succeeded=True), FinishSpec(succeeded=False)


@pytest.fixture
def place() -> Environment:
    return factory.story()[0]


@pytest.fixture
def ana() -> Actor:
    return factory.actor(factory.lead())


def started(place: Environment, baseline: ChecklistRun | None = None, **fields: object) -> Deployment:
    release = factory.release(place.service, "2026.11.5")
    return Deployment.objects.create(
        release=release,
        environment=place,
        replaced=place.live,
        baseline=baseline,
        reported_by="pipeline",
        started_at=timezone.now(),
        **fields,
    )


def verify_run(deployment: Deployment) -> ChecklistRun:
    return ChecklistRun.objects.get(deployment=deployment, purpose=Purpose.VERIFY)


def test_a_finished_deployment_is_the_live_one(place: Environment, ana: Actor) -> None:
    deployment = started(place)
    finish_deployment(deployment.pk, DONE, actor=ana)
    place.refresh_from_db()
    assert place.live == deployment
    details = Event.objects.get(action="deployment:finished").payload["details"]
    assert details["before"] == {"status": "started", "live": "2026.11.4"}
    assert details["after"] == {"status": "finished", "live": "2026.11.5"}
    assert place.live.status == DeploymentStatus.FINISHED


def test_a_failed_deployment_leaves_the_live_one(place: Environment, ana: Actor) -> None:
    before = place.live
    finish_deployment(started(place).pk, FAILED, actor=ana)
    place.refresh_from_db()
    assert place.live == before


def test_the_checklist_looks_for_the_new_version(place: Environment, ana: Actor) -> None:
    deployment = finish_deployment(started(place).pk, DONE, actor=ana)
    assert verify_run(deployment).expected_version == "2026.11.5"


def test_after_a_failure_the_checklist_looks_for_the_version_before(place: Environment, ana: Actor) -> None:
    deployment = finish_deployment(started(place).pk, FAILED, actor=ana)
    assert verify_run(deployment).expected_version == "2026.11.4"


def test_the_checklist_is_compared_with_the_baseline(place: Environment, ana: Actor) -> None:
    baseline = factory.run(place, purpose=Purpose.BASELINE)
    deployment = finish_deployment(started(place, baseline).pk, DONE, actor=ana)
    assert verify_run(deployment).compared_with == baseline


def test_a_tainted_baseline_is_never_compared_with(place: Environment, ana: Actor) -> None:
    """The live deployment's own latest run stands in."""
    tainted = factory.run(place, purpose=Purpose.BASELINE, tainted=True)
    deployment = finish_deployment(started(place, tainted).pk, DONE, actor=ana)
    assert place.live is not None
    assert verify_run(deployment).compared_with == place.live.verify_run


def test_a_baseline_that_was_not_measured_in_time_is_given_up(place: Environment, ana: Actor) -> None:
    late = factory.run(place, purpose=Purpose.BASELINE)
    ChecklistRun.objects.filter(pk=late.pk).update(status=RunStatus.RUNNING)
    late.probes.update(status=ProbeStatus.RUNNING)
    deployment = finish_deployment(started(place, late).pk, DONE, actor=ana)
    late.refresh_from_db()
    assert (late.status, late.verdict) == (RunStatus.DONE, Verdict.INCONCLUSIVE)
    assert late.given_up == "the deployment ended before the baseline was measured"
    assert place.live is not None
    assert verify_run(deployment).compared_with == place.live.verify_run


def test_with_nothing_to_compare_with_nothing_is_compared(place: Environment, ana: Actor) -> None:
    Deployment.objects.update(verify_run=None)
    deployment = finish_deployment(started(place).pk, DONE, actor=ana)
    assert verify_run(deployment).compared_with is None


def test_a_finish_is_recorded_despite_a_freeze(place: Environment, ana: Actor) -> None:
    """B26: production has changed, whoever allowed it."""
    deployment = started(place)
    Freeze.objects.create(environment=place, reason="RB-1", frozen_by="Cho Park", frozen_at=timezone.now())
    finished = finish_deployment(deployment.pk, DONE, actor=ana)
    assert finished.despite_freeze
    assert Event.objects.get(action="deployment:finished").payload["details"]["despite_freeze"] is True


def test_the_same_report_twice_is_one_report(place: Environment, ana: Actor) -> None:
    deployment = started(place)
    finish_deployment(deployment.pk, DONE, actor=ana)
    again = finish_deployment(deployment.pk, DONE, actor=ana)
    assert again.status == DeploymentStatus.FINISHED
    assert Event.objects.filter(action="deployment:finished").count() == 1
    assert ChecklistRun.objects.filter(deployment=deployment, purpose=Purpose.VERIFY).count() == 1


def test_a_report_that_says_the_opposite_is_refused(place: Environment, ana: Actor) -> None:
    deployment = started(place)
    finish_deployment(deployment.pk, DONE, actor=ana)
    with pytest.raises(Conflict) as refused:
        finish_deployment(deployment.pk, FAILED, actor=ana)
    assert f"{deployment.tag} was already reported as finished." == refused.value.problems[0].failed


def test_what_a_rollback_put_in_place_is_not_finished_by_a_report(place: Environment, ana: Actor) -> None:
    """The command that a rollback runs may be the pipeline's own, which reports what it did."""
    deployment = started(place, kind=DeploymentKind.ROLLBACK)
    with pytest.raises(Conflict) as refused:
        finish_deployment(deployment.pk, DONE, actor=ana)
    assert refused.value.problems[0].code == "is_a_rollback"
    deployment.refresh_from_db()
    assert deployment.status == DeploymentStatus.STARTED


def test_an_unknown_number_is_refused(place: Environment, ana: Actor) -> None:
    with pytest.raises(NotFound):
        finish_deployment(999, DONE, actor=ana)


def test_what_is_reported_during_a_rollback_is_marked_and_left_to_its_checklist(place: Environment, ana: Actor) -> None:
    """B26"""
    deployment = started(place)
    live = place.live
    assert live is not None
    assert ana.user is not None
    rollback = factory.rollback(place, live, live, ana.user, status=RollbackStatus.RUNNING)
    finished = finish_deployment(deployment.pk, DONE, actor=ana)
    assert finished.during_rollback == rollback.tag
    assert Event.objects.get(action="deployment:finished").payload["details"]["during_rollback"] == rollback.tag
    finished.refresh_from_db()
    assert finished.verdict == Verdict.INCONCLUSIVE
    assert rollback.tag in verify_run(finished).given_up


def test_what_is_reported_as_failed_during_a_rollback_changed_nothing(place: Environment, ana: Actor) -> None:
    deployment = started(place)
    live = place.live
    assert live is not None
    assert ana.user is not None
    factory.rollback(place, live, live, ana.user, status=RollbackStatus.RUNNING)
    assert finish_deployment(deployment.pk, FAILED, actor=ana).during_rollback == ""
