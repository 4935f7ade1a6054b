"""`manage.py rollback`: the very same path as the button, in the foreground."""

import json
import threading

import pytest
from django.db import connection

from releases import knocks
from releases.models import Deployment, Environment, Event, Rollback
from releases.services import executions, places, rolling_back
from releases.services.commands import keep_rendered
from releases.states import Outcome, RollbackStatus
from tests import factory
from tests.commands.conftest import Terminal
from tests.rig.waiting import wait_until
from tests.services.conftest import InlineWorkers, LittleService

pytestmark = pytest.mark.django_db(transaction=True)

HERE = ("rollback", "archive", "production", "--as=cho")


@pytest.fixture
def story(production: Environment) -> tuple[Deployment, Deployment]:
    factory.on_call()
    return factory.deployed(production, "2026.11.3"), factory.deployed(production, "2026.11.4")


def test_it_rolls_back_and_measures_with_no_worker_at_all(
    terminal: Terminal, story: tuple[Deployment, Deployment], little_service: LittleService
) -> None:
    said = terminal(*HERE, "--reason=users", "--words=names leaked")
    rollback = Rollback.objects.get()
    assert (rollback.outcome, rollback.words) == (Outcome.RESTORED, "names leaked")
    assert little_service.ran == ["2026.11.3"]
    assert little_service.purged == ["/articles"]
    assert "Will run: " in said
    assert "--version=2026.11.3" in said
    assert said.splitlines()[-1].startswith(f"{rollback.tag} restored: 2026.11.3 serves on every instance")


def test_it_works_while_the_broker_is_down(
    terminal: Terminal,
    story: tuple[Deployment, Deployment],
    little_service: LittleService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """B8: nobody listens where the tests' broker should be."""
    monkeypatch.undo()
    monkeypatch.setattr(knocks, "_quiet_until", 0.0)
    terminal(*HERE)
    assert knocks._quiet_until > 0, "the knock should have failed"
    assert Rollback.objects.get().outcome == Outcome.RESTORED


def test_the_book_names_the_person_and_the_system_user(
    terminal: Terminal, story: tuple[Deployment, Deployment]
) -> None:
    terminal(*HERE)
    event = Event.objects.get(action="rollback:pressed")
    assert event.actor.startswith("Cho Park (system user ")
    assert event.payload["via"] == "command line"


def test_an_outcome_that_is_not_restored_is_a_failure_of_the_command(
    refusal: Terminal, story: tuple[Deployment, Deployment], little_service: LittleService
) -> None:
    """B41"""
    (little_service.home / "useless").touch()
    assert "not restored: No instance serves 2026.11.3" in refusal(*HERE)


def test_a_version_can_be_chosen(terminal: Terminal, production: Environment, little_service: LittleService) -> None:
    factory.on_call()
    for version in ("2026.11.2", "2026.11.3", "2026.11.4"):
        factory.deployed(production, version)
    terminal(*HERE, "--to=2026.11.2")
    assert little_service.ran == ["2026.11.2"]


def test_a_version_that_is_no_target_is_refused_with_the_reasons(
    refusal: Terminal, story: tuple[Deployment, Deployment], production: Environment
) -> None:
    factory.deployed(production, "2026.11.5", live=False)
    assert "Nothing to go back to as 2026.11.9" in refusal(*HERE, "--to=2026.11.9")
    assert not Rollback.objects.exists()


def test_a_person_who_may_not_is_refused(
    refusal: Terminal, story: tuple[Deployment, Deployment], little_service: LittleService
) -> None:
    factory.person("lee", "auditor")
    assert "does not hold the permission roll_back" in refusal(*HERE[:-1], "--as=lee")
    assert little_service.ran == []


def test_a_person_whom_nobody_knows_is_refused(refusal: Terminal, story: tuple[Deployment, Deployment]) -> None:
    assert "There is no user 'nobody'" in refusal(*HERE[:-1], "--as=nobody")


def test_words_that_hide_something_are_refused_in_three_sentences(
    refusal: Terminal, story: tuple[Deployment, Deployment]
) -> None:
    """C3"""
    said = refusal(*HERE, "--words=a\x1b[2J")
    assert "words contains U+001B" in said
    assert "Expected: at most 4,000 characters" in said


def test_it_joins_a_rollback_that_was_pressed_and_that_nobody_took(
    terminal: Terminal, story: tuple[Deployment, Deployment], production: Environment, little_service: LittleService
) -> None:
    """B8: the click was kept; the person goes to the worker's host."""
    target, live = story
    digest = keep_rendered(production, target).digest
    pressed = factory.rollback(production, target, live, factory.lead(), seen_digest=digest)
    said = terminal(*HERE)
    assert f"{pressed.tag} is queued already; going on with it here." in said
    pressed.refresh_from_db()
    assert pressed.outcome == Outcome.RESTORED
    assert Rollback.objects.count() == 1
    assert little_service.ran == ["2026.11.3"]


def test_the_book_names_who_joined(
    terminal: Terminal, story: tuple[Deployment, Deployment], production: Environment
) -> None:
    """B25"""
    digest = keep_rendered(production, story[0]).digest
    pressed = factory.rollback(production, *story, factory.lead(), seen_digest=digest)
    terminal(*HERE)
    event = Event.objects.get(action="rollback:joined")
    assert (event.object_tag, event.payload["details"]) == (pressed.tag, {"status": "queued"})
    assert event.actor.startswith("Cho Park (system user ")


def test_it_does_not_join_one_to_another_version(
    refusal: Terminal, production: Environment, little_service: LittleService
) -> None:
    """B25"""
    factory.on_call()
    other, _, live = (factory.deployed(production, version) for version in ("2026.11.2", "2026.11.3", "2026.11.4"))
    factory.rollback(production, other, live, factory.lead())
    assert "Ana Ruiz already rolls archive/production back to 2026.11.2" in refusal(*HERE, "--to=2026.11.3")
    assert little_service.ran == []
    assert not Event.objects.filter(action="rollback:joined").exists()


def test_one_whose_worker_is_gone_after_the_command_is_measured_here(
    terminal: Terminal,
    story: tuple[Deployment, Deployment],
    production: Environment,
    little_service: LittleService,
    workers: InlineWorkers,
) -> None:
    """B25"""
    digest = keep_rendered(production, story[0]).digest
    pressed = factory.rollback(production, *story, factory.lead(), seen_digest=digest)
    rolling_back.run_rollback(pressed.pk)
    workers.knocked.clear()
    said = terminal(*HERE)
    pressed.refresh_from_db()
    assert f"{pressed.tag} is running already" in said or f"{pressed.tag} is verifying already" in said
    assert pressed.outcome == Outcome.RESTORED
    assert little_service.ran == ["2026.11.3"]


def test_with_live_workers_the_command_runs_once_and_the_terminal_waits_for_the_outcome(
    terminal: Terminal, story: tuple[Deployment, Deployment], little_service: LittleService, workers: InlineWorkers
) -> None:
    """The press knocks for a worker, which may be faster than the terminal at any step."""
    done = threading.Event()

    def work() -> None:
        try:
            while not done.wait(0.005):
                while workers.knocked:
                    workers.work()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        said = terminal(*HERE)
    finally:
        done.set()
        thread.join(timeout=30)
    assert little_service.ran == ["2026.11.3"]
    assert "restored: 2026.11.3 serves on every instance" in said.splitlines()[-1]
    assert Event.objects.filter(action="rollback:done").count() == 1


def test_a_worker_that_took_it_is_waited_for(
    terminal: Terminal,
    story: tuple[Deployment, Deployment],
    production: Environment,
    little_service: LittleService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The terminal's own claim comes too late."""
    (little_service.home / "wait").touch()
    really_run = rolling_back.run_rollback
    taken: list[threading.Thread] = []

    def in_a_worker(rollback_id: int) -> None:
        try:
            really_run(rollback_id)
        finally:
            connection.close()

    def too_late(rollback_id: int) -> None:
        if not taken:
            taken.append(threading.Thread(target=in_a_worker, args=[rollback_id]))
            taken[0].start()
            wait_until(lambda: Rollback.objects.get().status == RollbackStatus.RUNNING, 20, "nobody took it")
            (little_service.home / "wait").unlink()
        really_run(rollback_id)

    monkeypatch.setattr(rolling_back, "run_rollback", too_late)
    said = terminal(*HERE)
    taken[0].join(timeout=30)
    assert "restored: 2026.11.3 serves on every instance" in said
    assert little_service.ran == ["2026.11.3"]


def test_it_waits_for_a_lock_and_says_for_whom(
    terminal: Terminal,
    story: tuple[Deployment, Deployment],
    production: Environment,
    little_service: LittleService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executions, "LOCK_SECONDS", 0.1)
    lock = places.lock_of(production).acquire("a command of yesterday")

    def let_go_when_it_waits() -> None:
        try:
            wait_until(lambda: Rollback.objects.exclude(lock_holder="").exists(), 30, "no rollback waits for the lock")
        finally:
            lock.release()
            connection.close()

    release = threading.Thread(target=let_go_when_it_waits)
    release.start()
    said = terminal(*HERE)
    release.join()
    assert "queued: Waiting: a command of yesterday still holds the lock" in said
    assert little_service.ran == ["2026.11.3"]


def loses(service: LittleService) -> None:
    """Have the catalogue's command say that going back loses data."""
    answer = json.dumps({"migrations": [factory.LOSING]})
    (service.home / "answer").write_text(answer)
    with service.catalogue.open("a") as file:
        file.write(
            f'\n[services.archive.commands.check_migrations]\nargv = ["/bin/cat", "answer", "--", "{{version}}"]\n'
            f'directory = "{service.home}"\ntimeout = 5\n'
        )
    (service.home / "2026.11.3").write_text("")


def test_a_loss_has_to_be_accepted_on_the_command_line_too(
    terminal: Terminal, refusal: Terminal, story: tuple[Deployment, Deployment], little_service: LittleService
) -> None:
    """C25"""
    loses(little_service)
    said = refusal(*HERE)
    assert factory.LOSS in said
    assert "--accept-data-loss" in said
    assert not Rollback.objects.exists()
    assert f"Loses: {factory.LOSS}" in terminal(*HERE, "--accept-data-loss")
    assert Rollback.objects.get().at_press["accepted_losses"] == [factory.LOSS]
