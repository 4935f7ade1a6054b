"""The test accounts: passwords that only this home knows, and what the archive needs to check them."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from demo.places import Environment, demo_home, write_whole

SCRYPT = {"n": 2**13, "r": 8, "p": 1, "dklen": 32}
"""As `archive.readers` checks it; a test signs in to keep the two together."""


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    """Its name in the catalogue."""
    username: str
    shown: str
    """The reader's name, which only the reader's own pages show."""

    def password_file(self, home: Path) -> Path:
        return demo_home(home) / "secrets" / self.name.replace("-", "_")

    def username_file(self, home: Path) -> Path:
        return self.password_file(home).with_suffix(".username")


ACCOUNTS = (Account("reader-a", "ada", "Ada Lovelace"), Account("reader-b", "grace", "Grace Hopper"))


def prepare_accounts(home: Path, environments: tuple[Environment, ...]) -> None:
    """Make passwords and session keys that are missing; keep those that are there."""
    readers = []
    for account in ACCOUNTS:
        password = _secret(account.password_file(home), 18)
        write_whole(account.username_file(home), account.username + "\n", mode=0o600)
        salt = secrets.token_bytes(16)
        hashed = hashlib.scrypt(password.encode(), salt=salt, **SCRYPT)
        readers.append({"username": account.username, "name": account.shown, "salt": salt.hex(), "hash": hashed.hex()})
    for environment in environments:
        _secret(environment.shared / "session.key", 32)
        write_whole(environment.shared / "readers.json", json.dumps(readers, indent=2) + "\n", mode=0o600)


def _secret(file: Path, size: int) -> str:
    if file.is_file():
        return file.read_text(encoding="ascii").strip()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = secrets.token_urlsafe(size)
    write_whole(file, secret + "\n", mode=0o600)
    return secret
