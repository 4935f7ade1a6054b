"""Where an embedded Rollbook lives: its directory, its ports, its key. Whatever forbids a start is a `Refusal`."""

import fcntl
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]
HIGHEST_OFFSET = 112
PORTS = {0: "the dashboard", 9: "the broker"}
DEMO_PORTS = {
    100: "the demo's staging edge",
    101: "the demo's first staging instance",
    102: "the demo's second staging instance",
    110: "the demo's production edge",
    111: "the demo's first production instance",
    112: "the demo's second production instance",
}
"""Offsets from PORT, and what listens there."""


class Refusal(Exception):
    """Rollbook cannot start. The message is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the environment says about this start."""

    home: Path
    """Absolute directory that holds everything the embedded default writes."""
    port: int
    redis_url: str
    """Empty for the embedded broker."""
    catalogue: str
    """The operator's own catalogue; empty for the demo."""
    bind: str
    """Address that the dashboard listens on."""
    varnish: bool
    """Whether the demo's cache is Varnish instead of the embedded one."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def broker_port(self) -> int:
        return self.port + 9

    @property
    def broker_url(self) -> str:
        return self.redis_url or f"redis://127.0.0.1:{self.broker_port}/0"

    @property
    def ports(self) -> dict[int, str]:
        """The ports that must be free, each with what listens there."""
        offsets = PORTS | ({} if self.catalogue else DEMO_PORTS)
        if self.redis_url:
            offsets.pop(9)
        return {self.port + offset: what for offset, what in offsets.items()}

    def shown(self, path: Path) -> str:
        """Return a path as a person here would type it."""
        return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def read_place(environ: Mapping[str, str]) -> Place:
    """Read what `python -m config.embedded` says that it reads. Raises Refusal."""
    catalogue = environ.get("ROLLBOOK_CATALOGUE", "")
    if catalogue and not Path(catalogue).is_file():
        raise Refusal(f"ROLLBOOK_CATALOGUE names {catalogue}, which is no file: correct it, or unset it for the demo.")
    return Place(
        home=Path(environ.get("ROLLBOOK_HOME") or ROOT / "var").absolute(),
        port=read_port(environ.get("PORT") or "8000"),
        redis_url=environ.get("REDIS_URL", "") or read_file(environ.get("REDIS_URL_FILE", "")),
        catalogue=str(Path(catalogue).absolute()) if catalogue else "",
        bind=environ.get("ROLLBOOK_BIND") or "127.0.0.1",
        varnish=environ.get("ROLLBOOK_DEMO_CACHE", "") == "varnish",
    )


def read_file(path: str) -> str:
    """Return what a file holds; nothing for no path. Raises Refusal."""
    try:
        return Path(path).read_text().strip() if path else ""
    except OSError as error:
        raise Refusal(f"REDIS_URL_FILE names {path}, which cannot be read ({error.strerror}): correct it.") from None


def read_port(text: str) -> int:
    highest = 65535 - HIGHEST_OFFSET
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= highest):
        raise Refusal(
            f"PORT is {text!r}, but must be a number from 1 to {highest}: set it to one, for example PORT=8000."
        )
    return int(text)


def claim_home(home: Path) -> TextIO:
    """Make the directory and lock it for this process. Raises Refusal; the lock ends with the returned file."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("log", "run", "static", "tmp"):
            (home / name).mkdir(exist_ok=True, mode=0o700)
        lock = (home / "run" / "lock").open("a+")
    except OSError as error:
        raise Refusal(
            f"Rollbook cannot write to {home} ({error.strerror}): make it writable for you,"
            " or set ROLLBOOK_HOME to a directory that is."
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise Refusal(
            f"Rollbook already runs in {home} (process {holder}): stop that one,"
            " or set ROLLBOOK_HOME and PORT for a second one."
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def check_ports(ports: Mapping[int, str]) -> None:
    """Raise Refusal when a port is taken or may not be used."""
    for port, what in sorted(ports.items()):
        with socket.socket() as probe:
            # As the servers themselves do, or a port that was used a minute ago would look taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen(1)
            except PermissionError:
                raise Refusal(f"Port {port} ({what}) is not allowed for you: set PORT to 1024 or higher.") from None
            except OSError:
                raise Refusal(
                    f"Port {port} ({what}) is taken: stop what listens there,"
                    " or set PORT to another number, for example PORT=8300."
                ) from None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


def secret_key_file(home: Path) -> Path:
    """Return the file of the secret key, readable by its owner only; made at the first start."""
    path = home / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(64) + "\n")
    return path
