"""The demo's answer to which migrations lie between two of its versions."""

import json
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from demo.places import PROJECT, repository
from demo.repository import VERSIONS, build
from demo.schema import changes, columns
from releases.migration_report import MigrationKind, read_report

pytestmark = pytest.mark.once

NOW = "CREATE TABLE bookmark (id INTEGER PRIMARY KEY, reader TEXT NOT NULL)"


def kinds(live: str, target: str) -> list[str]:
    printed = json.dumps({"migrations": changes(columns(live), columns(target))})
    return [migration.kind for migration in read_report(printed.encode())]


def asked(home: Path, live: str, target: str) -> "subprocess.CompletedProcess[bytes]":
    program = [PROJECT / "demo/bin/migrations", f"--home={home}", f"--from={live}", f"--to={target}"]
    return subprocess.run(program, capture_output=True, timeout=60)


def test_no_version_of_the_demo_changes_the_schema(tmp_path: Path) -> None:
    build(repository(tmp_path))
    for earlier, later in pairwise(VERSIONS[:4]):
        done = asked(tmp_path, later.tag, earlier.tag)
        assert (done.returncode, read_report(done.stdout)) == (0, []), done.stderr


def test_a_version_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    build(repository(tmp_path))
    done = asked(tmp_path, "2026.11.2", "2031.1.1")
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_column_that_an_earlier_version_need_not_fill_can_stay() -> None:
    assert kinds(NOW.replace(")", ", kept_at TEXT)"), NOW) == [MigrationKind.REVERSIBLE]
    assert kinds(NOW.replace(")", ", kept_at TEXT NOT NULL DEFAULT '')"), NOW) == [MigrationKind.REVERSIBLE]


def test_a_column_that_an_earlier_version_cannot_fill_or_misses_is_irreversible() -> None:
    assert kinds(NOW.replace(")", ", kept_at TEXT NOT NULL)"), NOW) == [MigrationKind.IRREVERSIBLE]
    assert kinds(NOW, NOW.replace(")", ", kept_at TEXT)")) == [MigrationKind.IRREVERSIBLE]
