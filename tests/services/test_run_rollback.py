"""The worker's part of a rollback: one command, then purge, then what was measured."""

import re
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from releases.catalogue import load
from releases.errors import Conflict
from releases.executor import Result, run
from releases.intake import RollbackSpec
from releases.management.refusing import person_at_the_terminal
from releases.models import Environment, Event, Execution, Rollback
from releases.services import executions, places, pressing, rolling_back
from releases.services.catalogue_sync import sync_catalogue
from releases.services.commands import keep_rendered, looking_here
from releases.states import (
    CommandState,
    DeploymentKind,
    DeploymentStatus,
    ExecutionKind,
    Outcome,
    RollbackStatus,
    Serving,
    Verdict,
)
from tests import factory
from tests.services.conftest import InlineWorkers, LittleService


def press(place: Environment, **changes: object) -> Rollback:
    """Press the button for the story of 2026.11.3 and 2026.11.4, with the command that a worker rendered."""
    target = factory.deployed(place, "2026.11.3")
    live = factory.deployed(place, "2026.11.4")
    digest = keep_rendered(place, target).digest
    spec = RollbackSpec(
        **{
            "service": "archive",
            "environment": "production",
            "live": live.pk,
            "target": target.pk,
            "digest": digest,
            "reason": "users",
            "words": "names leaked",
            **changes,
        }
    )
    return pressing.press(spec, actor=factory.actor(factory.on_call()))


def test_a_rollback_runs_its_command_once_and_is_restored_when_that_was_measured(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    rollback = press(production)
    workers.work()
    rollback.refresh_from_db()
    assert (rollback.status, rollback.outcome, rollback.serving) == (
        RollbackStatus.DONE,
        Outcome.RESTORED,
        Serving.TARGET,
    )
    assert little_service.ran == ["2026.11.3"]
    assert "2026.11.3 serves on every instance" in rollback.detail


def test_the_rollback_is_a_deployment_that_becomes_the_live_one(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    rollback = press(production)
    workers.work()
    production.refresh_from_db()
    assert production.live is not None
    assert (production.live.kind, production.live.status) == (DeploymentKind.ROLLBACK, DeploymentStatus.FINISHED)
    assert production.live.rollback == rollback


def test_the_affected_routes_of_the_undone_release_are_purged(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    rollback = press(production)
    workers.work()
    rollback.refresh_from_db()
    assert little_service.purged == ["/articles"]
    assert rollback.purge_execution is not None
    assert rollback.purge_execution.output == "PURGE /articles: 200"


def test_a_redelivered_message_runs_nothing_again(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B7: the row, not the message, decides."""
    rollback = press(production)
    workers.work()
    rolling_back.run_rollback(rollback.pk)
    rolling_back.continue_rollback(rollback.pk)
    assert little_service.ran == ["2026.11.3"]
    assert Execution.objects.filter(kind="rollback").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_result_is_saved_although_the_database_was_restarted_meanwhile(
    production: Environment, workers: InlineWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B15: the connection that the worker had is gone. SQLite has none that could go."""

    def restarted(*given: Any, **named: Any) -> Result:
        result = run(*given, **named)
        if connection.vendor == "postgresql":
            connection.connection.close()
        return result

    monkeypatch.setattr(executions, "run", restarted)
    rollback = press(production)
    workers.work()
    rollback.refresh_from_db()
    assert (rollback.command, rollback.outcome) == (CommandState.EXITED, Outcome.RESTORED)


def test_exit_0_with_the_old_version_still_served_is_not_restored(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B41"""
    (little_service.home / "useless").touch()
    rollback = press(production)
    workers.work()
    rollback.refresh_from_db()
    assert rollback.outcome == Outcome.NOT_RESTORED
    assert "web-1 serves 2026.11.4" in rollback.detail
    production.refresh_from_db()
    assert production.live == rollback.undone


def test_a_failed_command_whose_target_serves_says_both(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B42"""
    (little_service.home / "exit").write_text("1")
    rollback = press(production)
    workers.work()
    rollback.refresh_from_db()
    assert rollback.execution is not None
    assert (rollback.command, rollback.execution.exit_code) == (CommandState.EXITED, 1)
    assert rollback.outcome == Outcome.RESTORED_WITH_DIFFERENCES


def test_a_command_that_leaves_a_process_behind_is_restored_with_that_difference(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B35, B38: also where the checklist does not ask about the way back."""
    little_service.leave_a_process("2026.11.3")
    rollback = press(production)
    workers.work()
    rollback.refresh_from_db()
    assert (rollback.serving, rollback.outcome) == (Serving.TARGET, Outcome.RESTORED_WITH_DIFFERENCES)
    assert re.search(r"Left behind by the command: process \d+: sleep 60", rollback.detail)


def test_a_lock_that_is_still_held_is_a_difference_and_not_a_service_that_is_worse(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B38: `rollback_command` fails anew, since nobody could go back from here while the process lives."""
    little_service.leave_a_process("2026.11.3")
    with little_service.catalogue.open("a") as file:
        file.write("\n[services.archive.checklist.rollback_command]\n")
    sync_catalogue(load(little_service.catalogue), actor=person_at_the_terminal())
    production.refresh_from_db()
    factory.deployed(production, "2026.11.2")
    rollback = press(production)
    with looking_here():
        workers.work()
    rollback.refresh_from_db()
    assert rollback.restore_run is not None
    answer = rollback.restore_run.probes.get(key="rollback_command")
    assert (answer.verdict, answer.findings.get(level="fail").kind) == (Verdict.FAIL, "lock_held")
    assert (rollback.serving, rollback.outcome) == (Serving.TARGET, Outcome.RESTORED_WITH_DIFFERENCES)
    assert "(as before but for the way back)" in rollback.detail
    assert "The way back from here: another command still holds the lock" in rollback.detail


def test_a_requester_who_may_no_longer_roll_back_is_refused_at_the_start(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B28"""
    rollback = press(production)
    rollback.requester.memberships.all().delete()
    workers.work()
    rollback.refresh_from_db()
    assert rollback.status == RollbackStatus.REFUSED
    assert "may no longer roll back" in rollback.detail
    event = Event.objects.get(action="permission:denied")
    assert (event.actor, event.payload["via"], event.object_tag) == (rollback.requested_by, "worker", rollback.tag)
    assert little_service.ran == []
    assert Event.objects.filter(action="rollback:refused", object_tag=rollback.tag).count() == 1


def test_a_requester_who_is_left_with_a_group_of_another_service_is_refused_at_the_start(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B28"""
    rollback = press(production)
    rollback.requester.memberships.update(service=factory.service("payments"))
    workers.work()
    rollback.refresh_from_db()
    assert rollback.status == RollbackStatus.REFUSED
    assert little_service.ran == []


def test_a_command_that_is_not_the_one_that_was_shown_is_refused(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B29"""
    rollback = press(production)
    text = little_service.catalogue.read_text()
    little_service.catalogue.write_text(text.replace("timeout = 60", "timeout = 61"))
    workers.work()
    rollback.refresh_from_db()
    assert rollback.status == RollbackStatus.REFUSED
    assert "not the one that was shown" in rollback.detail
    assert little_service.ran == []


def test_a_purge_that_failed_is_never_simply_restored(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    """B54: the version is back, yet what the cache kept of the undone release may still be there."""
    little_service.refuses_purge = True
    rollback = press(production)
    workers.work()
    rollback.refresh_from_db()
    assert rollback.outcome == Outcome.RESTORED_WITH_DIFFERENCES
    assert "Not purged: /articles." in rollback.detail


@pytest.mark.parametrize("shown", ["f" * 64, ""])
def test_a_press_on_a_page_that_did_not_show_the_command_is_sent_back(
    production: Environment, workers: InlineWorkers, little_service: LittleService, shown: str
) -> None:
    """B29"""
    with pytest.raises(Conflict) as refused:
        press(production, digest=shown)
    assert refused.value.problems[0].code == "command_changed"
    assert not Rollback.objects.exists()


def test_a_probes_command_is_ended_rather_than_waited_for(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    rollback = press(production)
    lock = places.lock_of(production).acquire("purge for C-1")
    threading.Timer(0.5, lock.release).start()
    rolling_back.run_rollback(rollback.pk)
    rollback.refresh_from_db()
    assert rollback.claimed_at is not None


def test_a_rollback_waits_while_another_command_holds_the_lock(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    rollback = press(production)
    with places.lock_of(production).acquire("a command of yesterday"):
        rolling_back.run_rollback(rollback.pk)
    rollback.refresh_from_db()
    assert rollback.status == RollbackStatus.QUEUED
    assert "a command of yesterday" in rollback.detail
    assert little_service.ran == []


def test_output_and_its_digest_are_kept(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    rollback = press(production)
    workers.work()
    rollback.refresh_from_db()
    assert rollback.execution is not None
    assert rollback.execution.output.strip() == "switching to 2026.11.3"
    assert len(rollback.execution.output_sha256) == 64


@pytest.mark.parametrize("purge", [True, False])
def test_purging_is_done_only_when_it_was_wanted(
    production: Environment, workers: InlineWorkers, little_service: LittleService, purge: bool
) -> None:
    press(production, purge=purge)
    workers.work()
    assert little_service.purged == (["/articles"] if purge else [])


def test_a_purge_that_another_has_begun_is_left_to_it(production: Environment, little_service: LittleService) -> None:
    """A worker and a terminal come to it at once, and one is faster by a moment."""
    target, live = factory.deployed(production, "2026.11.3"), factory.deployed(production, "2026.11.4")
    cho = factory.on_call()
    rollback = factory.rollback(production, target, live, cho, status=RollbackStatus.PURGING)
    theirs = Execution.objects.create(
        environment=production, kind=ExecutionKind.PURGE, started_by=cho.name, started_at=timezone.now(), fence=1
    )
    rolling_back.continue_rollback(rollback.pk)
    rollback.refresh_from_db()
    assert (rollback.status, rollback.purge_execution) == (RollbackStatus.PURGING, None)
    assert list(Execution.objects.all()) == [theirs]
