"""Database triggers that keep the book append-only, on SQLite and PostgreSQL.

SQLite drops them silently when a migration rebuilds the table, so every `migrate` puts them back.
"""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "releases_event"
TABLES = (TABLE, "releases_note")
MESSAGE = "the book is append-only"

_POSTGRESQL_FUNCTION = (
    "CREATE OR REPLACE FUNCTION releases_book_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{MESSAGE}'; END $$"
)


def _sqlite(table: str) -> dict[str, str]:
    return {
        f"{table}_no_{verb}": f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        for verb in ("update", "delete")
    }


def _postgresql(table: str) -> dict[str, str]:
    return {
        f"{table}_no_change": f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION releases_book_refuse()",
        f"{table}_no_truncate": f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION releases_book_refuse()",
    }


def missing(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return the names of triggers that should be there and are not."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        present = {row[0] for row in cursor.fetchall()}
    return sorted(set(_wanted(connection)) - present)


def install(using: str = DEFAULT_DB_ALIAS) -> None:
    """Create the triggers that are missing."""
    absent = missing(using)
    connection = connections[using]
    with connection.cursor() as cursor:
        if absent and connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL_FUNCTION)
        for name in absent:
            cursor.execute(_wanted(connection)[name])


def lift(using: str = DEFAULT_DB_ALIAS) -> None:
    """Drop the triggers. Only tests do this, to empty their database."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for name in _wanted(connection):
            on_table = f" ON {name.rpartition('_no_')[0]}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")


def install_after_migrate(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    install(using)


def _wanted(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """Return what creates each trigger, for the tables that are there: a migration may stop before the last one."""
    made = _postgresql if connection.vendor == "postgresql" else _sqlite
    there = set(connection.introspection.table_names())
    return {name: sql for table in TABLES if table in there for name, sql in made(table).items()}
