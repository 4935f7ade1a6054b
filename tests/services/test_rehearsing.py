"""Rehearsals: the real commands put a release in place and take it back, and the checklist tells what happened."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from releases.catalogue import load
from releases.errors import Conflict, Denied
from releases.intake import RehearseSpec, RollbackSpec, StartSpec
from releases.management.refusing import person_at_the_terminal
from releases.models import Deployment, Environment, Event, Execution, Freeze, Rehearsal, Release, User
from releases.queries.estimates import expected_seconds
from releases.queries.receipts import FRESH, newest_receipt
from releases.services import pressing, rehearsing
from releases.services.catalogue_sync import sync_catalogue
from releases.services.deployments import start_deployment
from releases.services.rehearsal_facts import receipt_of, rehearsal_facts
from releases.services.rehearsals import rehearse, stop_rehearsal
from releases.states import (
    CommandState,
    DeploymentKind,
    DeploymentStatus,
    Outcome,
    Purpose,
    RehearsalOutcome,
    RehearsalStatus,
    Verdict,
)
from releases.sweep import Sweep, close_lost
from tests import factory
from tests.little_service import LittleService
from tests.services.conftest import InlineWorkers
from tests.services.staging import COPYING, add_staging


def sync() -> None:
    from django.conf import settings

    sync_catalogue(load(Path(settings.ROLLBOOK_CATALOGUE)), actor=person_at_the_terminal())


def spec(version: str = "2026.11.5", environment: str = "staging") -> RehearseSpec:
    return RehearseSpec(service="archive", environment=environment, version=version)


@pytest.fixture
def staging(little_service: LittleService, production: Environment) -> Environment:
    """archive/staging, where 2026.11.4 is live and verified and 2026.11.5 is registered."""
    add_staging(little_service)
    sync()
    place = Environment.objects.select_related("service").get(service__key="archive", key="staging")
    factory.deployed(place, "2026.11.4")
    factory.release(place.service, "2026.11.5")
    return place


@pytest.fixture
def ana(production: Environment) -> User:
    return factory.lead()


def rehearsed(ana: User, workers: InlineWorkers) -> Rehearsal:
    made = rehearse(spec(), actor=factory.actor(ana))
    workers.work()
    made.refresh_from_db()
    return made


def test_the_real_commands_put_it_in_place_and_take_it_back(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    made = rehearsed(ana, workers)
    assert (made.status, made.outcome) == (RehearsalStatus.DONE, RehearsalOutcome.PROVEN), made.detail
    assert little_service.ran == ["2026.11.5", "2026.11.4"]
    assert little_service.version == "2026.11.4"
    kinds = [step.kind for step in made.steps.all()]
    assert kinds == ["measure before", "deploy", "check", "roll back", "check again"]
    assert all(step.ended and step.seconds is not None for step in made.steps.select_related("execution", "run"))


def test_what_was_live_before_is_live_again(staging: Environment, ana: User, workers: InlineWorkers) -> None:
    before = Environment.objects.values_list("live", flat=True).get(pk=staging.pk)
    made = rehearsed(ana, workers)
    staging.refresh_from_db()
    assert staging.live_id == before == made.back_to_id
    placed = made.deployment
    assert placed is not None
    assert (placed.kind, placed.status, placed.verdict) == (
        DeploymentKind.REHEARSAL,
        DeploymentStatus.FINISHED,
        Verdict.PASS,
    )


def test_a_way_back_that_leaves_a_process_behind_is_not_proven(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B38"""
    little_service.leave_a_process("2026.11.4")
    made = rehearsed(ana, workers)
    assert (made.status, made.outcome) == (RehearsalStatus.DONE, RehearsalOutcome.NOT_PROVEN)
    assert "Left behind by the command: process" in made.detail


def test_the_receipt_keeps_the_digests_of_the_commands_of_every_place(
    staging: Environment, ana: User, workers: InlineWorkers
) -> None:
    made = rehearsed(ana, workers)
    assert set(made.commands) == {"production", "staging"}
    assert made.commands["production"]["rollback"] == made.commands["staging"]["rollback"]
    done = Event.objects.get(action="rehearsal:done")
    assert done.payload["details"]["commands"] == made.commands
    ended = Event.objects.filter(action="rehearsal:step_ended").order_by("seq")
    assert [event.payload["details"]["step"] for event in ended] == ["deploy", "roll back"]
    assert all(event.payload["details"]["digest"] for event in ended)


def test_the_way_back_of_a_rehearsal_tells_how_long_a_rollback_will_take(
    staging: Environment, production: Environment, ana: User, workers: InlineWorkers
) -> None:
    assert expected_seconds(production) is None
    made = rehearsed(ana, workers)
    expected = expected_seconds(production)
    assert expected is not None
    back = [step.seconds or 0 for step in made.steps.select_related("execution", "run")][-2:]
    assert (expected.seconds, expected.number, expected.noun) == (sum(back), 1, "rehearsal")


def test_the_checklists_say_what_they_are_for(staging: Environment, ana: User, workers: InlineWorkers) -> None:
    made = rehearsed(ana, workers)
    runs = [step.run for step in made.steps.select_related("run") if step.run is not None]
    assert [run.purpose for run in runs] == [Purpose.BASELINE, Purpose.REHEARSAL, Purpose.REHEARSAL]
    assert [run.expected_version for run in runs] == ["2026.11.4", "2026.11.5", "2026.11.4"]
    assert runs[2].compared_with == runs[0]


def test_a_deploy_command_that_fails_is_still_gone_back_from_and_proves_nothing(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    (little_service.home / "exit").write_text("3")
    made = rehearsed(ana, workers)
    assert made.outcome == RehearsalOutcome.NOT_PROVEN
    assert little_service.ran == ["2026.11.5", "2026.11.4"]
    assert "exit 3" in made.detail


def test_a_rollback_command_that_does_nothing_proves_nothing_and_what_is_served_stays_recorded(
    staging: Environment,
    ana: User,
    workers: InlineWorkers,
    little_service: LittleService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """B41 in a rehearsal: exit 0, and the release is still served."""
    really = rehearsing.run_leased

    def useless_on_the_way_back(execution: Execution, *given: Any, **options: Any) -> Any:
        if execution.kind == "rollback":
            (little_service.home / "useless").touch()
        return really(execution, *given, **options)

    monkeypatch.setattr(rehearsing, "run_leased", useless_on_the_way_back)
    made = rehearsed(ana, workers)
    assert made.outcome == RehearsalOutcome.NOT_PROVEN
    staging.refresh_from_db()
    assert staging.live == made.deployment


def test_the_configuration_is_copied_first_where_the_catalogue_says_how(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    add_staging(little_service, COPYING, exit_code=0)
    sync()
    made = rehearsed(ana, workers)
    assert made.outcome == RehearsalOutcome.PROVEN
    assert next(step.kind for step in made.steps.all()) == "copy configuration"
    assert (little_service.home / "copied").exists()


def test_where_the_configuration_cannot_be_copied_nothing_is_deployed(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    add_staging(little_service, COPYING, exit_code=1)
    sync()
    made = rehearsed(ana, workers)
    assert made.outcome == RehearsalOutcome.NOT_PROVEN
    assert "nothing was deployed" in made.detail
    assert little_service.ran == []


def test_production_is_never_rehearsed_in(staging: Environment, production: Environment, ana: User) -> None:
    factory.deployed(production, "2026.11.4")
    with pytest.raises(Conflict) as refused:
        rehearse(spec(environment="production"), actor=factory.actor(ana))
    assert refused.value.problems[0].code == "is_production"


def test_what_is_live_there_already_cannot_be_rehearsed(staging: Environment, ana: User) -> None:
    with pytest.raises(Conflict) as refused:
        rehearse(spec("2026.11.4"), actor=factory.actor(ana))
    assert refused.value.problems[0].code == "already_live"


def test_with_nothing_live_there_is_nothing_to_go_back_to(staging: Environment, ana: User) -> None:
    Environment.objects.filter(pk=staging.pk).update(live=None)
    with pytest.raises(Conflict) as refused:
        rehearse(spec(), actor=factory.actor(ana))
    assert refused.value.problems[0].code == "nothing_to_go_back_to"


def test_only_who_may_deploy_may_rehearse(staging: Environment) -> None:
    with pytest.raises(Denied):
        rehearse(spec(), actor=factory.actor(factory.on_call()))


def test_a_second_one_is_refused_while_the_first_is_on(staging: Environment, ana: User) -> None:
    rehearse(spec(), actor=factory.actor(ana))
    with pytest.raises(Conflict) as refused:
        rehearse(spec(), actor=factory.actor(ana))
    assert refused.value.problems[0].code == "environment_busy"


def test_a_permission_that_was_taken_away_meanwhile_refuses_it(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B28 for rehearsals."""
    made = rehearse(spec(), actor=factory.actor(ana))
    ana.memberships.all().delete()
    workers.work()
    made.refresh_from_db()
    assert made.status == RehearsalStatus.REFUSED
    assert little_service.ran == []


def test_a_queued_one_can_be_cancelled_and_then_nothing_runs(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    made = rehearse(spec(), actor=factory.actor(ana))
    assert stop_rehearsal(made, actor=factory.actor(ana))
    workers.work()
    made.refresh_from_db()
    assert made.status == RehearsalStatus.CANCELLED
    assert little_service.ran == []
    assert not stop_rehearsal(made, actor=factory.actor(ana))


def test_a_running_one_that_is_stopped_begins_no_further_step(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    made = rehearse(spec(), actor=factory.actor(ana))
    rehearsing.continue_rehearsal(made.pk)
    assert stop_rehearsal(made, actor=factory.actor(ana))
    workers.work()
    made.refresh_from_db()
    assert (made.status, made.outcome) == (RehearsalStatus.DONE, RehearsalOutcome.STOPPED)
    assert "before the step deploy" in made.detail
    assert little_service.ran == []


def test_a_lost_worker_ends_it_as_unknown_and_nothing_is_run_again(
    staging: Environment,
    ana: User,
    workers: InlineWorkers,
    little_service: LittleService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """B2 in a rehearsal."""
    really = rehearsing.run_leased

    def lose(execution: Execution, *given: Any, **options: Any) -> Any:
        result = really(execution, *given, **options)
        close_lost(execution)
        return result

    monkeypatch.setattr(rehearsing, "run_leased", lose)
    made = rehearse(spec(), actor=factory.actor(ana))
    workers.work()
    Rehearsal.objects.filter(pk=made.pk).update(knocked_at=timezone.now() - timedelta(seconds=6))
    Sweep()._move_rehearsals_on()
    workers.work()
    made.refresh_from_db()
    assert made.outcome == RehearsalOutcome.UNKNOWN, made.detail
    assert little_service.ran == ["2026.11.5"]
    placed = Deployment.objects.get(kind=DeploymentKind.REHEARSAL)
    assert placed.status == DeploymentStatus.FAILED
    step = made.steps.select_related("execution").get(kind="deploy")
    assert step.execution is not None
    assert step.execution.command == CommandState.LOST


def test_the_sweep_goes_on_with_one_whose_knock_was_lost(
    staging: Environment, ana: User, workers: InlineWorkers
) -> None:
    made = rehearse(spec(), actor=factory.actor(ana))
    workers.knocked.clear()
    Rehearsal.objects.filter(pk=made.pk).update(knocked_at=timezone.now() - timedelta(seconds=6))
    Sweep()._move_rehearsals_on()
    workers.work()
    made.refresh_from_db()
    assert made.outcome == RehearsalOutcome.PROVEN


def test_an_environment_that_requires_a_rehearsal_takes_no_release_without_one(
    staging: Environment, production: Environment, ana: User, workers: InlineWorkers
) -> None:
    factory.deployed(production, "2026.11.4")
    Environment.objects.filter(pk=production.pk).update(requires_rehearsal=True)
    start = StartSpec(service="archive", environment="production", version="2026.11.5")
    with pytest.raises(Conflict) as refused:
        start_deployment(start, actor=factory.actor(ana))
    assert refused.value.problems[0].code == "rehearsal_required"
    rehearsed(ana, workers)
    assert start_deployment(start, actor=factory.actor(ana)).status == DeploymentStatus.STARTED


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"outcome": RehearsalOutcome.INCONCLUSIVE}, "it is inconclusive"),
        ({"ended_at": timezone.now() - FRESH - timedelta(days=1)}, "days old"),
        ({"commands": {"production": {"rollback": "0" * 64}}}, "the rollback command changed since"),
    ],
)
def test_a_receipt_that_does_not_count_says_why(
    staging: Environment,
    production: Environment,
    ana: User,
    workers: InlineWorkers,
    changes: dict[str, object],
    why: str,
) -> None:
    made = rehearsed(ana, workers)
    production.refresh_from_db()
    receipt = newest_receipt(production, made.release)
    assert receipt is not None
    assert receipt.counts
    Rehearsal.objects.filter(pk=made.pk).update(**changes)
    receipt = newest_receipt(production, made.release)
    assert receipt is not None
    assert not receipt.counts
    assert why in receipt.why


def test_a_frozen_environment_takes_no_rehearsal(staging: Environment, ana: User) -> None:
    Freeze.objects.create(environment=staging, reason="RB-1: leak", frozen_by="Cho Park", frozen_at=timezone.now())
    with pytest.raises(Conflict) as refused:
        rehearse(spec(), actor=factory.actor(ana))
    assert refused.value.problems[0].code == "environment_frozen"


def test_a_rollback_there_ends_the_rehearsal(
    staging: Environment, ana: User, workers: InlineWorkers, little_service: LittleService
) -> None:
    older = factory.deployed(staging, "2026.11.3")
    live = factory.deployed(staging, "2026.11.4")
    made = rehearse(spec(), actor=factory.actor(ana))
    pressed = RollbackSpec(service="archive", environment="staging", live=live.pk, target=older.pk, reason="other")
    rollback = pressing.press(pressed, actor=factory.actor(ana))
    workers.work()
    made.refresh_from_db()
    rollback.refresh_from_db()
    assert (made.status, made.stop_requested_by) == (RehearsalStatus.CANCELLED, "Ana Ruiz")
    assert rollback.outcome == Outcome.RESTORED
    assert little_service.ran == ["2026.11.3"]


def test_the_probes_about_rehearsals_read_the_receipt(
    staging: Environment, ana: User, workers: InlineWorkers, production: Environment
) -> None:
    """What `rollback_command`, `deploy_command` and `rollback_rehearsal` are told of it."""
    release = Release.objects.get(version="2026.11.5")
    assert rehearsal_facts(production, release) is None
    done = rehearsed(ana, workers)
    facts = rehearsal_facts(production, release)
    assert facts is not None
    assert (facts.tag, facts.outcome, facts.changed, facts.too_old) == (done.tag, "proven", (), "")
    assert (facts.deploy_command, facts.deploy_exit) == ("exited", 0)
    receipt = receipt_of(production, release)
    assert receipt is not None
    assert receipt.counts
    Rehearsal.objects.filter(pk=done.pk).update(ended_at=timezone.now() - timedelta(days=20))
    old = rehearsal_facts(production, release)
    assert old is not None
    assert old.too_old.startswith("it is 20 days old")
