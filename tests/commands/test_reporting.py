"""register_release, start_deployment and finish_deployment at a terminal."""

import getpass
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from releases.models import Deployment, Environment, Event, Freeze, Release
from releases.states import DeploymentStatus
from tests import factory
from tests.commands.conftest import Terminal

pytestmark = pytest.mark.django_db

RECORD = (
    "--owner=Ben Okafor",
    "--expected-result=p95 of /articles <= +10 %",
    "--rollback-note=Back to the version before.",
)


@pytest.fixture
def place() -> Environment:
    return factory.story()[0]


def registered(terminal: Terminal) -> Release:
    terminal("register_release", "archive", "2026.11.5", *RECORD)
    return Release.objects.get(version="2026.11.5")


def test_a_release_is_registered(terminal: Terminal, place: Environment) -> None:
    said = terminal(
        "register_release",
        "archive",
        "2026.11.5",
        *RECORD,
        "--affected-route=/articles",
        "--affected-route=/",
        "--change-url=https://example.org/c/5",
        "--committed-at=2026-03-14T10:00:00+01:00",
    )
    release = Release.objects.get(version="2026.11.5")
    assert said == f"{release.tag} archive 2026.11.5 registered."
    assert (release.owner, release.affected_routes) == ("Ben Okafor", ["/articles", "/"])
    assert release.change_url == "https://example.org/c/5"
    assert release.committed_at == datetime(2026, 3, 14, 9, 0, tzinfo=UTC)


def test_the_book_names_the_system_user(terminal: Terminal, place: Environment) -> None:
    registered(terminal)
    event = Event.objects.get(action="release:registered")
    assert event.actor == f"{getpass.getuser()} (system user)"
    assert event.payload["via"] == "command line"


def test_every_mistake_is_a_line_of_three_sentences(refusal: Terminal, place: Environment) -> None:
    said = refusal("register_release", "archive", "a b", "--owner=\x1b[2J", *RECORD[1:]).splitlines()
    assert len(said) == 2
    assert all("Expected: " in line and line.endswith("Safe to try again.") for line in said)
    assert "\x1b" not in "".join(said)


def test_a_missing_part_of_the_record_is_named(refusal: Terminal, place: Environment) -> None:
    assert "rollback_note is missing" in refusal("register_release", "archive", "2026.11.5", *RECORD[:2])


def test_the_same_key_registers_once(terminal: Terminal, place: Environment) -> None:
    said = [terminal("register_release", "archive", "2026.11.5", *RECORD, "--key=build-17") for _ in range(2)]
    assert said[0] == said[1]


def test_a_start_prints_the_number_of_the_deployment_and_nothing_else(terminal: Terminal, place: Environment) -> None:
    registered(terminal)
    said = terminal("start_deployment", "archive", "production", "2026.11.5")
    assert said == Deployment.objects.get(status=DeploymentStatus.STARTED).tag


def test_a_start_under_a_freeze_says_who_why_and_how(terminal: Terminal, refusal: Terminal, place: Environment) -> None:
    """B26"""
    registered(terminal)
    Freeze.objects.create(environment=place, reason="names leaked", frozen_by="Cho Park", frozen_at=timezone.now())
    said = refusal("start_deployment", "archive", "production", "2026.11.5")
    assert "frozen by Cho Park" in said
    assert "names leaked. Expected: a lifted freeze" in said


@pytest.mark.parametrize("number", ["{tag}", "{pk}"])
def test_a_finish_takes_what_the_start_printed(terminal: Terminal, place: Environment, number: str) -> None:
    registered(terminal)
    tag = terminal("start_deployment", "archive", "production", "2026.11.5")
    said = terminal("finish_deployment", number.format(tag=tag, pk=tag.removeprefix("D-")))
    assert said == f"{tag} finished; the checklist runs."
    place.refresh_from_db()
    assert place.live is not None
    assert place.live.tag == tag


def test_a_failure_is_reported_with_a_flag(terminal: Terminal, place: Environment) -> None:
    registered(terminal)
    tag = terminal("start_deployment", "archive", "production", "2026.11.5")
    assert terminal("finish_deployment", tag, "--failed") == f"{tag} failed; the checklist runs."


@pytest.mark.parametrize("number", ["D-", "seven", "D-7;id", "-7", "٣", "9" * 30])
def test_what_is_no_number_is_refused_with_an_example(refusal: Terminal, place: Environment, number: str) -> None:
    assert "Expected: its number, such as D-7" in refusal("finish_deployment", "--", number)


def test_a_number_of_nothing_is_refused(refusal: Terminal, place: Environment) -> None:
    assert "There is no deployment D-999" in refusal("finish_deployment", "D-999")
