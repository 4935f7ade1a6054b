"""Which changes of the archive's one table lie between two versions, as the catalogue's `check_migrations` asks it.

Both versions' schemas are read from the repository and made in memory; what one has and the other has not is a change.
The deploy command brings the readers' database to the version's schema (`migrating`), forwards and back: what a column
holds that the version gone back to does not know is lost then. How much that is is looked up in the database itself.
Standard library only, like the deploy command.
"""

import argparse
import ast
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from demo.git import GitFailed, git
from demo.places import PROJECT, read_environment, repository

FILE = "archive/bookmarks.py"
DATABASE = "archive.sqlite3"
"""In what the instances of an environment share."""
PATIENCE = 5.0
"""Seconds to wait for whoever is writing."""
DONE, FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Column:
    table: str
    name: str
    kind: str
    required: bool
    default: str | None
    """As SQL."""
    key: bool

    @property
    def must_be_given(self) -> bool:
        """Whether every row has to be given a value for it."""
        return self.required and self.default is None and not self.key

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


Columns = dict[str, Column]
"""By `table.column`."""


def main(arguments: list[str]) -> int:
    """Print the changes between two versions as JSON; return the exit code."""
    parser = argparse.ArgumentParser(prog="migrations", description="What lies between two versions of the archive.")
    parser.add_argument("--environment", required=True, choices=["staging", "production"])
    parser.add_argument("--from", dest="live", required=True, help="the version that is live")
    parser.add_argument("--to", dest="target", required=True, help="the version to go back to")
    parser.add_argument("--home", type=Path, default=os.environ.get("ROLLBOOK_HOME") or PROJECT / "var")
    asked = parser.parse_args(arguments)
    home = Path(asked.home)
    try:
        live, target = (columns(schema_of(home, version)) for version in (asked.live, asked.target))
        file = read_environment(home, asked.environment).shared / DATABASE
        print(json.dumps({"migrations": changes(live, target, lambda column: filled(file, column))}))
    except (GitFailed, OSError, LookupError, SyntaxError, sqlite3.Error) as problem:
        print(f"The schemas cannot be compared: {problem}", file=sys.stderr)
        return FAILED
    return DONE


def schema_of(home: Path, version: str) -> str:
    """Return the SCHEMA of a version. Raises GitFailed where there is no such version, LookupError without a SCHEMA."""
    return schema_in(git("show", f"refs/tags/{version}:{FILE}", at=repository(home)))


def schema_in(source: str) -> str:
    """Return the SCHEMA that a source names. Raises LookupError."""
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="SCHEMA")], value=ast.Constant(value=str(schema))):
                return schema
    raise LookupError(f"{FILE} has no SCHEMA")


def columns(schema: str) -> Columns:
    """Return every column that a schema makes."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(schema)
        return columns_of(database)


def columns_of(database: sqlite3.Connection) -> Columns:
    """Return every column of a database."""
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = [
        Column(table, name, kind, bool(required), default, bool(key))
        for table in tables
        for _, name, kind, required, default, key in database.execute(f'PRAGMA table_info("{table}")')
    ]
    return {str(column): column for column in found}


def filled(file: Path, column: Column) -> int:
    """Return in how many rows a column holds something of its own; none where there is no such database or column."""
    if not file.is_file():
        return 0
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=PATIENCE)) as database:
        if str(column) not in columns_of(database):
            return 0
        value = f'"{column.name}" IS NOT {column.default or "NULL"}'
        counted = f'SELECT count(*) FROM "{column.table}" WHERE {value}'  # noqa: S608 - names of our own schema
        return int(database.execute(counted).fetchone()[0])


def changes(live: Columns, target: Columns, filled: Callable[[Column], int]) -> list[dict[str, str]]:
    """Return what the live version changed, and what going back to the earlier one means."""
    added = [_added(column, filled(column)) for name, column in live.items() if name not in target]
    return [*added, *(_dropped(column) for name, column in target.items() if name not in live)]


def _added(column: Column, filled: int) -> dict[str, str]:
    if not filled:
        return {"name": f"{column} added", "kind": "reversible"}
    rows = "1 row" if filled == 1 else f"{filled} rows"
    return {"name": f"{column} added", "kind": "data-losing", "loses": f"the values of `{column}` in {rows}"}


def _dropped(column: Column) -> dict[str, str]:
    if not column.must_be_given:
        return {"name": f"{column} dropped", "kind": "reversible"}
    what_to_do = f"The earlier version needs {column} in every row: fill it by hand first."
    return {"name": f"{column} dropped", "kind": "irreversible", "what_to_do": what_to_do}
