"""The worker's look at a way back: what it finds of artifact, rehearsal and lock, and when it is asked to look."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_httpserver import HTTPServer

from releases.executor import EnvironmentLock
from releases.intake import FinishSpec, LiftSpec, RollbackSpec, StartSpec
from releases.management.refusing import person_at_the_terminal
from releases.models import (
    ChecklistRun,
    Deployment,
    Environment,
    Execution,
    ReadinessLook,
    Rehearsal,
    RenderedCommand,
    User,
    Worker,
)
from releases.queries.readiness.item import ReadinessItem, read
from releases.services import places, workers as worker_reports
from releases.services.acceptances import weigh_live
from releases.services.checklists import begin_run, make_run, settle_run
from releases.services.commands import look_at_way_back, render_target
from releases.services.deployments import finish_deployment, start_deployment
from releases.services.outcomes import end_rollback
from releases.services.pressing import press
from releases.services.readiness import lock
from releases.services.releases import unmark_bad
from releases.services.rollbacks import cancel
from releases.states import (
    ExecutionKind,
    Outcome,
    ProbeStatus,
    Purpose,
    RehearsalOutcome,
    RehearsalStatus,
    RehearsalStepKind,
    RollbackStatus,
    Serving,
    Verdict,
)
from tests import factory
from tests.little_service import LittleService
from tests.services.conftest import InlineWorkers

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[[], dict[str, ReadinessItem]]


@pytest.fixture
def target(production: Environment) -> Deployment:
    """2026.11.3, to which 2026.11.4 would go back."""
    verified = factory.deployed(production, "2026.11.3")
    factory.deployed(production, "2026.11.4")
    return verified


@pytest.fixture
def look(production: Environment, target: Deployment) -> Look:
    def looked() -> dict[str, ReadinessItem]:
        look_at_way_back(production.pk)
        return {item.key: item for item in map(read, ReadinessLook.objects.get().items)}

    return looked


@pytest.fixture
def cho(db: None) -> User:
    return factory.on_call()


def rehearsed(production: Environment, release: Any, user: User, **fields: Any) -> Rehearsal:
    """Make a rehearsal that ended, with its way back of 12 s and a checklist after it."""
    now = timezone.now()
    commands = {production.key: dict(places.place(production).command_digests)}
    made = Rehearsal.objects.create(
        environment=production,
        release=release,
        back_to=production.live,
        requester=user,
        requested_by=user.name,
        **{
            "pressed_at": now,
            "ended_at": now,
            "status": RehearsalStatus.DONE,
            "outcome": RehearsalOutcome.PROVEN,
            "commands": commands,
        }
        | fields,
    )
    execution = Execution.objects.create(
        environment=production,
        kind=ExecutionKind.ROLLBACK,
        status="ended",
        started_by="x",
        started_at=now - timedelta(seconds=12),
        ended_at=now,
    )
    made.steps.create(position=0, kind=RehearsalStepKind.ROLL_BACK, execution=execution)
    made.steps.create(position=1, kind=RehearsalStepKind.CHECK_AGAIN, run=factory.run(production))
    return made


# --- The look ---------------------------------------------------------------------------------------------------------


def test_a_look_answers_every_item_and_keeps_command_and_answers_in_rows(
    look: Look, production: Environment, target: Deployment
) -> None:
    found = look()
    assert found.keys() == {"artifact", "migrations", "rehearsal", "lock"}
    row = ReadinessLook.objects.get()
    assert (row.environment, row.target, row.live) == (production, target, production.live)
    assert row.host == places.host()
    assert RenderedCommand.objects.get().problems == []


def test_looking_again_replaces_what_was_found(look: Look) -> None:
    look()
    before = ReadinessLook.objects.get()
    look()
    after = ReadinessLook.objects.get()
    assert after.pk == before.pk
    assert after.looked_at > before.looked_at


def test_a_target_that_a_person_chose_is_looked_at_in_a_row_of_its_own(production: Environment) -> None:
    first = factory.deployed(production, "2026.11.2")
    factory.deployed(production, "2026.11.3")
    factory.deployed(production, "2026.11.4")
    look_at_way_back(production.pk)
    render_target(first.pk)
    assert ReadinessLook.objects.filter(live=production.live).count() == 2


def test_nothing_is_looked_at_where_there_is_nothing_to_go_back_to(production: Environment) -> None:
    factory.deployed(production, "2026.11.4")
    look_at_way_back(production.pk)
    assert not ReadinessLook.objects.exists()


def test_two_looks_never_take_two_places_of_a_worker(production: Environment, target: Deployment) -> None:
    """A rollback that is pressed meanwhile must find one free."""
    with EnvironmentLock(settings.ROLLBOOK_HOME / "locks", "looks").acquire("another look"):
        look_at_way_back(production.pk)
    assert not ReadinessLook.objects.exists()
    assert RenderedCommand.objects.exists(), "what a page waits for is shown all the same"


def test_a_look_runs_nothing(look: Look, little_service: LittleService) -> None:
    look()
    assert little_service.ran == []


# --- Its items --------------------------------------------------------------------------------------------------------


def test_an_artifact_that_nobody_can_look_for_is_said_and_is_not_red(look: Look) -> None:
    item = look()["artifact"]
    assert (item.word, item.says) == ("not checked", "the catalogue names no way to look for 2026.11.3")
    assert "artifact.url" in item.what_to_do


@pytest.mark.parametrize(("status", "word"), [(200, "ready"), (404, "not ready"), (500, "not known")])
def test_the_artifact_is_there_gone_or_not_known(
    look: Look, little_service: LittleService, httpserver: HTTPServer, status: int, word: str
) -> None:
    httpserver.expect_request("/store/2026.11.3").respond_with_data("", status=status)
    with little_service.catalogue.open("a") as file:
        url = httpserver.url_for("/store/") + "{version}"
        file.write(f'\n[services.archive.environments.production.artifact]\nurl = "{url}"\n')
    assert look()["artifact"].word == word


def test_a_lock_that_nobody_holds_is_free(look: Look) -> None:
    assert look()["lock"].word == "ready"


def test_a_lock_that_an_orphan_holds_is_red_with_host_and_process(
    look: Look, production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "ENDING_SECONDS", 0.0)
    with places.lock_of(production).acquire("deploy of 2026.11.5"):
        item = look()["lock"]
    assert item.red
    assert f"deploy of 2026.11.5 still holds the lock on {places.host()}" in item.says
    assert places.host() in item.what_to_do


def test_a_lock_that_a_running_command_holds_says_which(look: Look, production: Environment) -> None:
    execution = Execution.objects.create(
        environment=production, kind=ExecutionKind.DEPLOY, started_by="x", started_at=timezone.now()
    )
    with places.lock_of(production).acquire("deploy"):
        item = look()["lock"]
    assert (item.red, item.says) == (True, f"{execution.tag} holds it on {places.host()}")


def test_a_command_that_is_just_ending_holds_no_lock(
    look: Look, production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = places.lock_of(production).acquire("deploy")
    monkeypatch.setattr(lock.time, "sleep", lambda _: held.release())
    assert look()["lock"].word == "ready"


def test_one_that_was_never_rehearsed_is_said_and_red_only_where_that_is_required(
    look: Look, production: Environment
) -> None:
    item = look()["rehearsal"]
    assert (item.word, item.says) == ("not checked", "2026.11.4 was never rehearsed")
    Environment.objects.update(requires_rehearsal=True)
    assert look()["rehearsal"].red


def test_a_receipt_that_counts_says_when_it_was_how_long_it_took_and_what_was_measured(
    look: Look, production: Environment, cho: User
) -> None:
    made = rehearsed(production, production.live.release, cho, ended_at=timezone.now() - timedelta(days=3, hours=1))  # type: ignore[union-attr]
    number = len(production.checklist)
    item = look()["rehearsal"]
    assert item.word == "ready"
    assert (
        item.says
        == f"rehearsed 3 days ago ({made.tag}), the way back took 12.0 s, {number} of {number} probes pass after it"
    )


@pytest.mark.parametrize(("required", "word"), [(False, "not checked"), (True, "not ready")])
def test_an_old_receipt_is_red_only_where_one_is_required(
    look: Look, production: Environment, cho: User, required: bool, word: str
) -> None:
    assert production.live is not None
    Environment.objects.update(requires_rehearsal=required)
    rehearsed(production, production.live.release, cho, ended_at=timezone.now() - timedelta(days=15))
    item = look()["rehearsal"]
    assert item.word == word
    assert "that is more than 14 days" in item.says


def test_a_rehearsal_that_did_not_come_back_is_red(look: Look, production: Environment, cho: User) -> None:
    assert production.live is not None
    made = rehearsed(
        production, production.live.release, cho, outcome=RehearsalOutcome.NOT_PROVEN, detail="web-2 kept 2026.11.4."
    )
    item = look()["rehearsal"]
    assert (item.red, item.says) == (True, f"{made.tag} of 2026.11.4 is not proven: web-2 kept 2026.11.4.")


@pytest.mark.parametrize(("required", "word"), [(False, "not checked"), (True, "not ready")])
def test_a_rehearsal_that_says_nothing_proves_nothing(
    look: Look, production: Environment, cho: User, required: bool, word: str
) -> None:
    assert production.live is not None
    Environment.objects.update(requires_rehearsal=required)
    rehearsed(production, production.live.release, cho, outcome=RehearsalOutcome.INCONCLUSIVE)
    assert look()["rehearsal"].word == word


def test_a_command_that_changed_since_the_rehearsal_is_red_by_this_workers_own_catalogue(
    look: Look, production: Environment, cho: User, little_service: LittleService
) -> None:
    """B29: nobody has applied the catalogue, the worker reads it all the same."""
    assert production.live is not None
    made = rehearsed(production, production.live.release, cho)
    little_service.catalogue.write_text(little_service.catalogue.read_text().replace("timeout = 60", "timeout = 61"))
    item = look()["rehearsal"]
    assert (item.red, item.says) == (True, f"the rollback command is not the one of {made.tag}")


# --- When it is asked to look -----------------------------------------------------------------------------------------


def asked(workers: InlineWorkers) -> list[int]:
    return [row for task, _, row in workers.knocked if task == "look_at_way_back"]


def test_a_deployment_that_ends_has_the_way_back_looked_at(production: Environment, workers: InlineWorkers) -> None:

    actor = person_at_the_terminal()
    factory.release(production.service, "2026.11.5")
    spec = StartSpec(service="archive", environment="production", version="2026.11.5")
    for succeeded in (True, False):
        started = start_deployment(spec, actor=actor)
        workers.knocked.clear()
        finish_deployment(started.pk, FinishSpec(succeeded=succeeded), actor=actor)
        assert asked(workers) == [production.pk]


def test_a_verdict_has_the_way_back_looked_at(
    production: Environment, target: Deployment, workers: InlineWorkers
) -> None:

    run = make_run(production, purpose=Purpose.VERIFY, deployment=target, expected_version="2026.11.3")
    begin_run(run.pk)
    run.probes.update(status=ProbeStatus.DONE, verdict=Verdict.PASS)
    ChecklistRun.objects.filter(pk=run.pk).update(wave=9)
    workers.knocked.clear()
    settle_run(run.pk)
    assert asked(workers) == [production.pk]


def test_a_bad_mark_that_is_taken_off_has_the_ways_back_looked_at(
    production: Environment, target: Deployment, workers: InlineWorkers
) -> None:
    release = target.release
    release.bad_since, release.bad_by, release.bad_reason = timezone.now(), "Ana", "leak"
    release.save()
    workers.knocked.clear()
    assert unmark_bad(release, LiftSpec(reason="another cause"), actor=factory.actor(factory.lead()))
    assert production.pk in asked(workers)


def test_a_press_has_the_other_environments_looked_at_after_the_rollback_was_knocked_for(
    production: Environment, target: Deployment, workers: InlineWorkers, cho: User
) -> None:
    """Its release is bad now, and no target anywhere."""

    staging = factory.environment(production.service, "staging")
    live = factory.deployed(staging, "2026.11.4")
    assert (live, production.live) != (None, None)
    workers.knocked.clear()
    spec = RollbackSpec(
        service="archive", environment="production", live=production.live_id, target=target.pk, reason="slow"
    )
    rollback = press(spec, actor=factory.actor(cho))
    assert [task for task, _, _ in workers.knocked] == ["run_rollback", "look_at_way_back"]
    assert asked(workers) == [staging.pk]
    workers.knocked.clear()
    assert cancel(rollback, actor=factory.actor(cho))
    assert sorted(asked(workers)) == sorted([production.pk, staging.pk])


def test_a_rollback_that_ends_has_the_way_back_looked_at(
    production: Environment, target: Deployment, workers: InlineWorkers, cho: User
) -> None:
    assert production.live is not None
    row = factory.rollback(production, target, production.live, cho, status=RollbackStatus.VERIFYING)
    workers.knocked.clear()
    assert end_rollback(row, outcome=Outcome.NOT_RESTORED, serving=Serving.OTHER, detail="web-1 kept 2026.11.4.")
    assert asked(workers) == [production.pk]


def test_an_acceptance_has_the_way_back_looked_at(
    production: Environment, target: Deployment, workers: InlineWorkers
) -> None:
    """What was not verified may be a target now."""
    workers.knocked.clear()
    weigh_live(target)
    assert asked(workers) == [production.pk]


# --- What a worker says of itself -------------------------------------------------------------------------------------


def test_a_worker_reports_the_digest_of_the_command_that_it_would_run(production: Environment) -> None:

    worker_reports._report("act-1@here", "act", [production.act_queue, "act.archive.gone"])
    worker = Worker.objects.get()
    assert worker.rollback_digests == {production.act_queue: production.command_digests["rollback"]}


def test_a_worker_whose_catalogue_cannot_be_read_reports_no_digest(
    production: Environment, little_service: LittleService
) -> None:

    little_service.catalogue.write_text("")
    worker_reports._report("act-1@here", "act", [production.act_queue])
    worker = Worker.objects.get()
    assert (worker.catalogue_digest, worker.rollback_digests) == ("unreadable", {})
