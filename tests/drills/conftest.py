"""What every drill starts from, and the table of rows at the end of a run."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests.drills import databases
from tests.drills.drill import SECRET, Drill
from tests.drills.log import FILE, Log
from tests.integration.conftest import telling
from tests.rig.postgres import PostgresServer, run_postgres

DRILL_SECONDS = 300
"""How long one drill may take."""
KINDS = (pytest.param("servers", marks=pytest.mark.drill), "embedded")
"""A drill that is quick enough for `make test`, and bears no mark of its own, is run there on what needs no servers."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            doc = getattr(getattr(item, "function", None), "__doc__", None) or ""
            item.user_properties.append(("row", doc.partition(":")[0]))
            if item.get_closest_marker("drill") and not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(DRILL_SECONDS))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say for every row what came of it."""
    reports = [
        report
        for outcome in ("passed", "failed", "error")
        for report in terminalreporter.stats.get(outcome, [])
        if getattr(report, "when", "") == "call" or outcome == "error"
    ]
    rows = [(report, dict(report.user_properties).get("row", "")) for report in reports]
    rows = sorted((each for each in rows if each[1].startswith("B")), key=lambda each: _number(each[1]))
    if rows:
        terminalreporter.section("drills")
    for report, row in rows:
        what = report.nodeid.rpartition("::")[2]
        terminalreporter.write_line(f"{row:5} {report.outcome:7} {report.duration:6.1f} s  {what}")


def _number(row: str) -> int:
    return int("".join(character for character in row if character.isdigit()) or 0)


class Place:
    """Makes drills, each in a directory and on a database of its own."""

    def __init__(self, folder: Path, server: HTTPServer, settings: Any, stack: ExitStack) -> None:
        self._folder, self._server, self._settings, self._stack = folder, server, settings, stack

    def drill(self, kind: str, url: str) -> Drill:
        self._stack.enter_context(databases.used(url))
        story = self._stack.enter_context(
            telling(self._folder, self._server, self._settings, passes=["ARCHIVE_TOKEN", "PATH"])
        )
        story.stack.extra["ARCHIVE_TOKEN"] = SECRET
        made = Drill(story, kind, Log(self._folder / FILE))
        self._stack.callback(made.leave)
        return made


@pytest.fixture
def place(
    tmp_path: Path,
    httpserver: HTTPServer,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    django_db_blocker: Any,
) -> Iterator[Place]:
    monkeypatch.setenv("ARCHIVE_TOKEN", SECRET)
    with django_db_blocker.unblock(), ExitStack() as stack:
        yield Place(tmp_path, httpserver, settings, stack)


@pytest.fixture(scope="session")
def drill_postgres() -> Iterator[PostgresServer]:
    """A server that keeps what it has confirmed, and may be taken away by a drill that gives it back."""
    with run_postgres(["synchronous_commit=on"]) as server:
        yield server


@pytest.fixture
def on_servers(place: Place, drill_postgres: PostgresServer) -> Drill:
    """A drill on PostgreSQL and a real Redis."""
    return place.drill("servers", databases.on_postgres(drill_postgres))


@pytest.fixture
def embedded(place: Place, migrated: Path, tmp_path: Path) -> Drill:
    """A drill on SQLite and the embedded broker."""
    return place.drill("embedded", databases.on_sqlite(migrated, tmp_path))


@pytest.fixture(params=KINDS)
def drill(request: pytest.FixtureRequest) -> Drill:
    """A drill in both ways in which people run Rollbook."""
    made: Drill = request.getfixturevalue({"servers": "on_servers"}.get(request.param, request.param))
    return made


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the migrated SQLite database is kept that the others are copied from."""
    return tmp_path_factory.mktemp("migrated") / "template.sqlite3"
