"""The embedded default as a whole: `make run` without the making."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config.embedded import place, supervisor
from config.embedded.ready import page_answers
from tests.rig.processes import bare_environment, end_of, run_process
from tests.rig.waiting import wait_until

OFFSETS = [*place.PORTS, *place.DEMO_PORTS]
"""Ports that it takes, counted from the dashboard's."""
START_SECONDS = 150
STOP_SECONDS = 30


class Rollbook:
    """A running embedded default, and what is known about its processes."""

    def __init__(self, process: subprocess.Popen[bytes], home: Path, port: int, output: Path) -> None:
        self.process, self.home, self.port, self.output = process, home, port, output

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def production(self) -> str:
        """Where readers reach the demo's production, through the cache."""
        return f"http://127.0.0.1:{self.port + 110}"

    def wait_until_up(self) -> None:
        wait_until(
            lambda: self.process.poll() is not None or "Rollbook is up" in self.said(),
            START_SECONDS,
            lambda: f"Rollbook is up\n{self.said()}\n{end_of(self.home / supervisor.LOG)}",
        )
        assert self.process.poll() is None, self.said()

    def said(self) -> str:
        return self.output.read_text()

    def answers(self) -> bool:
        return page_answers(f"{self.url}/healthz")

    def password(self, username: str) -> str:
        lines = (self.home / "passwords.txt").read_text().splitlines()
        return dict(line.split() for line in lines)[username]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=STOP_SECONDS)

    def processes(self) -> dict[int, str]:
        """Return every process that has this home's path in its environment or arguments, by id."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                arguments = (entry / "cmdline").read_bytes()
                if str(self.home).encode() in (entry / "environ").read_bytes() + arguments:
                    found[int(entry.name)] = arguments.replace(b"\0", b" ").decode(errors="replace")
        return found


@contextmanager
def run_rollbook(home: Path, port: int, output: Path, extra: Mapping[str, str] | None = None) -> Iterator[Rollbook]:
    """Run it until the block ends; `extra` is added to its environment."""
    environment = bare_environment() | {"PORT": str(port), "ROLLBOOK_HOME": str(home)} | dict(extra or {})
    output.write_text("")
    with run_process([sys.executable, "-m", "config.embedded"], environment, output, grace=STOP_SECONDS) as process:
        yield Rollbook(process, home, port, output)
