"""Real commands, run in a directory of their own, and waiting for conditions."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from releases.catalogue import Command
from releases.executor import EnvironmentLock, Result, run

PATIENCE = 10.0
"""Seconds after which a condition that was awaited has failed."""


def wait_until(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until a condition holds, and fail if it never does."""
    until = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < until, "the awaited condition did not come true"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that only waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@dataclass
class Bench:
    """Runs commands and remembers what they said on the way."""

    directory: Path
    told: list[str] = field(default_factory=list)
    reason: str = ""
    """Set by a test to have the running command stopped."""

    def command(self, *argv: str, timeout: int = 20, grace: int = 5, environment: Sequence[str] = ()) -> Command:
        return Command(argv, str(self.directory), timeout, grace, tuple(environment))

    def run(
        self,
        *argv: str,
        timeout: int = 20,
        grace: int = 5,
        secrets: Sequence[str] = (),
        lock: EnvironmentLock | None = None,
        passed: Mapping[str, str] | None = None,
        execution_id: str = "E-1",
        on_output: Callable[[str], None] | None = None,
        should_stop: Callable[[], str] | None = None,
    ) -> Result:
        passed = {} if passed is None else passed
        return run(
            self.command(*argv, timeout=timeout, grace=grace, environment=list(passed)),
            lock=lock,
            execution_id=execution_id,
            secrets=secrets,
            on_output=on_output or self.told.append,
            should_stop=should_stop or (lambda: self.reason),
            passed_environment=passed,
        )

    def shell(self, script: str, **options: object) -> Result:
        """Run a script of the test's own, as a program that does what the script says."""
        return self.run("/bin/sh", "-c", script, **options)  # type: ignore[arg-type]

    def python(self, script: str, **options: object) -> Result:
        return self.run(sys.executable, "-c", script, **options)  # type: ignore[arg-type]

    def pid_in(self, name: str) -> int:
        """Return the process id that a command wrote into a file."""
        path = self.directory / name
        wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
        return int(path.read_text())

    def stop_once_there(self, name: str, reason: str) -> Callable[[], str]:
        """Return a question that is answered with a reason as soon as a command has made a file."""
        return lambda: reason if (self.directory / name).exists() else ""
