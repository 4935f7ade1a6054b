"""Asking the catalogue's command which migrations lie between what is live and a target."""

import json
from typing import Any

import pytest

from releases.migration_report import EXPECTED, MOST, NO_COMMAND, NoReport, read_report
from releases.models import Deployment, Environment, MigrationReport
from releases.queries import migration_report
from releases.services import places, reading
from releases.services.commands import look_at_way_back, render_target
from tests import factory
from tests.little_service import LittleService

pytestmark = pytest.mark.django_db(transaction=True)

Story = tuple[Deployment, Deployment]
LOSING = {"name": "0007_drop_legacy", "kind": "data-losing", "loses": "rows written to `orders` since 03:04 today"}


@pytest.fixture
def story(production: Environment) -> Story:
    """2026.11.3, to which 2026.11.4 would go back."""
    return factory.deployed(production, "2026.11.3"), factory.deployed(production, "2026.11.4")


def says(service: LittleService, script: str, timeout: int = 5, environment: str = "") -> None:
    program = service.home / "migrations"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with service.catalogue.open("a") as file:
        file.write(
            "\n[services.archive.commands.check_migrations]\n"
            'argv = ["./migrations", "--from={live_version}", "--to={version}"]\n'
            f'directory = "{service.home}"\ntimeout = {timeout}\nenvironment = [{environment}]\n'
        )


def prints(service: LittleService, answer: Any, **more: Any) -> None:
    (service.home / "answer").write_text(json.dumps(answer))
    says(service, "cat answer", **more)


def asked(target: Deployment) -> MigrationReport:
    render_target(target.pk)
    return MigrationReport.objects.get(target=target)


def test_the_command_is_asked_about_the_way_from_the_live_version_to_the_target(
    story: Story, little_service: LittleService
) -> None:
    says(little_service, 'echo "$@" > asked; echo \'{"migrations": []}\'')
    report = asked(story[0])
    assert (little_service.home / "asked").read_text().split() == ["--from=2026.11.4", "--to=2026.11.3"]
    assert (report.live, report.migrations, report.problem) == (story[1], [], "")
    assert report.host == places.host()


def test_each_migration_is_kept_with_what_it_loses(story: Story, little_service: LittleService) -> None:
    others = [
        {"name": "0006_index", "kind": "reversible"},
        {"name": "0005_split", "kind": "irreversible", "what_to_do": "Restore the backup of last night."},
    ]
    prints(little_service, {"migrations": [LOSING, *others]})
    report = asked(story[0])
    assert report.migrations == [LOSING, *others]
    assert report.losses == ["rows written to `orders` since 03:04 today"]


@pytest.mark.parametrize(
    "script",
    [
        "echo none",
        "exit 0",
        "echo '{\"migrations\": []}'; exit 1",
        'echo \'{"migrations": [{"name": "a", "kind": "harmless"}]}\'',
        'echo \'{"migrations": [{"name": "a", "kind": "data-losing"}]}\'',
        'echo \'{"migrations": [{"name": "a", "kind": "reversible", "loses": "rows"}]}\'',
        'echo \'{"migrations": [{"name": " ", "kind": "reversible"}]}\'',
        'echo \'{"migrations": [], "migrations": []}\'',
        'echo \'{"migrations": [{"name": "a", "kind": "reversible"}], "more": 1}\'',
        "printf '\\377'",
        "head -c 70000 /dev/zero",
        "kill -9 $$",
    ],
)
def test_whatever_is_no_report_is_not_known_and_never_none(
    story: Story, little_service: LittleService, script: str
) -> None:
    says(little_service, script)
    report = asked(story[0])
    assert report.problem
    assert (report.migrations, report.answered_at) == ([], None)


def test_a_command_that_does_not_end_is_not_known(
    story: Story, little_service: LittleService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SECONDS", 1)
    says(little_service, "exec sleep 60", timeout=300)
    assert asked(story[0]).problem == "check_migrations did not end within 1 s."


def test_a_catalogue_without_the_command_says_so(story: Story) -> None:
    assert asked(story[0]).problem == NO_COMMAND


def test_the_newest_answer_takes_the_place_of_the_one_before(story: Story, little_service: LittleService) -> None:
    prints(little_service, {"migrations": [LOSING]})
    before = asked(story[0])
    (little_service.home / "answer").write_text('{"migrations": []}')
    report = asked(story[0])
    assert (report.pk, report.losses, report.problem) == (before.pk, [], "")
    assert report.answered_at == report.looked_at > before.answered_at


def test_a_look_that_fails_leaves_what_is_known_and_the_next_answer_ends_it(
    story: Story, little_service: LittleService
) -> None:
    """C25: a known loss stays known."""
    prints(little_service, {"migrations": [LOSING]})
    before = asked(story[0])
    (little_service.home / "answer").write_text("gone")
    report = asked(story[0])
    assert report.answer == before.answer
    assert report.losses == before.losses != []
    assert report.problem.startswith("check_migrations printed no report")
    assert report.looked_at > before.looked_at == report.answered_at
    (little_service.home / "answer").write_text('{"migrations": []}')
    after = asked(story[0])
    assert (after.losses, after.problem) == ([], "")


def test_what_is_known_of_two_releases_holds_when_the_same_one_was_brought_here_again(
    story: Story, production: Environment, little_service: LittleService
) -> None:
    """C25: another deployment of the same release, and nobody can be asked any more."""
    prints(little_service, {"migrations": [LOSING]})
    before = asked(story[0])
    again = factory.deployed(production, "2026.11.4")
    assert migration_report(production, again, story[0]) == before
    (little_service.home / "answer").write_text("gone")
    render_target(story[0].pk)
    report = MigrationReport.objects.get(live=again)
    assert report.answer == before.answer
    assert report.problem


def test_likely_targets_are_asked_about_when_their_commands_are_rendered(
    story: Story, production: Environment, little_service: LittleService
) -> None:
    prints(little_service, {"migrations": []})
    look_at_way_back(production.pk)
    assert MigrationReport.objects.get().target == story[0]


def test_what_was_printed_is_made_displayable_and_holds_no_secret(
    story: Story, little_service: LittleService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "hunter2-hunter2")
    name = "a\u202eb\u0000 \n hunter2-hunter2"
    prints(little_service, {"migrations": [{"name": name, "kind": "reversible"}]}, environment='"API_TOKEN"')
    assert asked(story[0]).migrations[0]["name"] == "a\\u202eb\\u0000 [masked]"


def test_the_report_is_bounded() -> None:
    one = {"name": "n", "kind": "reversible"}
    assert len(read_report(json.dumps({"migrations": [one] * MOST}).encode())) == MOST
    with pytest.raises(NoReport) as refused:
        read_report(json.dumps({"migrations": [one] * (MOST + 1)}).encode())
    assert EXPECTED in str(refused.value)
    with pytest.raises(NoReport):
        read_report(json.dumps({"migrations": [one | {"name": "n" * 301}]}).encode())


def test_a_lone_surrogate_is_no_report() -> None:
    with pytest.raises(NoReport):
        read_report(b'{"migrations": [{"name": "\\ud800", "kind": "reversible"}]}')
