"""A PostgreSQL server of our own: fresh, throw-away, as fast as it gets."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen

import psycopg
from psycopg import sql

from tests.rig.ports import free_port
from tests.rig.processes import bare_environment, end_of, run_process
from tests.rig.waiting import wait_until

ROLE = "rollbook"
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB"]
"""The data need not outlive the machine."""


class PostgresServer:
    """A running server; `stop` and `start` are for those who take it away from others."""

    def __init__(self, program: str, folder: Path, user: str | None, options: Sequence[str]) -> None:
        self.port = free_port()
        self.folder, self.user = folder, user
        self.log = folder / "log"
        named = [*FAST, "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", *options]
        self._argv: list[str | Path] = [program, "-D", folder / "data", "-p", str(self.port)]
        self._argv += [part for option in named for part in ("-c", option)]
        self._running = ExitStack()
        self._process: Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        process = self._running.enter_context(
            run_process(self._argv, bare_environment(), self.log, cwd=self.folder, user=self.user)
        )
        self._process = process
        wait_until(
            lambda: process.poll() is not None or self.answers(), 30, lambda: f"PostgreSQL answers\n{end_of(self.log)}"
        )
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended at once:\n{end_of(self.log)}")

    def stop(self) -> None:
        """End it as `pg_ctl stop -m fast` does: the sessions of its clients with it."""
        assert self._process is not None, "it was not started"
        # TERM would wait for clients to leave; INT ends their sessions.
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=20)
        self._running.close()

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
def run_postgres(options: Sequence[str] = (), folder: Path | None = None) -> Iterator[PostgresServer]:
    """Run a fresh server until the block ends. It refuses to run as root, so root runs it as `postgres`.

    `options` are added to its settings; `folder` is where it keeps its data, empty, otherwise a throw-away one.
    """
    initdb, postgres = find_program("initdb"), find_program("postgres")
    if not initdb or not postgres:
        raise FileNotFoundError("PostgreSQL's server programs (initdb, postgres) are not installed")
    user = "postgres" if os.geteuid() == 0 else None
    # Not below pytest's own directory, which only its owner may enter.
    made = folder or Path(tempfile.mkdtemp(prefix="rollbook-postgres-"))
    try:
        if user:
            shutil.chown(made, user, user)
        _make_cluster(initdb, made, user)
        server = PostgresServer(postgres, made, user, options)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        if folder is None:
            shutil.rmtree(made, ignore_errors=True)


def _make_cluster(initdb: str, folder: Path, user: str | None) -> None:
    argv: list[str | Path] = [initdb, "--pgdata", folder / "data", "--username", ROLE, "--auth=trust"]
    argv += ["--encoding=UTF8", "--no-locale", "--no-sync"]
    made = subprocess.run(
        argv,
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
