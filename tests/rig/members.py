"""The members' site under a real gunicorn."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rig.certificates import Certificate
from tests.rig.ports import accepts, free_port
from tests.rig.processes import ROOT, bare_environment, end_of, run_process
from tests.rig.waiting import wait_until


@dataclass(frozen=True)
class Member:
    """Somebody with an account, whose own page shows the marker."""

    name: str
    username: str
    password: str
    marker: str
    is_staff: bool


@dataclass(frozen=True)
class Members:
    """The site's directory with its database, and its people."""

    home: Path
    people: tuple[Member, ...]


def make_members(home: Path) -> Members:
    """Make the database with two people; the first one is staff."""
    people = tuple(
        Member(
            f"reader-{letter}", secrets.token_hex(4), secrets.token_urlsafe(12), f"Ms O'{secrets.token_hex(4)}", staff
        )
        for letter, staff in (("a", True), ("b", False))
    )
    rows = [
        {"username": one.username, "password": one.password, "first_name": one.marker, "is_staff": one.is_staff}
        for one in people
    ]
    subprocess.run(
        [sys.executable, "-m", "tests.rig.members_site.prepare"],
        env=_environment(home, {}),
        cwd=ROOT,
        input=json.dumps(rows).encode(),
        check=True,
        timeout=60,
    )
    return Members(home, people)


@contextmanager
def run_members(members: Members, certificate: Certificate | None = None, **settings: Any) -> Iterator[str]:
    """Serve the site until the block ends, over TLS where there is a certificate; yields its base URL.

    `settings` are Django's, instead of those of the site.
    """
    port = free_port()
    log = members.home / f"gunicorn-{port}.log"
    argv = [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", "--no-control-socket"]
    argv += ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "4"]
    if certificate:
        argv += ["--certfile", str(certificate.file), "--keyfile", str(certificate.key)]
    with run_process(argv, _environment(members.home, settings), log) as process:
        wait_until(lambda: process.poll() is not None or accepts(port), 20, lambda: f"gunicorn answers\n{end_of(log)}")
        if process.poll() is not None:
            raise RuntimeError(f"gunicorn ended at once:\n{end_of(log)}")
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{port}"


def _environment(home: Path, settings: Mapping[str, Any]) -> dict[str, str]:
    return bare_environment() | {
        "DJANGO_SETTINGS_MODULE": "tests.rig.members_site.settings",
        "MEMBERS_HOME": str(home),
        "MEMBERS_SETTINGS": json.dumps(settings),
    }
