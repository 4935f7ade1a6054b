"""Empties the database after tests that commit, much faster than Django's `flush`.

A pytest plugin. `flush` truncates every table, which costs PostgreSQL 80 ms, and then makes content types, permissions,
triggers and the search index anew, as a `migrate` does. Here the rows are deleted, and what a fresh database has rows
in stays. The book's triggers refuse that, by design: SQLite's are lifted meanwhile, PostgreSQL's do not fire for a
session that says it replicates.
"""

import itertools
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import TransactionTestCase

from releases import search, triggers

_times = itertools.count(1)
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
"""The tables that have rows after `migrate`; no test changes them."""


def empty(case: TransactionTestCase) -> None:
    """Delete what a test has committed; stands in for `TransactionTestCase._fixture_teardown`."""
    for using in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
        connection: Any = connections[using]
        search.install(using)
        triggers.install(using)
        if connection.vendor == "postgresql":
            _empty_postgresql(connection)
        else:
            _empty_sqlite(connection)


def _empty_postgresql(connection: Any) -> None:
    tables = [*_tables(connection), search.INDEX]
    # Deleted rows stay in the way of every scan: now and then what is left of them goes too.
    often, rarely = "; ".join(f"DELETE FROM {table}" for table in tables), f"TRUNCATE {', '.join(tables)}"
    with connection.cursor() as cursor:
        cursor.execute(f"SET session_replication_role = replica; {rarely if next(_times) % 50 == 0 else often}")
        cursor.execute("SET session_replication_role = DEFAULT")


def _empty_sqlite(connection: Any) -> None:
    using = connection.alias
    with connection.constraint_checks_disabled(), transaction.atomic(using), connection.cursor() as cursor:
        triggers.lift(using)
        for table in _tables(connection):
            cursor.execute(f"DELETE FROM {table}")
        search.clear(using)
        triggers.install(using)


def _tables(connection: Any) -> list[str]:
    return sorted(set(connection.introspection.django_table_names(only_existing=True)) - KEPT)


@pytest.fixture(autouse=True, scope="session")
def emptied_quickly() -> None:
    TransactionTestCase._fixture_teardown = empty  # type: ignore[attr-defined]
