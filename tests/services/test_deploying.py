"""Deployments whose command Rollbook runs itself."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from releases.catalogue import load
from releases.errors import Conflict, Denied
from releases.executor.locking import EnvironmentLock
from releases.intake import DeploySpec, FinishSpec, RollbackSpec
from releases.management.refusing import person_at_the_terminal
from releases.models import Deployment, Environment, Event, Execution, Freeze, RenderedDeploy, Rollback, User
from releases.services import commands, deploying, places, pressing
from releases.services.catalogue_sync import sync_catalogue
from releases.services.deploying import deploy, run_deployment, stop_deployment
from releases.services.deployments import finish_deployment
from releases.states import CommandState, DeploymentStatus, ExecutionKind, ExecutionStatus, Outcome, Verdict
from releases.sweep import Sweep, close_lost
from tests import factory
from tests.little_service import LittleService
from tests.services.conftest import InlineWorkers
from tests.services.staging import add_staging


def spec(version: str = "2026.11.5", digest: str = "") -> DeploySpec:
    return DeploySpec(service="archive", environment="staging", version=version, digest=digest)


@pytest.fixture
def staging(little_service: LittleService, production: Environment, settings: Any) -> Environment:
    """archive/staging, where 2026.11.4 is live and verified and 2026.11.5 is registered."""
    add_staging(little_service)
    sync_catalogue(load(Path(settings.ROLLBOOK_CATALOGUE)), actor=person_at_the_terminal())
    place = Environment.objects.select_related("service").get(service__key="archive", key="staging")
    factory.deployed(place, "2026.11.4")
    factory.release(place.service, "2026.11.5")
    return place


@pytest.fixture
def ana(production: Environment) -> User:
    return factory.lead()


def live_in(place: Environment) -> str:
    row = Environment.objects.select_related("live__release").get(pk=place.pk)
    return row.live.release.version if row.live else ""


def test_the_command_runs_once_the_baseline_was_measured_and_the_checklist_judges_it(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    made = deploy(spec(), actor=factory.actor(ana))
    assert little_service.ran == []
    workers.work()
    made.refresh_from_db()
    assert (made.status, made.verdict) == (DeploymentStatus.FINISHED, Verdict.PASS)
    assert little_service.ran == ["2026.11.5"]
    assert live_in(staging) == "2026.11.5"
    execution = made.execution
    assert execution is not None
    assert (execution.kind, execution.exit_code) == (ExecutionKind.DEPLOY, 0)
    assert "switching to 2026.11.5" in execution.output


def test_a_lost_knock_runs_nothing_before_the_baseline_and_nothing_twice(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    made = deploy(spec(), actor=factory.actor(ana))
    run_deployment(made.pk)
    assert little_service.ran == []
    workers.work()
    run_deployment(made.pk)
    assert little_service.ran == ["2026.11.5"]


def test_the_book_tells_who_and_what_ran(staging: Environment, ana: User, workers: InlineWorkers) -> None:
    made = deploy(spec(), actor=factory.actor(ana))
    workers.work()
    told = {event.action: event for event in Event.objects.filter(object_tag=made.tag)}
    assert set(told) == {"deployment:started", "deployment:claimed", "deployment:finished"}
    assert told["deployment:started"].actor == "Ana Ruiz"
    assert told["deployment:finished"].payload["details"]["exit_code"] == 0


def test_a_command_that_fails_leaves_the_earlier_version_live(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    (little_service.home / "exit").write_text("3")
    (little_service.home / "useless").touch()
    made = deploy(spec(), actor=factory.actor(ana))
    workers.work()
    made.refresh_from_db()
    assert made.status == DeploymentStatus.FAILED
    assert live_in(staging) == "2026.11.4"
    assert Event.objects.get(action="deployment:failed").payload["details"]["exit_code"] == 3


def test_only_who_may_deploy_has_it_run(staging: Environment) -> None:
    with pytest.raises(Denied):
        deploy(spec(), actor=factory.actor(factory.on_call()))
    assert Deployment.objects.filter(requester__isnull=False).count() == 0


def test_a_permission_that_was_taken_away_meanwhile_refuses_it_at_the_start(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B28 for deployments."""
    made = deploy(spec(), actor=factory.actor(ana))
    ana.memberships.all().delete()
    workers.work()
    made.refresh_from_db()
    assert made.status == DeploymentStatus.CANCELLED
    assert "may no longer deploy" in made.detail
    assert little_service.ran == []
    assert Event.objects.filter(action="deployment:refused", object_tag=made.tag).exists()


def test_another_command_than_the_one_that_was_shown_is_refused(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B29 for deployments."""
    release = staging.service.releases.get(version="2026.11.5")
    row = RenderedDeploy.objects.create(environment=staging, release=release)
    commands.render_deploy(row.pk)
    row.refresh_from_db()
    assert row.argv[-2:] == ["--version=2026.11.5", str(little_service.home / "version")]
    with pytest.raises(Conflict) as refused:
        deploy(spec(digest="e" * 64), actor=factory.actor(ana))
    assert refused.value.problems[0].code == "command_changed"
    made = deploy(spec(digest=row.digest), actor=factory.actor(ana))
    text = little_service.catalogue.read_text()
    little_service.catalogue.write_text(text.replace("timeout = 60\ngrace = 1", "timeout = 61\ngrace = 1"))
    workers.work()
    made.refresh_from_db()
    assert made.status == DeploymentStatus.CANCELLED
    assert "not the one that was shown" in made.detail
    assert little_service.ran == []


def test_a_freeze_that_came_meanwhile_refuses_it(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    made = deploy(spec(), actor=factory.actor(ana))
    Freeze.objects.create(environment=staging, reason="RB-1: leak", frozen_by="Cho Park", frozen_at=timezone.now())
    workers.work()
    made.refresh_from_db()
    assert made.status == DeploymentStatus.CANCELLED
    assert little_service.ran == []


def test_a_second_one_is_refused_while_the_first_is_on(staging: Environment, ana: User) -> None:
    deploy(spec(), actor=factory.actor(ana))
    with pytest.raises(Conflict) as refused:
        deploy(spec(), actor=factory.actor(ana))
    assert refused.value.problems[0].code == "environment_busy"


def test_where_the_catalogue_has_no_deploy_command_that_is_said(production: Environment, ana: User) -> None:
    factory.release(production.service, "2026.11.5")
    asked = DeploySpec(service="archive", environment="production", version="2026.11.5")
    with pytest.raises(Conflict) as refused:
        deploy(asked, actor=factory.actor(ana))
    assert refused.value.problems[0].code == "no_deploy_command"


def test_the_same_key_deploys_once(staging: Environment, ana: User) -> None:
    first = deploy(spec(), actor=factory.actor(ana), key="k-1")
    assert deploy(spec(), actor=factory.actor(ana), key="k-1") == first


def test_a_report_does_not_end_what_rollbook_runs(staging: Environment, ana: User) -> None:
    made = deploy(spec(), actor=factory.actor(ana))
    with pytest.raises(Conflict) as refused:
        finish_deployment(made.pk, FinishSpec(), actor=factory.actor(ana))
    assert refused.value.problems[0].code == "run_by_rollbook"


def test_it_can_be_cancelled_before_its_command_runs(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    made = deploy(spec(), actor=factory.actor(ana))
    assert stop_deployment(made, actor=factory.actor(ana))
    workers.work()
    made.refresh_from_db()
    assert made.status == DeploymentStatus.CANCELLED
    assert little_service.ran == []
    assert not stop_deployment(made, actor=factory.actor(ana))


def test_a_running_command_can_be_stopped_and_what_is_served_is_measured(
    staging: Environment,
    ana: User,
    workers: InlineWorkers,
    little_service: LittleService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (little_service.home / "wait").touch()
    made = deploy(spec(), actor=factory.actor(ana))
    begun = deploying.run_leased
    asked: list[bool] = []

    def stop_soon(execution: Execution, *given: Any, **options: Any) -> Any:
        stopping = beside(lambda: asked.append(stop_deployment(made, actor=factory.actor(ana))))
        result = begun(execution, *given, **options)
        stopping.join()
        return result

    monkeypatch.setattr(deploying, "run_leased", stop_soon)
    workers.work()
    made.refresh_from_db()
    assert asked == [True]
    assert made.status == DeploymentStatus.FAILED
    assert made.execution is not None
    assert (made.execution.command, made.execution.stop_reason) == (CommandState.KILLED, "stopped by Ana Ruiz")
    assert made.verify_run is not None
    assert not stop_deployment(made, actor=factory.actor(ana))


def test_it_waits_for_a_lock_and_says_for_whom(
    staging: Environment, ana: User, workers: InlineWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releases.services.executions.LOCK_SECONDS", 0.1)
    made = deploy(spec(), actor=factory.actor(ana))
    lock: EnvironmentLock = places.lock_of(staging).acquire("a command of yesterday")
    try:
        workers.work()
    finally:
        lock.release()
    made.refresh_from_db()
    assert made.status == DeploymentStatus.STARTED
    assert "a command of yesterday" in made.detail
    Sweep()._move_deployments_on()
    workers.work()
    made.refresh_from_db()
    assert made.status == DeploymentStatus.FINISHED


def test_a_lost_worker_makes_it_failed_never_run_again_and_what_is_served_is_measured(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B2 for deployments."""
    made = deploy(spec(), actor=factory.actor(ana))
    execution = Execution.objects.create(
        environment=staging, kind=ExecutionKind.DEPLOY, started_by="Ana Ruiz", started_at=timezone.now(), fence=1
    )
    Deployment.objects.filter(pk=made.pk).update(execution=execution)
    assert close_lost(execution)
    Sweep()._move_deployments_on()
    workers.work()
    made.refresh_from_db()
    assert made.status == DeploymentStatus.FAILED
    assert "not seen" in made.detail
    assert made.verify_run is not None
    assert little_service.ran == []
    execution.refresh_from_db()
    assert execution.status == ExecutionStatus.ENDED
    assert Event.objects.filter(action="execution:lost").exists()


def test_a_running_deployment_is_stopped_and_rolled_back_by_one_press(
    staging: Environment,
    ana: User,
    workers: InlineWorkers,
    little_service: LittleService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (little_service.home / "wait").touch()
    made = deploy(spec(), actor=factory.actor(ana))
    begun = deploying.run_leased
    pressed: list[Rollback] = []

    def press_soon(execution: Execution, *given: Any, **options: Any) -> Any:
        pressing = beside(lambda: pressed.append(press_rollback(staging, made, ana)))
        result = begun(execution, *given, **options)
        pressing.join()
        (little_service.home / "wait").unlink()
        return result

    monkeypatch.setattr(deploying, "run_leased", press_soon)
    workers.work()
    made.refresh_from_db()
    assert made.status == DeploymentStatus.FAILED
    assert made.stop_requested_by == "Ana Ruiz"
    rollback = Rollback.objects.get()
    assert (rollback.undone, rollback.target.release.version) == (made, "2026.11.4")
    assert rollback.outcome == Outcome.RESTORED, rollback.detail
    assert live_in(staging) == "2026.11.4"
    assert little_service.ran == ["2026.11.4"]
    assert made.release.__class__.objects.get(pk=made.release_id).bad
    order = list(Event.objects.order_by("seq").values_list("action", flat=True))
    assert order.index("deployment:stop_requested") < order.index("deployment:failed")
    assert order.index("deployment:failed") < order.index("rollback:claimed")


def press_rollback(place: Environment, live: Deployment, by: User) -> Rollback:
    target = Environment.objects.select_related("live").get(pk=place.pk).live
    assert target is not None
    spec = RollbackSpec(service="archive", environment="staging", live=live.pk, target=target.pk, reason="other")
    return pressing.press(spec, actor=factory.actor(by))


def beside(act: Callable[[], object]) -> threading.Thread:
    """Do something in a thread of its own, whose database connection ends with it."""

    def work() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread
