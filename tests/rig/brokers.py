"""The two brokers: a real Redis, and the embedded one, each as a process of its own."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from tests.rig.ports import free_port
from tests.rig.processes import bare_environment, end_of, run_process
from tests.rig.waiting import wait_until


@dataclass(frozen=True)
class Broker:
    port: int
    log: Path
    process: subprocess.Popen[bytes]
    """For tests that stop or kill the broker."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> "Redis":
        return Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=2)

    def answers(self) -> bool:
        # A bare socket: a client that meets a broker halfway up may leave its connection open behind it.
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as wire:
                wire.sendall(b"*1\r\n$4\r\nPING\r\n")
                return wire.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


@contextmanager
def run_redis(folder: Path, port: int | None = None) -> Iterator[Broker]:
    """Run a real Redis until the block ends, set as production wants it: no eviction, append-only file in `folder`."""
    server = shutil.which("redis-server")
    if not server:
        raise FileNotFoundError("redis-server is not installed")
    port = port or free_port()
    argv = [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    argv += ["--appendonly", "yes", "--appendfsync", "no", "--maxmemory-policy", "noeviction"]
    with _running(argv, folder, "redis", port) as broker:
        yield broker


@contextmanager
def run_embedded_broker(folder: Path, port: int | None = None) -> Iterator[Broker]:
    """Run the embedded default's broker until the block ends; its log goes to `folder`."""
    port = port or free_port()
    argv = [sys.executable, "-m", "config.embedded.broker", str(port)]
    with _running(argv, folder, "embedded-broker", port) as broker:
        yield broker


@contextmanager
def _running(argv: list[str], folder: Path, name: str, port: int) -> Iterator[Broker]:
    log = folder / f"{name}-{port}.log"
    with run_process(argv, bare_environment(), log) as process:
        broker = Broker(port, log, process)
        wait_until(lambda: process.poll() is not None or broker.answers(), 20, lambda: f"{name} answers\n{end_of(log)}")
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended at once:\n{end_of(log)}")
        yield broker
