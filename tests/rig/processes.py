"""Real processes for tests, each in a session of its own and ended with it."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def run_process(
    argv: Sequence[str | Path],
    env: Mapping[str, str],
    log: Path,
    *,
    cwd: Path = ROOT,
    user: str | None = None,
    grace: float = 10.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends: TERM to the program itself, after `grace` seconds KILL to its whole group.

    `env` is its whole environment, `log` gets what it prints, `user` is whom to run it as (only root may ask).
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in argv],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=grace)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=grace)


def bare_environment() -> dict[str, str]:
    """Return the least environment that a program needs."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}


def end_of(log: Path, lines: int = 20) -> str:
    """Return the last lines of a log, for a message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else f"{log} is missing"
