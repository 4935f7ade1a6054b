"""A database of its own for every drill, since some of them take the whole server away.

It is copied from one that was migrated once, and Django's connection points to it until the drill ends.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import dj_database_url
import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from tests.integration.stack import database_url
from tests.rig.postgres import PostgresServer

ALIAS = "default"
TEMPLATE = "migrated"


def on_postgres(server: PostgresServer) -> str:
    """Make a migrated database on this server and return its address."""
    with closing(psycopg.connect(server.url(), autocommit=True)) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            _migrate(server.create_database(TEMPLATE))
        name = f"drill_{uuid4().hex[:12]}"
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE))
        connection.execute(copy)
    return server.url(name)


def on_sqlite(template: Path, folder: Path) -> str:
    """Copy a migrated database into a folder and return its address; `template` is made when it is not there."""
    if not template.exists():
        _migrate(f"sqlite:///{template}")
        with closing(sqlite3.connect(template)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return f"sqlite:///{shutil.copy(template, folder / 'drill.sqlite3')}"


def address() -> str:
    """Return the address of the database to which Django's connections lead."""
    return database_url()


def through(port: int) -> str:
    """Return the same for whoever is to come through another port."""
    return database_url().replace(f":{connections[ALIAS].settings_dict['PORT']}/", f":{port}/")


@contextmanager
def used(url: str) -> Iterator[None]:
    """Have Django's connections lead to this database until the block ends."""
    before = connections.settings[ALIAS]
    _lead_to(_configured(url))
    try:
        yield
    finally:
        _lead_to(before)


def _lead_to(configured: dict[str, Any]) -> None:
    connections[ALIAS].close()
    connections.settings[ALIAS] = configured
    del connections[ALIAS]


def _configured(url: str) -> dict[str, Any]:
    options: dict[str, Any] = {"connect_timeout": 5}
    if url.startswith("sqlite"):
        options = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL;"}
    parsed: dict[str, Any] = {**dj_database_url.parse(url), "OPTIONS": options}
    return dict(connections.configure_settings({ALIAS: parsed})[ALIAS])


def _migrate(url: str) -> None:
    with used(url):
        call_command("migrate", verbosity=0)
