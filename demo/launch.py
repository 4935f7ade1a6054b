"""What a supervisor needs to run the demo: everything laid out, and the list of programs to keep running."""

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from demo.accounts import prepare_accounts
from demo.catalogue import CHAT, catalogue_text
from demo.deploying import check_out, find_commit, switch
from demo.places import (
    PROJECT,
    Environment,
    Instance,
    demo_home,
    environments,
    repository,
    write_environment,
    write_whole,
)
from demo.repository import VERSIONS, build

VARNISH = PROJECT / "demo/varnish.vcl"


@dataclass(frozen=True, slots=True)
class Program:
    """A command that a supervisor keeps running, and starts again whenever it ends."""

    name: str
    argv: list[str]
    environment: dict[str, str]
    """Variables on top of the supervisor's own."""
    directory: Path


@dataclass(frozen=True, slots=True)
class Prepared:
    catalogue: Path
    programs: list[Program]
    health: list[str]
    """Addresses that answer 200 when everything is up."""


def prepare(home: Path, port: int) -> Prepared:
    """Lay the demo out under `home/demo`, and return what has to run. A second call changes only what is missing.

    `port` is the dashboard's; the demo's own are counted from it. Raises demo.git.GitFailed and OSError.
    """
    home = home.resolve()
    demo_home(home).mkdir(parents=True, exist_ok=True)
    build(repository(home))
    both = environments(home, port)
    prepare_accounts(home, both)
    for environment in both:
        write_environment(environment)
        if not environment.current.is_dir():
            _first_version(home, environment)
    catalogue = demo_home(home) / "catalogue.toml"
    write_whole(catalogue, catalogue_text(home, both, tells=bool(os.environ.get(CHAT))))
    programs = [program for environment in both for program in _programs(environment)]
    urls = [url for environment in both for url in (environment.url, *(each.url for each in environment.instances))]
    health = [f"{url}/healthz" for url in urls]
    return Prepared(catalogue, programs, health)


def varnish_config(environment: Environment) -> str:
    """Return the configuration of Varnish in front of an environment's instances."""
    text = VARNISH.read_text(encoding="utf-8")
    ports = {instance.name: str(instance.port) for instance in environment.instances}
    return re.sub(r"@(web-\d)@", lambda found: ports[found[1]], text)


def varnish_program(environment: Environment, folder: Path) -> Program:
    """Write the configuration to a folder, and return Varnish as the program to run in place of the embedded cache."""
    config = folder / f"{environment.name}.vcl"
    write_whole(config, varnish_config(environment))
    # No jail: its user could not enter a home that is its owner's alone.
    varnishd = shutil.which("varnishd", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin") or "varnishd"
    argv = [varnishd, "-j", "none", "-F", "-f", str(config), "-a", f"127.0.0.1:{environment.edge}"]
    # An own instance directory, no management port, and no more threads than a small machine likes.
    argv += ["-n", str(folder / f"{environment.name}-varnish"), "-T", "none"]
    argv += ["-s", "malloc,64m", "-p", "thread_pools=1", "-p", "thread_pool_min=10", "-p", "thread_pool_max=100"]
    return Program(f"{environment.name}-edge", argv, {}, folder)


def instance_program(environment: Environment, instance: Instance) -> Program:
    # By way of `current`, so that each start takes the version that is current then.
    serve = environment.current / "bin/serve"
    argv = [sys.executable, str(serve), f"--instance={instance.name}"]
    return Program(f"{environment.name}-{instance.name}", argv, {}, environment.root)


def edge_program(environment: Environment) -> Program:
    argv = [sys.executable, "-m", "demo.cache", "--port", str(environment.edge)]
    for instance in environment.instances:
        argv += ["--instance", str(instance.port)]
    return Program(f"{environment.name}-edge", argv, {}, PROJECT)


def _programs(environment: Environment) -> list[Program]:
    instances = [instance_program(environment, instance) for instance in environment.instances]
    return [*instances, edge_program(environment)]


def _first_version(home: Path, environment: Environment) -> None:
    first = VERSIONS[0].tag
    switch(environment, check_out(home, environment, first, find_commit(home, first)))
