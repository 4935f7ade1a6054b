"""A new database takes one migration, an older one the steps after it; both come to the same tables.

All steps take seconds and do not change any more, so a drill walks them.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from pytest_django.plugin import DjangoDbBlocker

pytestmark = [pytest.mark.drill, pytest.mark.parametrize("kind", ["sqlite", "postgresql"])]

FIRST, LAST = "0001_initial", "0032_release_committed_at"
IN_ONE = f"0001_squashed_{LAST}"


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database, but for its name."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/"
    return str(request.getfixturevalue("postgres_server").url(""))


@contextmanager
def empty_database(url: str, name: str) -> Iterator[BaseDatabaseWrapper]:
    if url.startswith("postgresql"):
        with psycopg.connect(f"{url}postgres", autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {name}".encode())
            server.execute(f"CREATE DATABASE {name}".encode())
    connections.databases[name] = connections.databases["default"] | {"OPTIONS": {}} | dj_database_url.parse(url + name)
    yield connections[name]
    connections[name].close()
    del connections[name], connections.databases[name]


@pytest.fixture
def databases(url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[BaseDatabaseWrapper, ...]]:
    with django_db_blocker.unblock(), ExitStack() as stack:
        yield tuple(stack.enter_context(empty_database(url, name)) for name in ("older", "newer"))


def in_one_step(database: BaseDatabaseWrapper) -> None:
    MigrationExecutor(database).migrate([("releases", IN_ONE)])


def step_by_step(database: BaseDatabaseWrapper, until: str) -> None:
    executor = MigrationExecutor(database)
    executor.loader.replace_migrations = False
    executor.loader.build_graph()
    executor.migrate([("releases", until)])


def left_to_do(database: BaseDatabaseWrapper) -> list[str]:
    executor = MigrationExecutor(database)
    return [each.name for each, _ in executor.migration_plan(executor.loader.graph.leaf_nodes("releases"))]


def tables(database: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return columns, constraints and indexes of Rollbook's tables as the database describes them."""
    with database.cursor() as cursor:
        names = [each for each in database.introspection.table_names(cursor) if each.startswith("releases_")]
        return {
            name: {
                "columns": sorted(tuple(each) for each in database.introspection.get_table_description(cursor, name)),
                "constraints": constraints(database, cursor, name),
                "indexes": indexes(database, cursor, name),
            }
            for name in names
        }


def constraints(database: BaseDatabaseWrapper, cursor: Any, table: str) -> list[str]:
    """Without the names that SQLite gives out by position."""
    found = database.introspection.get_constraints(cursor, table)
    return sorted(f"{'' if re.match('fk_|__', name) else name} {each}" for name, each in found.items())


def indexes(database: BaseDatabaseWrapper, cursor: Any, table: str) -> list[str]:
    if database.vendor == "postgresql":
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s", [table])
    else:
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql > '' AND tbl_name = %s", [table])
    return sorted(sql for (sql,) in cursor.fetchall())


def test_one_step_makes_the_tables_of_all_steps(databases: tuple[BaseDatabaseWrapper, ...]) -> None:
    older, newer = databases
    in_one_step(newer)
    step_by_step(older, LAST)
    made = tables(newer)
    assert len(made) > 30
    assert tables(older) == made
    assert left_to_do(older) == left_to_do(newer), "a database that went all steps is not asked for the one as well"


def test_a_database_between_the_steps_goes_on_where_it_stands(databases: tuple[BaseDatabaseWrapper, ...]) -> None:
    older, _ = databases
    step_by_step(older, FIRST)
    left = left_to_do(older)
    assert IN_ONE not in left
    assert "0002_acceptance" in left
