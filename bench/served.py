"""The program's own web server, asked page by page; what each answer took, on the wall and of CPU."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.spent import Watched, postmaster_of
from releases.http.deadline import Deadline
from tests.rig.ports import free_port

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Served:
    """A server with one worker, as the embedded default has it, beside its database."""

    port: int
    spent: Watched
    """Its worker, and the sessions of its database where that is a server too."""

    def wire(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)


@contextmanager
def run_server(environment: Mapping[str, str]) -> Iterator[Served]:
    """Run it until the block ends."""
    port = free_port()
    argv = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
    argv += ["--workers", "1", "--threads", "4", "--no-control-socket", "--log-level", "warning"]
    parents = []
    if environment["DATABASE_URL"].startswith("postgresql:"):
        parents.append(postmaster_of(environment["DATABASE_URL"]))
    with subprocess.Popen(argv, env=dict(environment), cwd=ROOT) as process:
        served = Served(port, Watched([process.pid, *parents]))
        try:
            _until_it_answers(served)
            yield served
        finally:
            process.terminate()


def ask(wire: http.client.HTTPConnection, address: str, session: str, status: int = 200) -> int:
    """Ask for a page as a signed-in person and return its bytes; any other status ends the measurement."""
    wire.request("GET", address, headers={"Cookie": f"sessionid={session}", "Host": "localhost", "HX-Request": "true"})
    answer = wire.getresponse()
    body = answer.read()
    if answer.status != status:
        sys.exit(f"{address} answered {answer.status}, not {status}")
    return len(body)


def _until_it_answers(served: Served) -> None:
    deadline = Deadline.after(30)
    while True:
        wire = served.wire()
        try:
            wire.request("GET", "/healthz", headers={"Host": "localhost"})
            wire.getresponse().read()
            return
        except OSError:
            if deadline.reached:
                raise
            time.sleep(0.1)
        finally:
            wire.close()


def settings_of(home: Path, database: str, broker: str) -> dict[str, str]:
    """Return the environment of a server that keeps its book in that database."""
    return os.environ | {
        "DATABASE_URL": database,
        "ROLLBOOK_HOME": str(home),
        "ROLLBOOK_SECRET_KEY": "of measurements, for nobody to reach",
        "ROLLBOOK_LOG_LEVEL": "ERROR",
        "REDIS_URL": broker,
        "DJANGO_SETTINGS_MODULE": "bench.settings",
    }
