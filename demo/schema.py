"""Which changes of the archive's one table lie between two versions, as the catalogue's `check_migrations` asks it.

Both versions' schemas are read from the repository and made in memory; what one has and the other has not is a change.
Going back leaves the readers' database as it is, so what counts is whether the earlier version can live with it.
Standard library only, like the deploy command.
"""

import argparse
import ast
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from demo.git import GitFailed, git
from demo.places import PROJECT, repository

FILE = "archive/bookmarks.py"
DONE, FAILED = 0, 1

Columns = dict[str, bool]
"""By `table.column`: whether every row has to be given a value for it."""


def main(arguments: list[str]) -> int:
    """Print the changes between two versions as JSON; return the exit code."""
    parser = argparse.ArgumentParser(prog="migrations", description="What lies between two versions of the archive.")
    parser.add_argument("--from", dest="live", required=True, help="the version that is live")
    parser.add_argument("--to", dest="target", required=True, help="the version to go back to")
    parser.add_argument("--home", type=Path, default=os.environ.get("ROLLBOOK_HOME") or PROJECT / "var")
    asked = parser.parse_args(arguments)
    try:
        live, target = (columns(schema_of(Path(asked.home), version)) for version in (asked.live, asked.target))
    except (GitFailed, OSError, LookupError, SyntaxError, sqlite3.Error) as problem:
        print(f"The schemas cannot be compared: {problem}", file=sys.stderr)
        return FAILED
    print(json.dumps({"migrations": changes(live, target)}))
    return DONE


def schema_of(home: Path, version: str) -> str:
    """Return the SCHEMA of a version. Raises GitFailed where there is no such version, LookupError without a SCHEMA."""
    source = git("show", f"refs/tags/{version}:{FILE}", at=repository(home))
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="SCHEMA")], value=ast.Constant(value=str(schema))):
                return schema
    raise LookupError(f"{FILE} of {version} has no SCHEMA")


def columns(schema: str) -> Columns:
    """Return every column that a schema makes."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(schema)
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            f"{table}.{name}": bool(required and default is None and not key)
            for table in tables
            for _, name, _, required, default, key in database.execute(f"PRAGMA table_info({table})")
        }


def changes(live: Columns, target: Columns) -> list[dict[str, str]]:
    """Return what the live version changed, and whether the earlier one can live with it."""
    added = [_added(name, required) for name, required in live.items() if name not in target]
    return [*added, *(_dropped(name) for name in target if name not in live)]


def _added(name: str, required: bool) -> dict[str, str]:
    if not required:
        return {"name": f"{name} added", "kind": "reversible"}
    what_to_do = f"The earlier version writes no {name}: give it a default first."
    return {"name": f"{name} added", "kind": "irreversible", "what_to_do": what_to_do}


def _dropped(name: str) -> dict[str, str]:
    what_to_do = f"The earlier version needs {name}: add it again first."
    return {"name": f"{name} dropped", "kind": "irreversible", "what_to_do": what_to_do}
