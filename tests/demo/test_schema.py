"""The demo's answer to which migrations lie between two of its versions, and what its deploy command makes of them."""

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from demo import migrating
from demo.places import PROJECT, environments, repository, write_environment
from demo.repository import build
from demo.schema import DATABASE, changes, columns, columns_of, schema_of
from releases.migration_report import Migration, MigrationKind, read_report

pytestmark = pytest.mark.once

OLD = "CREATE TABLE bookmark (id INTEGER PRIMARY KEY, reader TEXT NOT NULL)"
KEPT_ON = OLD.replace(")", ", kept_on TEXT NOT NULL DEFAULT '')")
MUST_BE_GIVEN = OLD.replace(")", ", kept_on TEXT NOT NULL)")


def between(live: str, target: str, filled: int = 0) -> list[Migration]:
    printed = json.dumps({"migrations": changes(columns(live), columns(target), lambda column: filled)})
    return read_report(printed.encode())


def asked(home: Path, live: str, target: str) -> "subprocess.CompletedProcess[bytes]":
    program = [PROJECT / "demo/bin/migrations", f"--home={home}", "--environment=staging"]
    return subprocess.run([*program, f"--from={live}", f"--to={target}"], capture_output=True, timeout=60)


def answer(home: Path, live: str, target: str) -> list[Migration]:
    done = asked(home, live, target)
    assert done.returncode == 0, done.stderr
    return read_report(done.stdout)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the repository and an empty staging."""
    build(repository(tmp_path))
    staging = environments(tmp_path, 8000)[0]
    staging.shared.mkdir(parents=True)
    write_environment(staging)
    return tmp_path


def database(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(environments(home, 8000)[0].shared / DATABASE)


def test_between_most_versions_lies_nothing(home: Path) -> None:
    for live, target in (("2026.11.2", "2026.11.1"), ("2026.11.4", "2026.11.2"), ("2026.11.6", "2026.11.5")):
        assert answer(home, live, target) == []


def test_a_column_that_holds_nothing_yet_can_go(home: Path) -> None:
    (one,) = answer(home, "2026.11.3", "2026.11.2")
    assert (one.name, one.kind) == ("bookmark.kept_on added", MigrationKind.REVERSIBLE)


def test_what_it_holds_is_lost_on_the_way_back_and_nothing_else(home: Path) -> None:
    with closing(database(home)) as open_, open_:
        open_.execute(schema_of(home, "2026.11.3"))
        rows = [("ada", "json", "2026-11-27"), ("grace", "json", "2026-11-26"), ("ada", "os", "")]
        open_.executemany("INSERT INTO bookmark (reader, slug, kept_on) VALUES (?, ?, ?)", rows)
    (one,) = answer(home, "2026.11.3", "2026.11.2")
    assert (one.kind, one.loses) == (MigrationKind.DATA_LOSING, "the values of `bookmark.kept_on` in 2 rows")

    shared, earlier = environments(home, 8000)[0].shared, columns(schema_of(home, "2026.11.2"))
    assert migrating.drop_unknown(shared, earlier) == ["bookmark.kept_on"]
    with closing(database(home)) as open_:
        assert columns_of(open_) == earlier
        assert open_.execute("SELECT count(*) FROM bookmark").fetchone() == (3,)
    assert migrating.drop_unknown(shared, earlier) == []


def test_a_version_finds_the_columns_that_it_needs_and_rows_of_before(home: Path) -> None:
    later = columns(schema_of(home, "2026.11.3"))
    with closing(database(home)) as open_, open_:
        open_.execute(schema_of(home, "2026.11.2"))
        open_.execute("INSERT INTO bookmark (reader, slug) VALUES ('ada', 'json')")
    shared = environments(home, 8000)[0].shared
    assert migrating.add_missing(shared, later) == ["bookmark.kept_on"]
    with closing(database(home)) as open_:
        assert open_.execute("SELECT kept_on FROM bookmark").fetchall() == [("",)]
        assert columns_of(open_).keys() == later.keys()
    assert migrating.add_missing(shared, later) == []


def test_before_the_first_start_there_is_nothing_to_alter(home: Path) -> None:
    shared, schema = environments(home, 8000)[0].shared, columns(schema_of(home, "2026.11.3"))
    assert migrating.add_missing(shared, schema) == migrating.drop_unknown(shared, schema) == []


@pytest.mark.parametrize(("live", "target"), [("2026.11.2", "2031.1.1"), ("--help", "2026.11.2")])
def test_a_version_that_is_not_there_is_no_answer(home: Path, live: str, target: str) -> None:
    done = asked(home, live, target)
    assert (done.returncode, done.stdout) == (1, b"")


def test_what_the_live_version_dropped_comes_back_where_it_need_not_be_filled() -> None:
    assert [one.kind for one in between(OLD, KEPT_ON)] == [MigrationKind.REVERSIBLE]
    (one,) = between(OLD, MUST_BE_GIVEN)
    assert (one.kind, one.what_to_do) == (
        MigrationKind.IRREVERSIBLE,
        "The earlier version needs bookmark.kept_on in every row: fill it by hand first.",
    )


def test_one_value_is_one_value() -> None:
    assert between(KEPT_ON, OLD, filled=1)[0].loses == "the values of `bookmark.kept_on` in 1 row"
