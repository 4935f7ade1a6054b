"""The worker's side of an environment: its catalogue entry, its lock, and the secrets that must be masked.

Only workers and commands on their host come here; the web process never reads the catalogue file.
"""

import contextlib
import os
import socket
import sys
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from releases.catalogue import Catalogue, CatalogueEnvironment, CatalogueError, UnknownPlace, load
from releases.executor import EnvironmentLock
from releases.models import Environment
from releases.secrets import SecretError, resolve


class NoCatalogue(Exception):
    """This process was not told where the catalogue file is."""


def catalogue() -> Catalogue:
    """Return the catalogue, read again when the file changed. Raises NoCatalogue or CatalogueError."""
    if not settings.ROLLBOOK_CATALOGUE:
        raise NoCatalogue("ROLLBOOK_CATALOGUE is not set: it is the path of the catalogue file.")
    path = Path(settings.ROLLBOOK_CATALOGUE)
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise NoCatalogue(f"The catalogue file {path} cannot be read: {error.strerror}.") from None
    return _load(path, stamp)


def place(environment: Environment) -> CatalogueEnvironment:
    """Return the catalogue's entry of an environment. Raises UnknownPlace too."""
    return catalogue().environment(environment.service.key, environment.key)


def lock_of(environment: Environment) -> EnvironmentLock:
    """Return the lock that keeps two commands from running beside each other in an environment on this host."""
    return EnvironmentLock(settings.ROLLBOOK_HOME / "locks", str(environment))


def secrets_to_mask(environment: Environment) -> list[str]:
    """Return every secret that could show up in the output of a command here. One that cannot be read cannot leak."""
    found = [settings.SECRET_KEY]
    try:
        here = place(environment)
    except (NoCatalogue, CatalogueError, UnknownPlace):
        return found
    for reference in (*(account.password for account in here.accounts), *(one.url for one in here.receivers)):
        with contextlib.suppress(SecretError):
            found.append(resolve(reference))
    return found


def host() -> str:
    return socket.gethostname()


def terminal() -> list[str]:
    """Return how a command line begins that does on this host what this process does. No secret is in it."""
    named = {"ROLLBOOK_HOME": str(settings.ROLLBOOK_HOME), "ROLLBOOK_CATALOGUE": settings.ROLLBOOK_CATALOGUE}
    variables = [f"{name}={value}" for name, value in named.items() if value]
    return ["env", *variables, sys.executable, str(settings.BASE_DIR / "manage.py")]


def passed_environment() -> dict[str, str]:
    """Return the worker's own environment, from which a command's allow-list picks."""
    return dict(os.environ)


@lru_cache(maxsize=2)
def _load(path: Path, stamp: int) -> Catalogue:
    return load(path)
