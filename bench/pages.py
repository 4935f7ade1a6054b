"""How fast the pages are at any size, each beside the least that a signed-in page can be, in the same server and run.

    python -m bench.pages                                   PostgreSQL, a thousand releases, then a million
    python -m bench.pages --releases 1000 100000            other sizes, each in a database of its own
    python -m bench.pages --database sqlite --releases 1000 100000

Prints per page: requests per second of one worker asked one at a time, p50, p99, × of the bare page's p50, queries,
bytes; then the search beside a page by key alone, as queries alone. Goals: a history page of 50 rows at most 4 × the
bare page and 5 queries, at any depth; a million releases within 1.1 × of a thousand; the search at most 3 × the bare
query.
"""

import argparse
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from releases.http.deadline import Deadline
from releases.probes.samples import percentile
from tests.rig.ports import free_port
from tests.rig.postgres import run_postgres

BARE = "bare"
ROUNDS = 200
WARM = 10
ROOT = Path(__file__).resolve().parents[1]

Ratios = dict[str, float]


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    given.add_argument("--releases", type=int, nargs="+", default=None)
    given.add_argument("--probe-runs", type=float, default=10.0, help="per release")
    given.add_argument("--rounds", type=int, default=ROUNDS)
    given.add_argument("--server", default="", help="address of a PostgreSQL server that keeps the books")
    asked = given.parse_args()
    sizes = asked.releases or ([1000, 1_000_000] if asked.database == "postgresql" else [1000, 100_000])
    found: dict[int, Ratios] = {}
    with (
        tempfile.TemporaryDirectory(prefix="rollbook-bench-") as home,
        _databases(asked.database, asked.server, Path(home)) as make,
    ):
        for releases in sizes:
            environment = _environment(Path(home), make(f"book_{releases}"))
            argv = [sys.executable, "-m", "bench.pages_at_size", str(releases), str(asked.probe_runs)]
            prepared = subprocess.run(argv, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
            print(f"\n{asked.database}, {releases:,} releases")
            found[releases] = _measured(environment, prepared.stdout.splitlines(), asked.rounds)
    _goals(found)


@contextmanager
def _databases(kind: str, server: str, home: Path) -> Iterator[Callable[[str], str]]:
    if kind == "sqlite":
        yield lambda name: f"sqlite:///{home}/{name}.sqlite3"
    elif server:
        yield lambda name: _kept(server, name)
    else:
        with run_postgres() as own:
            yield own.create_database


def _kept(server: str, name: str) -> str:
    """Return the address of a database, which is made only where it is not there: its book is measured again."""
    with psycopg.connect(server, autocommit=True) as wire:
        if not wire.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            wire.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return f"{server.rpartition('/')[0]}/{name}"


def _environment(home: Path, database: str) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": database,
        "ROLLBOOK_HOME": str(home),
        "ROLLBOOK_SECRET_KEY": "of measurements, for nobody to reach",
        "ROLLBOOK_LOG_LEVEL": "ERROR",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DJANGO_SETTINGS_MODULE": "bench.settings",
    }


def _measured(environment: Mapping[str, str], prepared: Sequence[str], rounds: int) -> Ratios:
    """Ask every page in turn, so that a busy machine slows all of them alike; print the table, return the ratios."""
    told = dict(line.split("\t", 1) for line in prepared)
    session = told.pop("session")
    queries_alone = {name: float(told.pop(name)) for name in list(told) if name.startswith("query ")}
    pages = {name: rest.split("\t") for name, rest in told.items()}
    with _server(environment) as port:
        times: dict[str, list[float]] = {name: [] for name in pages}
        sizes: dict[str, int] = {}
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for turn in range(rounds + WARM):
            for name, (address, _) in pages.items():
                began = time.perf_counter()
                wire.request("GET", address, headers={"Cookie": f"sessionid={session}", "Host": "localhost"})
                answer = wire.getresponse()
                body = answer.read()
                taken = (time.perf_counter() - began) * 1000
                if answer.status != 200:
                    sys.exit(f"{address} answered {answer.status}")
                sizes[name] = len(body)
                if turn >= WARM:
                    times[name].append(taken)
        wire.close()
    middle = {name: percentile(samples, 50) for name, samples in times.items()}
    print(f"{'page':34}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}{'x bare':>8}{'queries':>9}{'bytes':>10}")
    for name, samples in times.items():
        mean = sum(samples) / len(samples)
        row = f"{name:34}{1000 / mean:8.0f}{middle[name]:9.2f}{percentile(samples, 99):9.2f}"
        print(f"{row}{middle[name] / middle[BARE]:8.2f}{pages[name][1]:>9}{sizes[name]:10,}")
    bare_query = queries_alone["query bare"]
    for name, milliseconds in queries_alone.items():
        print(f"{name:34}{'':8}{milliseconds:9.3f}{'':9}{milliseconds / bare_query:8.2f}")
    ratios = {name: value / middle[BARE] for name, value in middle.items()}
    return ratios | {name: value / bare_query for name, value in queries_alone.items()}


@contextmanager
def _server(environment: Mapping[str, str]) -> Iterator[int]:
    """Run the program's own web server with one worker, as the embedded default does, and yield its port."""
    port = free_port()
    argv = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
    argv += ["--workers", "1", "--threads", "4", "--no-control-socket", "--log-level", "warning"]
    with subprocess.Popen(argv, env=dict(environment), cwd=ROOT) as process:
        try:
            _until_it_answers(port)
            yield port
        finally:
            process.terminate()


def _until_it_answers(port: int) -> None:
    deadline = Deadline.after(30)
    while True:
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
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


def _goals(found: Mapping[int, Ratios]) -> None:
    print()
    smallest = min(found)
    for releases, ratios in found.items():
        for name, ratio in ratios.items():
            if name.startswith("history"):
                _goal(f"{name}, {releases:,}: x bare page", ratio, 4)
                if releases != smallest:
                    _goal(f"{name}, {releases:,}: x {smallest:,}", ratio / found[smallest][name], 1.1)
            elif name.startswith("query search"):
                _goal(f"{name[6:]}, {releases:,}: x bare query", ratio, 3)


def _goal(what: str, ratio: float, limit: float) -> None:
    print(f"{what:56} {ratio:7.2f}  limit {limit:g}  {'kept' if ratio <= limit else 'MISSED'}")


if __name__ == "__main__":
    main()
