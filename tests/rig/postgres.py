"""A PostgreSQL server of our own: fresh, throw-away, as fast as it gets."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.rig.ports import free_port
from tests.rig.processes import bare_environment, end_of, run_process
from tests.rig.waiting import wait_until

ROLE = "rollbook"
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB"]
"""The data need not outlive the machine."""


@dataclass(frozen=True)
class PostgresServer:
    port: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{ROLE}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its address."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def find_program(name: str) -> str | None:
    """Return the path of a PostgreSQL program; Debian keeps the server's out of PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return str(installed[-1]) if installed else shutil.which(name)


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Run a fresh server until the block ends. It refuses to run as root, so root runs it as `postgres`."""
    initdb, postgres = find_program("initdb"), find_program("postgres")
    if not initdb or not postgres:
        raise FileNotFoundError("PostgreSQL's server programs (initdb, postgres) are not installed")
    user = "postgres" if os.geteuid() == 0 else None
    # Not below pytest's own directory, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="rollbook-postgres-"))
    try:
        if user:
            shutil.chown(folder, user, user)
        data, log = folder / "data", folder / "log"
        made = subprocess.run(
            [
                initdb,
                "--pgdata",
                data,
                "--username",
                ROLE,
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
            env=bare_environment(),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stdout}{made.stderr}")
        port = free_port()
        options = [*FAST, "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}"]
        argv: list[str | Path] = [
            postgres,
            "-D",
            data,
            "-p",
            str(port),
            *(part for option in options for part in ("-c", option)),
        ]
        server = PostgresServer(port)
        with run_process(argv, bare_environment(), log, cwd=folder, user=user) as process:
            wait_until(
                lambda: process.poll() is not None or server.answers(), 30, lambda: f"PostgreSQL answers\n{end_of(log)}"
            )
            if process.poll() is not None:
                raise RuntimeError(f"PostgreSQL ended at once:\n{end_of(log)}")
            yield server
            # TERM would wait for clients to leave; INT ends their sessions.
            process.send_signal(2)
            process.wait(timeout=20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
