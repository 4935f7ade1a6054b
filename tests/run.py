"""Run every check, as `make test` does: `python -m tests.run [STEP ...]`; without a step, all of them.

Everything runs, whatever failed before it, so that one run tells all. The exit status is 0 only when nothing failed.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import system
from tests.rig.postgres import run_postgres

ROOT = Path(__file__).resolve().parents[1]
PYTHON = [sys.executable, "-m"]
PROCESSES = (os.cpu_count() or 1) + 1
"""One more than there are cores: with as many, a third of each core's time was spent waiting."""
PYTEST = [*PYTHON, "pytest", "-q", "-n", str(PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder"]
OWN = ("ROLLBOOK_", "DATABASE_URL", "REDIS_URL", "DJANGO_", "PORT", "PYTHONDONTWRITEBYTECODE")
"""Variables that no command inherits: Rollbook's own, and one that has every process compile all tests anew."""


def run(argv: list[str], **environment: str) -> bool:
    """Run a command in the project's directory; tells whether it ended with status 0."""
    return subprocess.run(argv, cwd=ROOT, env=inherited() | environment, check=False).returncode == 0


def inherited() -> dict[str, str]:
    """Return our environment without what would let a developer's settings change a result."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OWN)}


def style() -> bool:
    return run([*PYTHON, "ruff", "check", "--quiet", "."]) & run([*PYTHON, "ruff", "format", "--check", "--quiet", "."])


def types() -> bool:
    done = subprocess.run([*PYTHON, "mypy"], cwd=ROOT, env=inherited(), check=False, capture_output=True, text=True)
    print(f"\ntypes: {done.stdout}{done.stderr}", end="", flush=True)  # in one piece: other steps write meanwhile
    return done.returncode == 0


def migrations() -> bool:
    """Whether the models need no migration that is not written yet."""
    return run(
        [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"], DJANGO_SETTINGS_MODULE="tests.settings"
    )


def production() -> bool:
    """Whether Django finds nothing to warn of in the settings that production would have."""
    with tempfile.TemporaryDirectory(prefix="rollbook-check-") as home:
        return run(
            [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
            DJANGO_SETTINGS_MODULE="config.settings",
            ROLLBOOK_HOME=home,
            ROLLBOOK_HTTPS="true",
            ROLLBOOK_ALLOWED_HOSTS="rollbook.example.org",
            ROLLBOOK_SECRET_KEY="only-for-this-check: 0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        )


def embedded() -> bool:
    """Every test, on SQLite and the embedded broker."""
    return run(PYTEST)


def servers() -> bool:
    """What touches database or broker once more, on PostgreSQL; a test there that needs a broker runs a real Redis."""
    with run_postgres() as postgres:
        return run([*PYTEST, "-m", "not once and not drill"], DATABASE_URL=postgres.url("rollbook"))


STEPS: dict[str, Callable[[], bool]] = {
    "style": style,
    "types": types,
    "migrations": migrations,
    "production": production,
    "embedded": embedded,
    "servers": servers,
}


BESIDE = "types"
"""Runs beside the others: it takes one core for half a minute, and the tests often wait."""


def timed(name: str) -> tuple[str, bool, float]:
    start = time.monotonic()
    return name, STEPS[name](), time.monotonic() - start


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        print(f"There is no step {', '.join(unknown)}. Expected: {', '.join(STEPS)}.", file=sys.stderr)
        return 2
    if problem := system.ensure():
        print(problem, file=sys.stderr)
        return 1
    asked, start, results = names or list(STEPS), time.monotonic(), []
    with ThreadPoolExecutor(1) as beside:
        besides = [beside.submit(timed, name) for name in asked if name == BESIDE]
        for name in asked:
            if name != BESIDE:
                print(f"\n--- {name}", flush=True)
                results.append(timed(name))
        results += [each.result() for each in besides]
    print("\n--- summary", flush=True)
    for name, passed, seconds in results:
        print(f"{name:12} {'passed' if passed else 'FAILED'} {seconds:6.1f} s")
    failed = [name for name, passed, _ in results if not passed]
    print(f"FAILED: {', '.join(failed)}" if failed else f"Everything passed, in {time.monotonic() - start:.0f} s.")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
