"""How fast the pages are at any size, each beside the least that a signed-in page can be, in the same server and run.

    python -m bench.pages                                   PostgreSQL, a thousand releases, then a million
    python -m bench.pages --releases 1000 100000            other sizes, each in a database of its own
    python -m bench.pages --database sqlite --releases 1000 100000
    python -m bench.pages --releases 1000 --polls           and five hundred boards, open and unchanged

Prints per page: p50 and p99 on the wall, CPU of an answer (the web server's and the database's together, the middle of
all answers), × of the bare page for both, queries, bytes; then the search beside a page by key alone, as queries alone.
Pages are asked for in turn, one at a time. On a machine that has other work CPU is the one to believe, and goals are
judged by it: a history page of 50 rows at most 4 × the bare page and 5 queries, at any depth; a million releases within
1.1 × of a thousand; the search at most 3 × the bare query; an unchanged board at most 1.5 × a bare 304.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from bench import polls
from bench.served import ROOT, Served, ask, run_server, settings_of
from releases.probes.samples import percentile
from tests.rig.brokers import run_embedded_broker
from tests.rig.postgres import run_postgres

BARE = "bare"
ROUNDS = 200
WARM = 10

Ratios = dict[str, float]


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    given.add_argument("--releases", type=int, nargs="+", default=None)
    given.add_argument("--probe-runs", type=float, default=10.0, help="per release")
    given.add_argument("--rounds", type=int, default=ROUNDS)
    given.add_argument("--polls", action="store_true", help="measure open boards as well")
    given.add_argument("--server", default="", help="address of a PostgreSQL server that keeps the books")
    given.add_argument("--folder", type=Path, default=None, help="keeps the books of SQLite")
    asked = given.parse_args()
    sizes = asked.releases or ([1000, 1_000_000] if asked.database == "postgresql" else [1000, 100_000])
    found: dict[int, Ratios] = {}
    with (
        tempfile.TemporaryDirectory(prefix="rollbook-bench-") as made,
        _databases(asked.database, asked.server, asked.folder or Path(made)) as make,
        run_embedded_broker(Path(made)) as broker,
    ):
        for releases in sizes:
            environment = settings_of(Path(made), make(f"book_{releases}"), broker.url)
            argv = [sys.executable, "-m", "bench.pages_at_size", str(releases), str(asked.probe_runs)]
            prepared = subprocess.run(argv, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
            print(f"\n{asked.database}, {releases:,} releases")
            found[releases] = _measured(environment, prepared.stdout.splitlines(), asked.rounds, asked.polls)
    _goals(found)


@contextmanager
def _databases(kind: str, server: str, folder: Path) -> Iterator[Callable[[str], str]]:
    if kind == "sqlite":
        yield lambda name: f"sqlite:///{folder.absolute()}/{name}.sqlite3"
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


def _measured(environment: Mapping[str, str], prepared: Sequence[str], rounds: int, boards: bool) -> Ratios:
    """Ask every page in turn, so that a busy machine slows all of them alike; print the table, return the ratios."""
    told = dict(line.split("\t", 1) for line in prepared)
    session = told.pop("session")
    readers, unchanged = told.pop("readers").split(), told.pop("unchanged board")
    queries_alone = {name: float(told.pop(name)) for name in list(told) if name.startswith("query ")}
    pages = {name: rest.split("\t") for name, rest in told.items()}
    with run_server(environment) as served:
        ratios = _pages(served, session, pages, rounds)
        bare_query = queries_alone["query bare"]
        for name, milliseconds in queries_alone.items():
            ratios[name] = milliseconds / bare_query
            print(f"{name:34}{milliseconds:9.3f}{'':9}{ratios[name]:8.2f}")
        if boards:
            ratios["board, nothing changed"] = _polls(served, readers, unchanged)
    return ratios


def _pages(served: Served, session: str, pages: Mapping[str, Sequence[str]], rounds: int) -> Ratios:
    times: dict[str, list[float]] = {name: [] for name in pages}
    spent: dict[str, list[float]] = {name: [] for name in pages}
    sizes: dict[str, int] = {}
    wire = served.wire()
    for turn in range(rounds + WARM):
        served.spent.find()
        for name, (address, _) in pages.items():
            before, began = served.spent.milliseconds(), time.perf_counter()
            sizes[name] = ask(wire, address, session)
            taken = (time.perf_counter() - began) * 1000
            if turn >= WARM:
                times[name].append(taken)
                spent[name].append(served.spent.milliseconds() - before)
    wire.close()
    middle = {name: percentile(samples, 50) for name, samples in times.items()}
    cpu = {name: statistics.median(samples) for name, samples in spent.items()}
    print(f"{'page':34}{'p50 ms':>9}{'p99 ms':>9}{'x bare':>8}{'CPU ms':>9}{'x bare':>8}{'queries':>9}{'bytes':>10}")
    for name, samples in times.items():
        row = f"{name:34}{middle[name]:9.2f}{percentile(samples, 99):9.2f}{middle[name] / middle[BARE]:8.2f}"
        print(f"{row}{cpu[name]:9.2f}{cpu[name] / cpu[BARE]:8.2f}{pages[name][1]:>9}{sizes[name]:10,}")
    return {name: value / cpu[BARE] for name, value in cpu.items()}


def _polls(served: Served, readers: Sequence[str], unchanged: str) -> float:
    """Print what an open board costs on which nothing changes, and return it as × of a bare 304."""
    bare, board = polls.Asked("304, bare", "/bare-304", 304), polls.Asked("204, board unchanged", unchanged, 204)
    polls.measured(served, readers, [bare, board])
    print(f"{polls.BOARDS} boards, one question each every {polls.PAUSE:g} s")
    for asked in (bare, board):
        rate = f"{asked.rate:.0f} answers/s of {polls.BOARDS / polls.PAUSE:.0f}"
        print(
            f"{asked.name:34}{asked.milliseconds:9.3f} ms of CPU{asked.milliseconds / bare.milliseconds:8.2f}  {rate}"
        )
    return board.milliseconds / bare.milliseconds


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
            elif name == "board, nothing changed":
                _goal(f"{name}, {releases:,}: x bare 304", ratio, 1.5)


def _goal(what: str, ratio: float, limit: float) -> None:
    print(f"{what:56} {ratio:7.2f}  limit {limit:g}  {'kept' if ratio <= limit else 'MISSED'}")


if __name__ == "__main__":
    main()
