"""Asking the worker that would run a rollback what it knows of it, wherever that worker is."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from releases import knocks
from releases.models import Deployment, Environment, Release, RenderedCommand, Worker
from releases.probes import registry
from releases.probes.base import RollbackFacts
from releases.queries.readiness import WORKER_FRESH
from releases.services import artifacts, commands, places
from releases.services.commands import keep_rendered, looking_here, render_target
from releases.services.rollback_facts import rollback_facts, rollback_facts_for
from releases.states import DeploymentKind, Purpose
from tests import factory
from tests.little_service import LittleService
from tests.services.conftest import InlineWorkers

pytestmark = pytest.mark.django_db(transaction=True)

Facts = Callable[[], RollbackFacts]


@pytest.fixture
def target(production: Environment) -> Deployment:
    """2026.11.3, to which 2026.11.4 would go back."""
    verified = factory.deployed(production, "2026.11.3")
    factory.deployed(production, "2026.11.4")
    return verified


@pytest.fixture
def act_worker(production: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """A worker that answers from a thread and a connection of its own; returns what it was knocked for."""
    report(production)
    knocked: list[tuple[str, str]] = []
    threads: list[threading.Thread] = []

    def work(row_id: int) -> None:
        try:
            render_target(row_id)
        finally:
            connection.close()

    def send(task: str, queue: str, row_id: int) -> None:
        knocked.append((task, queue))
        threads.append(threading.Thread(target=work, args=[row_id]))
        threads[-1].start()

    monkeypatch.setattr(knocks, "_send", send)
    yield knocked
    for thread in threads:
        thread.join(30)


def report(place: Environment, **fields: Any) -> None:
    now = timezone.now()
    given = {"role": "act", "queues": [place.act_queue], "started_at": now, "seen_at": now} | fields
    Worker.objects.create(name="act-1@deployer", host="deployer", catalogue_digest="", **given)


def identities(facts: RollbackFacts) -> list[str]:
    return [identity for identity, _ in facts.problems]


def add(service: LittleService, text: str) -> None:
    with service.catalogue.open("a") as file:
        file.write(text)


def artifact_at(service: LittleService, url: str) -> None:
    add(service, f'\n[services.archive.environments.production.artifact]\nurl = "{url}"\n')


def artifact_by(service: LittleService, script: str, timeout: int = 5) -> None:
    program = service.home / "check"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    add(
        service,
        f'\n[services.archive.commands.check_artifact]\nargv = ["./check", "{{version}}"]\n'
        f'directory = "{service.home}"\ntimeout = {timeout}\ngrace = 1\n',
    )


# --- Asking -----------------------------------------------------------------------------------------------------------


def test_the_worker_of_the_act_queue_is_the_one_that_looks(
    production: Environment, target: Deployment, act_worker: list[tuple[str, str]]
) -> None:
    """B40: not the worker that measures, which may be on another host."""
    facts = rollback_facts(production)
    assert act_worker == [("render_target", production.act_queue)]
    row = RenderedCommand.objects.get(target=target)
    assert (facts.target_version, facts.digest) == ("2026.11.3", row.digest)
    assert "--version=2026.11.3" in facts.argv


def test_only_a_look_that_was_made_after_asking_counts(
    production: Environment, target: Deployment, act_worker: list[tuple[str, str]], little_service: LittleService
) -> None:
    """B40: what an earlier look said may no longer be true."""
    render_target(target.pk)
    little_service.catalogue.write_text(little_service.catalogue.read_text().replace("timeout = 60", "timeout = 61"))
    before = RenderedCommand.objects.get()
    facts = rollback_facts(production)
    assert facts.digest != before.digest
    assert RenderedCommand.objects.get().looked == before.looked + 1


def test_a_rendering_for_a_page_is_no_answer_to_somebody_who_asked(
    production: Environment, target: Deployment, workers: InlineWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing of the artifact."""
    monkeypatch.setattr(commands, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(time, "sleep", lambda _: keep_rendered(production, target))
    assert identities(rollback_facts(production)) == ["no_worker"]


@pytest.mark.parametrize(
    ("found", "identity"),
    [
        (lambda home: (home / "tool").unlink(), "program_missing"),
        (lambda home: (home / "tool").chmod(0o644), "not_executable"),
        (lambda home: (home / "tool").write_text("#!/no/such/interpreter\n"), "not_executable"),
    ],
    ids=["missing", "not executable", "bad first line"],
)
def test_what_stands_in_the_way_there_is_said_with_the_host(
    production: Environment,
    target: Deployment,
    act_worker: list[tuple[str, str]],
    little_service: LittleService,
    found: Callable[[Any], None],
    identity: str,
) -> None:
    """B40"""
    tool = little_service.home / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    add(
        little_service,
        f'[services.archive.environments.production.commands.rollback]\nargv = ["./tool", "{{version}}"]\n'
        f'directory = "{little_service.home}"\ntimeout = 60\n',
    )
    assert identities(rollback_facts(production)) == ["artifact_not_checked"]
    found(little_service.home)
    facts = rollback_facts(production)
    assert identities(facts) == [identity, "artifact_not_checked"]
    assert f"(on {places.host()})" in facts.problems[0][1]


def test_a_command_that_does_not_render_there_is_said(
    production: Environment, target: Deployment, act_worker: list[tuple[str, str]], little_service: LittleService
) -> None:
    """B40"""
    text = little_service.catalogue.read_text()
    little_service.catalogue.write_text(text.replace("commands.rollback", "commands.deploy"))
    assert "does_not_render" in identities(rollback_facts(production))
    row = RenderedCommand.objects.get()
    assert row.problems == ["The catalogue has no rollback command for archive/production."]


def test_a_lock_that_is_held_there_is_said_and_the_page_has_the_sentences(
    production: Environment, target: Deployment, act_worker: list[tuple[str, str]]
) -> None:
    with places.lock_of(production).acquire("deploy of 2026.11.5"):
        facts = rollback_facts(production)
    assert identities(facts) == ["lock_held", "artifact_not_checked"]
    row = RenderedCommand.objects.get()
    assert row.problems == [row.found[0][1]]
    assert "deploy of 2026.11.5" in row.problems[0]


def test_without_any_worker_it_is_said_that_nobody_could_run_it(
    production: Environment, target: Deployment, workers: InlineWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "SILENCE_SECONDS", 0.2)
    report(production, seen_at=timezone.now() - 2 * WORKER_FRESH)
    assert identities(rollback_facts(production)) == ["no_worker"]
    Worker.objects.update(seen_at=timezone.now(), queues=["act.archive.staging"])
    assert identities(rollback_facts(production)) == ["no_worker"]
    Worker.objects.update(queues=[production.act_queue], role="probe")
    assert identities(rollback_facts(production)) == ["no_worker"]


def test_a_worker_that_is_alive_and_does_not_answer_is_busy(
    production: Environment, target: Deployment, workers: InlineWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ANSWER_SECONDS", 0.3)
    report(production)
    facts = rollback_facts(production)
    assert (identities(facts), facts.target_version) == (["worker_busy"], "2026.11.3")


def test_waiting_for_an_answer_ends_before_the_probe_has_to() -> None:
    assert commands.SILENCE_SECONDS < commands.ANSWER_SECONDS < registry.get("rollback_command").deadline
    assert artifacts.SECONDS + artifacts.GRACE < commands.ANSWER_SECONDS


def test_a_process_that_stands_in_for_the_worker_looks_by_itself(
    production: Environment, target: Deployment, workers: InlineWorkers
) -> None:
    with looking_here():
        assert identities(rollback_facts(production)) == ["artifact_not_checked"]
    assert not workers.knocked or workers.knocked[-1][0] != "render_target"
    assert RenderedCommand.objects.get().looked == 1


def test_nothing_is_asked_where_there_is_nothing_to_go_back_to(production: Environment, workers: InlineWorkers) -> None:
    assert identities(rollback_facts(production)) == ["no_target"]
    assert [knock for knock in workers.knocked if knock[0] == "render_target"] == []


def test_while_a_rollback_is_measured_the_way_back_begins_at_what_it_brought_back(production: Environment) -> None:
    """What it undid is recorded as live until then, and the way back from that is not the next one."""
    for version in ("2026.11.2", "2026.11.3", "2026.11.4"):
        undone = factory.deployed(production, version)
    Release.objects.filter(pk=undone.release_id).update(bad_since=timezone.now())
    brought_back = factory.deployed(production, "2026.11.3", kind=DeploymentKind.ROLLBACK, live=False)
    production.refresh_from_db()
    assert production.live == undone
    with looking_here():
        assert rollback_facts(production).target_version == "2026.11.3"
        run = factory.run(production, purpose=Purpose.RESTORE, deployment=brought_back)
        assert rollback_facts_for(run).target_version == "2026.11.2"


def test_what_was_seen_is_what_runs_whatever_a_look_finds(
    production: Environment, target: Deployment, little_service: LittleService
) -> None:
    """B29"""
    digest = keep_rendered(production, target).digest
    artifact_by(little_service, "exit 1")
    render_target(target.pk)
    row = RenderedCommand.objects.get()
    assert (row.digest, row.problems) == (digest, [])
    assert little_service.ran == []


# --- The artifact -----------------------------------------------------------------------------------------------------


@pytest.fixture
def facts(production: Environment, target: Deployment) -> Facts:
    def look() -> RollbackFacts:
        with looking_here():
            return rollback_facts(production)

    return look


def test_an_artifact_whose_address_answers_200_is_there(
    facts: Facts, little_service: LittleService, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/store/archive-2026.11.3.tgz", method="HEAD").respond_with_data("")
    artifact_at(little_service, httpserver.url_for("/store/archive-") + "{version}.tgz")
    assert facts().problems == ()


def test_the_version_is_written_as_an_address_has_it(
    facts: Facts, little_service: LittleService, httpserver: HTTPServer, target: Deployment
) -> None:
    target.release.version = "2026/11+3 ä?"
    target.release.save()
    seen: list[str] = []

    def answer(request: Request) -> Response:
        seen.append(request.environ["REQUEST_URI"])
        return Response("")

    httpserver.expect_request("/store").respond_with_handler(answer)
    artifact_at(little_service, httpserver.url_for("/store") + "?v={version}")
    facts()
    assert seen == ["/store?v=2026%2F11%2B3%20%C3%A4%3F"]


@pytest.mark.parametrize(
    ("status", "identity"),
    [(404, "artifact_missing"), (410, "artifact_missing"), (403, "artifact_unknown"), (500, "artifact_unknown")],
)
def test_any_other_answer_is_no_artifact(
    facts: Facts, little_service: LittleService, httpserver: HTTPServer, status: int, identity: str
) -> None:
    httpserver.expect_request("/store/2026.11.3").respond_with_data("", status=status)
    artifact_at(little_service, httpserver.url_for("/store/") + "{version}?key=hunter2")
    found = facts()
    assert identities(found) == [identity]
    assert str(status) in found.problems[0][1]
    assert "hunter2" not in found.problems[0][1]


def test_where_head_is_not_allowed_the_artifact_is_asked_for_and_not_fetched_whole(
    facts: Facts, little_service: LittleService, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/store/2026.11.3", method="HEAD").respond_with_data("", status=405)
    httpserver.expect_request("/store/2026.11.3", method="GET").respond_with_data(b"\x1f\x8b" * 1024 * 1024)
    artifact_at(little_service, httpserver.url_for("/store/") + "{version}")
    assert facts().problems == ()


def test_a_store_that_does_not_answer_is_not_known(facts: Facts, little_service: LittleService) -> None:
    artifact_at(little_service, "http://127.0.0.1:1/{version}")
    assert identities(facts()) == ["artifact_unknown"]


def test_the_command_is_asked_and_its_exit_decides(facts: Facts, little_service: LittleService) -> None:
    artifact_by(little_service, '[ "$1" = 2026.11.3 ] && exit 0; echo "no such build"; exit 3')
    assert facts().problems == ()
    (little_service.home / "check").write_text('#!/bin/sh\necho "looking"\necho "no build $1"\nexit 3\n')
    found = facts()
    assert identities(found) == ["artifact_missing"]
    assert "exited with 3: no build 2026.11.3" in found.problems[0][1]


def test_the_command_is_asked_before_the_address(facts: Facts, little_service: LittleService) -> None:
    artifact_at(little_service, "http://127.0.0.1:1/{version}")
    artifact_by(little_service, "exit 0")
    assert facts().problems == ()


def test_a_command_that_does_not_end_is_not_known(
    facts: Facts, little_service: LittleService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "SECONDS", 1)
    artifact_by(little_service, "exec sleep 60", timeout=300)
    found = facts()
    assert identities(found) == ["artifact_unknown"]
    assert "did not end within 1 s" in found.problems[0][1]


def test_a_command_that_cannot_start_is_not_known(facts: Facts, little_service: LittleService) -> None:
    artifact_by(little_service, "exit 0")
    (little_service.home / "check").unlink()
    assert identities(facts()) == ["artifact_unknown"]


def test_looking_for_the_artifact_waits_for_no_command_of_the_environment(
    production: Environment, target: Deployment, little_service: LittleService
) -> None:
    artifact_by(little_service, "exit 0")
    with places.lock_of(production).acquire("deploy"), looking_here():
        assert identities(rollback_facts(production)) == ["lock_held"]


def test_a_catalogue_that_cannot_be_read_leaves_nothing_known(facts: Facts, little_service: LittleService) -> None:
    little_service.catalogue.write_text("")
    assert identities(facts()) == ["does_not_render", "artifact_unknown"]


def test_the_worker_says_how_a_command_line_on_its_host_begins(
    production: Environment, target: Deployment, settings: Any
) -> None:
    row = keep_rendered(production, target)
    said = " ".join(row.terminal)
    assert row.terminal[0] == "env"
    assert f"ROLLBOOK_HOME={settings.ROLLBOOK_HOME}" in row.terminal
    assert f"ROLLBOOK_CATALOGUE={settings.ROLLBOOK_CATALOGUE}" in row.terminal
    assert row.terminal[-1].endswith("/manage.py")
    assert settings.SECRET_KEY not in said
