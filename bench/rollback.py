"""From the click to the start of the command, beside a bare Celery task on the same broker in the same run.

    python -m bench.rollback          100 presses on PostgreSQL, 50 on the embedded default; 15 minutes

Everything is real: gunicorn, a worker for commands, one for probes, the sweep, the confirm page over HTTP by somebody
who is signed in. The click is the moment before the form is sent. The start is what the command says itself: it is
`/bin/date`, which takes about a millisecond to say it. On the embedded default a checklist of both environments is at
work at each press.

Prints where the time goes, and for the goals a ratio and whether it is kept: on PostgreSQL and Redis p50 within 2 x the
bare task's; on the embedded default p99 within a second. Only on a machine that has nothing else to do do they mean
much: its load stands above each table.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from releases.probes.samples import percentile
from tests.rig.postgres import run_postgres

PERCENTILES = (50, 95, 99)
PHASES = {
    "pressed": "click to the row's time of the press",
    "answered": "click to the answer",
    "claimed": "click to the claim by the worker",
    "begun": "click to the execution's row",
    "started": "click to the command's start",
}
ROUNDS = 100
"""Presses; a round takes about a second, with checklists at work about ten."""
SECONDS = 1800
"""Longest time that one place may take."""

DURABLE = ["fsync=on", "synchronous_commit=on", "full_page_writes=on"]
"""The rig's own server is as fast as it gets; a real one keeps what it has said."""

Samples = Sequence[float]


@dataclass(frozen=True, slots=True)
class Measured:
    """Samples in milliseconds."""

    phases: dict[str, Samples]
    bare: Samples
    least: Samples


def measure(how: str, rounds: int, home: Path, database: str) -> Measured:
    """Press so often, and return what was measured."""
    environment = os.environ | {
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "ROLLBOOK_CATALOGUE": str(home / "catalogue.toml"),
        "ROLLBOOK_HOME": str(home),
        "ROLLBOOK_LOG_LEVEL": "ERROR",
        "ROLLBOOK_SECRET_KEY": "for a measurement on loopback only, kept nowhere",
    }
    argv = [sys.executable, "-m", "bench.clicks", how, str(rounds)]
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=SECONDS)
    found = json.loads(done.stdout.splitlines()[-1])
    phases: dict[str, Samples] = {phase: [click[phase] for click in found["clicks"]] for phase in PHASES}
    return Measured(phases, found["bare"], found["least"])


def show(where: str, measured: Measured) -> None:
    load = "load of the machine, 15 minutes: {2:.1f} on {cpus} processors"
    print("\n" + load.format(*os.getloadavg(), cpus=os.cpu_count()), end="")
    print(
        f"\n{f'{where}, {len(measured.bare)} of each, ms':60}"
        + "".join(f"{f'p{percent}':>9}" for percent in PERCENTILES)
    )
    _line("bare task: sent to started", measured.bare)
    _line("bare signed-in answer, two commits, bare task, program", measured.least)
    for phase, words in PHASES.items():
        _line(words, measured.phases[phase])


def _line(what: str, samples: Samples) -> None:
    print(f"{what:60}" + "".join(f"{percentile(list(samples), percent):9.2f}" for percent in PERCENTILES))


def _goal(what: str, ratio: float, limit: float) -> None:
    print(f"{what:60} {ratio:8.3f}  limit {limit:g}  {'kept' if ratio <= limit else 'MISSED'}")


def main() -> None:
    with run_postgres(DURABLE) as server, _home() as home:
        redis = measure("idle", ROUNDS, home, server.create_database("rollbook"))
    show("PostgreSQL and Redis", redis)
    with _home() as home:
        embedded = measure("busy", ROUNDS // 2, home, f"sqlite:///{quote(str(home / 'rollbook.sqlite3'))}")
    show("embedded default while checklists run", embedded)
    print()
    p50 = percentile(list(redis.phases["started"]), 50)
    _goal("Redis: p50 of the click / p50 of the bare task", p50 / percentile(list(redis.bare), 50), 2)
    print(f"{'the same / p50 of what every press needs':60} {p50 / percentile(list(redis.least), 50):8.3f}")
    _goal("embedded: p99 of the click in seconds", percentile(list(embedded.phases["started"]), 99) / 1000, 1)


@contextmanager
def _home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rollbook-bench-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    main()
