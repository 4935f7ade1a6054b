"""The demo's production environment, really running, and what tests do with it."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from demo.accounts import ACCOUNTS
from demo.deploying import served_version
from demo.launch import Program
from demo.places import PROJECT, Environment

Reader = Callable[[str], httpx.Client]
"""Makes a browser for an address."""

OFFSETS = (100, 101, 102, 110, 111, 112)
PATIENCE = 20.0
"""Seconds for anything to come up on a busy machine."""


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait for a condition and return what it gave."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)
    return found


def free_base() -> int:
    """Return a port from which all of the demo's offsets are free."""
    for _ in range(50):
        with socket.socket() as chosen:
            chosen.bind(("127.0.0.1", 0))
            base = chosen.getsockname()[1] - OFFSETS[0]
        if base + OFFSETS[-1] < 65536 and all(is_free(base + offset) for offset in OFFSETS):
            return base
    raise AssertionError("no six free ports")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Supervisor:
    """A stand-in for the real one: starts programs, and starts each again when it ends."""

    def __init__(self, programs: list[Program]) -> None:
        self._programs = {program.name: program for program in programs}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Supervisor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def _watch(self) -> None:
        while not self._ending.wait(0.02):
            for name, program in self._programs.items():
                process = self._running.get(name)
                if process is None or process.poll() is not None:
                    self._running[name] = subprocess.Popen(
                        program.argv, cwd=program.directory, env={**os.environ, **program.environment}
                    )


@dataclass(frozen=True)
class Production:
    """The running environment, and what a test does with it."""

    home: Path
    environment: Environment
    supervisor: Supervisor

    def deploy(self, version: str, *more: str, name: str = "production") -> "subprocess.CompletedProcess[str]":
        command = [str(PROJECT / "demo/bin/deploy"), f"--home={self.home}", f"--environment={name}"]
        return subprocess.run(
            [*command, f"--version={version}", *more],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )

    def serve(self, version: str) -> None:
        """Have all instances serve a version."""
        served = {served_version(instance) for instance in self.environment.instances}
        if served == {version} and self.environment.current.resolve().name.startswith(f"{version}-"):
            return
        done = self.deploy(version)
        assert done.returncode == 0, done.stderr

    def purge(self, route: str) -> "subprocess.CompletedProcess[str]":
        """Run the purge command of the version that is current."""
        return subprocess.run(
            ["bin/purge", route], cwd=self.environment.current, capture_output=True, text=True, timeout=20
        )

    def password(self, number: int) -> str:
        return ACCOUNTS[number].password_file(self.home).read_text().strip()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def token_in(page: str) -> str:
    """Return the token of the first form on a page."""
    return page.split('name="token" value="')[1].split('"')[0]


def sign_in(client: httpx.Client, username: str, password: str, **fields: str) -> httpx.Response:
    token = token_in(client.get("/login").text)
    return client.post("/login", data={"username": username, "password": password, "token": token, **fields})


def from_cache(response: httpx.Response) -> bool:
    """Say whether a cache answered, by either cache's own words."""
    if "x-cache" in response.headers:
        return response.headers["x-cache"] == "HIT"
    return "; hit" in response.headers["cache-status"]
