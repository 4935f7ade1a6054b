"""Where this checkout runs: the environment's own files, which lie beside the checkouts and outlive them.

    production/
        releases/2026.11.2-4f1c.../   this checkout
        current -> releases/...
        shared/environment.json       names and addresses
        shared/readers.json           accounts, passwords hashed
        shared/session.key            signs cookies; the same for both instances
        shared/archive.sqlite3        bookmarks
        shared/log/requests.log       the request log
        shared/run/web-1.pid          held locked while the instance lives

What lies in `shared/` was put there by whoever made the environment.
"""

import json
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Place:
    environment: str
    https: bool
    shared: Path
    ports: dict[str, int]
    """Port by the instance's name."""


def read_place(shared: Path = CHECKOUT.parents[1] / "shared") -> Place:
    """Read the environment's file. Raises OSError or KeyError where it is missing or incomplete."""
    known = json.loads((shared / "environment.json").read_text(encoding="utf-8"))
    ports = {instance["name"]: instance["port"] for instance in known["instances"]}
    return Place(known["name"], known["https"], shared, ports)


def read_version() -> str:
    """Return the version of this checkout, as its commit says."""
    return (CHECKOUT / "VERSION").read_text(encoding="utf-8").strip()
