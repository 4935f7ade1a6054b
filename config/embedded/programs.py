"""The programs of the embedded default, each with the command line and the environment it needs, and no more."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config.embedded.place import ROOT, Place

if TYPE_CHECKING:
    from demo.launch import Prepared, Program as DemoProgram

BROKER = "broker"
SEED = "seed"
MANAGE = (sys.executable, str(ROOT / "manage.py"))
BASE = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE")
"""What every program may see of the environment Rollbook was started in."""
SETTINGS = ("ROLLBOOK_", "DATABASE_URL")
"""How the names of settings begin, which Rollbook's own programs see too."""
LAUNCHER_ONLY = ("ROLLBOOK_CATALOGUE", "ROLLBOOK_BIND", "ROLLBOOK_DEMO_CACHE")


@dataclass(frozen=True, slots=True)
class Program:
    """A command that the supervisor keeps running."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: Path = ROOT
    once: bool = False
    """Ends by itself with status 0 when its work is done; started again only after a failure."""

    @property
    def pause(self) -> float:
        """Least seconds between two starts; the supervisor itself slows down only what should never end."""
        return 10.0 if self.once else 0.0


def rollbook_programs(place: Place, catalogue: Path) -> list[Program]:
    """Return Rollbook's own programs, without the demo."""
    web = web_environment(place)
    worker = worker_environment(place, catalogue)
    programs = [
        Program("web", web_command(f"{place.bind}:{place.port}"), web),
        Program("act", [*MANAGE, "work", "act"], worker),
        Program("probe", [*MANAGE, "work", "probe"], worker),
        Program("sweep", [*MANAGE, "sweep", "--forever"], worker),
        Program("tell", [*MANAGE, "tell", "--forever"], worker),
    ]
    if not place.redis_url:
        argv = [sys.executable, "-m", "config.embedded.broker", str(place.broker_port)]
        programs.insert(0, Program(BROKER, argv, base_environment(place.home)))
    return programs


def demo_programs(place: Place, prepared: "Prepared") -> list[Program]:
    """Return the demo archive's programs, and the one that makes its releases."""
    base = base_environment(place.home)
    instead = {each.name: each for each in (varnish_programs(place) if place.varnish else [])}
    programs = [
        Program(each.name, each.argv, base | each.environment, each.directory)
        for each in (instead.get(given.name, given) for given in prepared.programs)
    ]
    seed = [sys.executable, "-m", "demo.seed", "--url", place.url, "--home", str(place.home)]
    return [*programs, Program(SEED, seed, base, once=True)]


def varnish_programs(place: Place) -> "list[DemoProgram]":
    """Return Varnish for each environment of the demo, by the names of the caches it replaces."""
    from demo.launch import varnish_program
    from demo.places import demo_home, environments

    folder = demo_home(place.home) / "varnish"
    return [varnish_program(environment, folder) for environment in environments(place.home, place.port)]


def web_command(bind: str, workers: int = 1) -> list[str]:
    """Return the command line of the web process; `bind` is `host:port`."""
    return [
        *(sys.executable, "-m", "gunicorn", "config.wsgi"),
        *("--bind", bind),
        *("--worker-class", "gthread", "--workers", str(workers), "--threads", "16"),
        # Its control socket would be written to the user's own directory.
        "--no-control-socket",
    ]


def terminal_environment(place: Place, catalogue: Path) -> dict[str, str]:
    """Return what `manage.py` needs in another terminal to speak to this Rollbook."""
    worker = worker_environment(place, catalogue)
    return {
        name: value
        for name, value in worker.items()
        if name.startswith("ROLLBOOK_") or name in ("DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "REDIS_URL_FILE")
    }


def base_environment(home: Path) -> dict[str, str]:
    """Return what every program gets: the bare environment, with temporary files kept in `home`."""
    passed_on = {name: os.environ[name] for name in BASE if name in os.environ}
    # Scripts that ask env for python3 get the one that runs Rollbook, not whatever the system has.
    passed_on["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{passed_on.get('PATH', os.defpath)}"
    return {"LANG": "C.UTF-8"} | passed_on | {"TMPDIR": str(home / "tmp"), "PYTHONUNBUFFERED": "1"}


def web_environment(place: Place) -> dict[str, str]:
    """Return the environment of processes that read Rollbook's settings, without the catalogue."""
    settings = {name: value for name, value in os.environ.items() if value and name.startswith(SETTINGS)}
    for name in LAUNCHER_ONLY:
        settings.pop(name, None)
    settings |= {"ROLLBOOK_HOME": str(place.home), "REDIS_URL": place.broker_url}
    settings.setdefault("ROLLBOOK_URL", place.url)
    if "ROLLBOOK_SECRET_KEY" not in settings:
        settings.setdefault("ROLLBOOK_SECRET_KEY_FILE", str(place.home / "secret_key"))
    return base_environment(place.home) | settings


def worker_environment(place: Place, catalogue: Path) -> dict[str, str]:
    """Return the environment of processes that act on the catalogue.

    The operator's own catalogue may name secrets as `env:NAME`, so its workers see the whole environment.
    """
    own = dict(os.environ) if place.catalogue else {}
    return own | web_environment(place) | {"ROLLBOOK_CATALOGUE": str(catalogue)}
