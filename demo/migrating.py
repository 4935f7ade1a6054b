"""Bringing the readers' database to a version's schema, around the restart of its instances.

What a version needs is added before its first instance starts, with defaults, so that instances of the version before
can go on writing; what it does not know is dropped when the last of those has ended. Standard library only.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from demo.schema import DATABASE, FILE, PATIENCE, Column, Columns, columns, columns_of, schema_in


def wanted(folder: Path) -> Columns:
    """Return the columns of a checked-out version."""
    return columns(schema_in((folder / FILE).read_text(encoding="utf-8")))


def add_missing(shared: Path, wanted: Columns) -> list[str]:
    """Add what a version needs to the tables that are there; return the names. Raises sqlite3.Error."""
    with closing(_open(shared)) as database, database:
        there = columns_of(database)
        tables = {column.table for column in there.values()}
        missing = [column for name, column in wanted.items() if name not in there and column.table in tables]
        for column in missing:
            database.execute(f'ALTER TABLE "{column.table}" ADD COLUMN {_definition(column)}')
    return [str(column) for column in missing]


def drop_unknown(shared: Path, wanted: Columns) -> list[str]:
    """Drop what a version does not know, with what it holds; return the names. Raises sqlite3.Error."""
    with closing(_open(shared)) as database, database:
        unknown = [column for name, column in columns_of(database).items() if name not in wanted]
        for column in unknown:
            database.execute(f'ALTER TABLE "{column.table}" DROP COLUMN "{column.name}"')
    return [str(column) for column in unknown]


def _open(shared: Path) -> sqlite3.Connection:
    """Open the database; before the first instance ever started it is empty, and that instance makes it whole."""
    return sqlite3.connect(shared / DATABASE, timeout=PATIENCE)


def _definition(column: Column) -> str:
    required = " NOT NULL" if column.required else ""
    default = f" DEFAULT {column.default}" if column.default is not None else ""
    return f'"{column.name}" {column.kind}{required}{default}'
