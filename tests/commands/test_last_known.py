"""`last_known`: the way back of each environment from a file of the worker, with no database."""

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from releases.models import Environment
from releases.services import last_known
from releases.services.commands import look_at_way_back
from tests import factory
from tests.commands.conftest import Terminal
from tests.rig.processes import ROOT, bare_environment
from tests.services.conftest import InlineWorkers, LittleService

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rendered(production: Environment, workers: InlineWorkers) -> Environment:
    """An environment whose worker has just rendered its rollback commands."""
    factory.deployed(production, "2026.11.3")
    factory.deployed(production, "2026.11.4")
    look_at_way_back(production.pk)
    return production


@pytest.mark.usefixtures("rendered")
def test_it_names_what_is_live_the_command_that_takes_it_back_and_the_note(
    terminal: Terminal, little_service: LittleService
) -> None:
    text = terminal("last_known")
    assert "archive/production, as known " in text
    assert "live     2026.11.4, Ben Okafor" in text
    assert "back to  2026.11.3\n" in text
    assert f"--version=2026.11.3 {little_service.home / 'version'}" in text
    assert f", in {little_service.home}, at most 61 s:" in text
    assert "purge    /articles" in text
    assert "call     #web-oncall" in text


def test_no_database_is_asked(rendered: Environment, little_service: LittleService) -> None:
    """The same in a process whose database does not answer."""
    environment = bare_environment() | {
        "ROLLBOOK_HOME": str(little_service.home),
        "ROLLBOOK_SECRET_KEY": "for this test alone",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    }
    argv = [sys.executable, str(ROOT / "manage.py"), "last_known", str(rendered)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "back to  2026.11.3" in done.stdout


@pytest.mark.usefixtures("rendered")
def test_only_its_owner_may_read_what_is_kept() -> None:
    (path,) = last_known.folder().glob("*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_environment_of_which_nothing_is_kept_is_named(terminal: Terminal, rendered: Environment) -> None:
    with pytest.raises(CommandError, match=r"Nothing is kept of archive/test in .*Expected: archive/production"):
        terminal("last_known", "archive/test")


def test_with_nothing_kept_the_host_to_look_on_is_said(terminal: Terminal, settings: Any, tmp_path: Path) -> None:
    settings.ROLLBOOK_HOME = tmp_path
    with pytest.raises(CommandError, match="the host of an act worker"):
        terminal("last_known")


def test_a_file_that_cannot_be_read_hides_no_other(terminal: Terminal, rendered: Environment) -> None:
    (last_known.folder() / "a.b.json").write_text("{ half")
    assert "archive/production" in terminal("last_known")


def test_hostile_text_in_a_note_does_nothing_to_the_terminal(terminal: Terminal, rendered: Environment) -> None:
    """B32"""
    rendered.refresh_from_db()
    assert rendered.live is not None
    rendered.live.release.rollback_note = "a\x1b[2Jb"
    rendered.live.release.save()
    look_at_way_back(rendered.pk)
    assert "\x1b" not in terminal("last_known")
    assert "a\\u001b[2Jb" in terminal("last_known")


def test_a_disk_that_takes_nothing_keeps_no_command_from_being_rendered(
    production: Environment, workers: InlineWorkers, settings: Any
) -> None:
    """B22"""
    factory.deployed(production, "2026.11.3")
    factory.deployed(production, "2026.11.4")
    last_known.folder().parent.mkdir(parents=True, exist_ok=True)
    last_known.folder().write_text("a file where the folder should be")
    look_at_way_back(production.pk)
    assert production.rendered_commands.count() == 1
