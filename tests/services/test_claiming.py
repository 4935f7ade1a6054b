"""Claiming a rollback: one worker takes it, with what is true at that moment."""

import pytest
from django.utils import timezone

from releases.models import ChecklistRun, Deployment, Environment, Event, Execution, Rollback
from releases.services import rolling_back
from releases.services.commands import keep_rendered
from releases.states import ExecutionKind, Purpose, RollbackStatus, RunStatus
from tests import factory
from tests.services.conftest import InlineWorkers, LittleService

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queued(production: Environment) -> Rollback:
    target, live = factory.deployed(production, "2026.11.3"), factory.deployed(production, "2026.11.4")
    digest = keep_rendered(production, target).digest
    return factory.rollback(production, target, live, factory.on_call(), seen_digest=digest)


def test_a_worker_of_another_mind_cannot_refuse_what_runs_already(
    queued: Rollback, little_service: LittleService
) -> None:
    """It read the row while it was queued; its catalogue has another command; a second host took it meanwhile."""
    stale = rolling_back._get(queued.pk)
    Rollback.objects.update(status=RollbackStatus.RUNNING)
    assert rolling_back._claim(stale, None, "The catalogue has no rollback command.") is None
    queued.refresh_from_db()
    assert queued.status == RollbackStatus.RUNNING
    assert not Event.objects.filter(action="rollback:refused").exists()


def test_a_command_that_executes_there_is_waited_for(queued: Rollback, little_service: LittleService) -> None:
    """The rows of another host's worker; its lock is not ours to see."""
    Execution.objects.create(
        environment=queued.environment, kind=ExecutionKind.DEPLOY, started_by="Ana Ruiz", started_at=timezone.now()
    )
    rolling_back.run_rollback(queued.pk)
    queued.refresh_from_db()
    assert (queued.status, queued.detail) == (
        RollbackStatus.QUEUED,
        "Waiting: another command is executing in this environment.",
    )
    assert little_service.ran == []


def test_waiting_is_said_only_of_what_still_waits(queued: Rollback) -> None:
    Rollback.objects.update(status=RollbackStatus.RUNNING)
    rolling_back._wait(queued, "the lock is held.")
    queued.refresh_from_db()
    assert queued.detail == ""


def test_checklists_that_were_on_are_ended_since_what_is_served_changes(
    queued: Rollback, workers: InlineWorkers
) -> None:
    on = factory.run(queued.environment, deployment=queued.undone)
    ChecklistRun.objects.filter(pk=on.pk).update(status=RunStatus.RUNNING)
    on.probes.update(status="queued")
    workers.work()
    rolling_back.run_rollback(queued.pk)
    on.refresh_from_db()
    assert (on.status, on.given_up) == (RunStatus.DONE, f"{queued.tag} is about to change what is served")


def test_what_is_live_at_the_claim_is_what_the_rollback_replaces(
    queued: Rollback, workers: InlineWorkers, production: Environment, little_service: LittleService
) -> None:
    """B26: a deployment was reported as finished while the rollback was queued; what is measured is recorded."""
    production.refresh_from_db()
    newer = factory.deployed(production, "2026.11.5")
    rolling_back.run_rollback(queued.pk)
    workers.work()
    queued.refresh_from_db()
    production.refresh_from_db()
    assert queued.deployment is not None
    assert queued.deployment.replaced == newer
    assert production.live == queued.deployment


def test_the_restore_is_compared_with_the_targets_own_run(queued: Rollback) -> None:
    rolling_back.run_rollback(queued.pk)
    rolling_back.continue_rollback(queued.pk)
    restore = ChecklistRun.objects.get(purpose=Purpose.RESTORE)
    assert restore.compared_with == queued.target.verify_run
    assert restore.expected_version == "2026.11.3"


def test_a_target_whose_own_run_was_tainted_is_compared_with_nothing(queued: Rollback) -> None:
    ChecklistRun.objects.filter(pk=queued.target.verify_run_id).update(tainted=True)
    rolling_back.run_rollback(queued.pk)
    rolling_back.continue_rollback(queued.pk)
    assert ChecklistRun.objects.get(purpose=Purpose.RESTORE).compared_with is None


def test_a_command_that_the_catalogue_no_longer_has_is_refused_and_says_so(
    queued: Rollback, little_service: LittleService
) -> None:
    """B29, B40"""
    text = little_service.catalogue.read_text()
    little_service.catalogue.write_text(text.replace("commands.rollback", "commands.deploy"))
    rolling_back.run_rollback(queued.pk)
    queued.refresh_from_db()
    assert queued.status == RollbackStatus.REFUSED
    assert "no rollback command" in queued.detail
    assert not Deployment.objects.filter(kind="rollback").exists()
