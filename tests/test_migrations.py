"""A new database takes one migration, an older one the steps after it; both come to the same tables."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.apps import apps
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from pytest_django.plugin import DjangoDbBlocker

from releases.models import Deployment
from tests import factory

FIRST, LAST = "0001_initial", "0032_release_committed_at"
IN_ONE = f"0001_squashed_{LAST}"
SQLITE = connection.vendor == "sqlite"


@contextmanager
def empty_database(name: str, folder: Path) -> Iterator[BaseDatabaseWrapper]:
    """Yield one beside the tests' own."""
    place = str(folder / name) if SQLITE else f"{name}_{os.getpid()}"
    if not SQLITE:
        on_server(f"CREATE DATABASE {place}")
    connections.databases[name] = connections.databases["default"] | {"NAME": place}
    yield connections[name]
    connections[name].close()
    del connections[name], connections.databases[name]
    if not SQLITE:
        on_server(f"DROP DATABASE {place}")


def on_server(statement: str) -> None:
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres")
    with psycopg.connect(urlunsplit(address), autocommit=True) as server:
        server.execute(statement.encode())


@pytest.fixture
def older(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    with django_db_blocker.unblock(), empty_database("older", tmp_path) as database:
        yield database


@pytest.fixture
def newer(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    with django_db_blocker.unblock(), empty_database("newer", tmp_path) as database:
        yield database


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


def test_one_step_makes_the_tables_of_all_steps(older: BaseDatabaseWrapper, newer: BaseDatabaseWrapper) -> None:
    in_one_step(newer)
    step_by_step(older, LAST)
    made = tables(newer)
    assert len(made) > 30
    assert tables(older) == made
    assert left_to_do(older) == left_to_do(newer), "a database that went all steps is not asked for the one as well"


def test_a_database_between_the_steps_goes_on_where_it_stands(older: BaseDatabaseWrapper) -> None:
    step_by_step(older, FIRST)
    left = left_to_do(older)
    assert IN_ONE not in left
    assert "0002_acceptance" in left


@pytest.mark.django_db
def test_deployments_of_before_get_the_owner_of_their_release(monkeypatch: pytest.MonkeyPatch) -> None:
    migration = import_module("releases.migrations.0033_deployment_owner")
    monkeypatch.setattr(migration, "BATCH", 2)
    environment = factory.environment()
    for version, owner in (("1.0", "Ana"), ("1.1", "Ben"), ("1.2", "Cho")):
        factory.release(environment.service, version, owner)
        factory.deployed(environment, version)
    Deployment.objects.update(owner="")
    migration.take_over(apps, connection.schema_editor())
    assert list(Deployment.objects.order_by("pk").values_list("owner", flat=True)) == ["Ana", "Ben", "Cho"]
