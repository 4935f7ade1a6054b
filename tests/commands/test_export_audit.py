"""export_audit at a terminal: where the export goes, what is shown, and the verifier that goes with it."""

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from releases.actor import worker
from releases.book import Tag, record
from releases.models import Event
from tests import factory
from tests.commands.conftest import Terminal
from tests.rig.processes import bare_environment

pytestmark = pytest.mark.django_db


@pytest.fixture
def three() -> None:
    place = factory.environment()
    record(Tag.CATALOGUE_SYNCED, worker())
    record(Tag.ENVIRONMENT_FROZEN, worker(), environment=place, reason="wegen Überlänge")
    record(Tag.FREEZE_LIFTED, worker(), environment=place)


def numbers_in_full(text: str) -> list[int]:
    return [row["seq"] for row in map(json.loads, text.splitlines()[1:]) if "payload" in row]


def test_an_auditor_needs_the_two_files_and_a_python(terminal: Terminal, three: None, tmp_path: Path) -> None:
    """B62"""
    export, verifier = tmp_path / "book.jsonl", tmp_path / "verify.py"
    assert terminal("export_audit", "--out", str(export), "--verifier", str(verifier)) == ""
    argv = [sys.executable, "-I", "-S", str(verifier), str(export)]
    done = subprocess.run(argv, env=bare_environment(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("The export holds: 3 events")


def test_only_its_owner_may_read_the_file(terminal: Terminal, three: None, tmp_path: Path) -> None:
    terminal("export_audit", "--out", str(tmp_path / "book.jsonl"))
    assert stat.S_IMODE((tmp_path / "book.jsonl").stat().st_mode) == 0o600


def test_a_file_that_is_there_is_not_overwritten(
    terminal: Terminal, refusal: Terminal, three: None, tmp_path: Path
) -> None:
    export = tmp_path / "book.jsonl"
    export.write_text("the export of last year")
    assert "is there already; nothing was overwritten" in refusal("export_audit", "--out", str(export))
    assert export.read_text() == "the export of last year"


def test_a_directory_that_is_not_there_is_said(refusal: Terminal, tmp_path: Path) -> None:
    assert "could not be written" in refusal("export_audit", "--out", str(tmp_path / "nothing" / "book.jsonl"))


def test_without_a_file_it_goes_to_standard_output(terminal: Terminal, three: None) -> None:
    assert numbers_in_full(terminal("export_audit")) == [1, 2, 3]


def test_a_service_and_days_say_what_is_shown_in_full(terminal: Terminal, three: None) -> None:
    today = datetime.now(UTC).date().isoformat()
    assert numbers_in_full(terminal("export_audit", "--service=archive")) == [2, 3]
    assert numbers_in_full(terminal("export_audit", f"--since={today}", "--until=9999-12-30")) == [1, 2, 3]
    assert numbers_in_full(terminal("export_audit", "--until=2026-01-31")) == []


def test_a_moment_is_exact_and_a_last_day_is_included(terminal: Terminal, three: None) -> None:
    at = Event.objects.get(seq=2).at
    assert numbers_in_full(terminal("export_audit", f"--since={at.isoformat()}")) == [2, 3]
    assert numbers_in_full(terminal("export_audit", f"--until={at.isoformat()}")) == [1]
    assert numbers_in_full(terminal("export_audit", f"--until={at.date().isoformat()}")) == [1, 2, 3]


@pytest.mark.parametrize("given", ["yesterday", "2026-13-01", "9999-12-31", "2026-12-31T25:00"])
def test_a_time_that_is_none_is_said(refusal: Terminal, given: str) -> None:
    assert f"--until '{given}' is not a time. Expected: a day such as" in refusal("export_audit", f"--until={given}")


def test_a_service_that_is_not_there_is_said_with_those_that_are(refusal: Terminal, three: None) -> None:
    """Else a mistyped name would look like a service of which nothing ever happened."""
    assert refusal("export_audit", "--service=archiv") == "There is no service 'archiv'. Expected: archive."
