"""Where everything of the demo lies under its home, and which ports it takes.

Standard library only: the deploy command imports this, and it may run under any Python 3.11 or newer.

    HOME/demo/
        repository/                   the archive's git repository, one tag per version
        catalogue.toml                the catalogue that names both environments
        secrets/reader_a, reader_b    passwords of the test accounts
        staging/, production/
            releases/TAG-COMMIT/      checkouts, complete and never changed
            current -> releases/...   what the instances start from
            shared/                   what outlives a checkout
"""

import json
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Instance:
    name: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Environment:
    name: str
    root: Path
    edge: int
    """Port of the shared cache in front of the instances."""
    instances: tuple[Instance, ...]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.edge}"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def current(self) -> Path:
        return self.root / "current"

    @property
    def shared(self) -> Path:
        return self.root / "shared"

    def pid_file(self, instance: Instance) -> Path:
        return self.shared / "run" / f"{instance.name}.pid"


def demo_home(home: Path) -> Path:
    return home.resolve() / "demo"


def repository(home: Path) -> Path:
    return demo_home(home) / "repository"


def environments(home: Path, port: int) -> tuple[Environment, Environment]:
    """Return staging and production, their ports counted from the dashboard's."""
    staging = (Instance("web-1", port + 101), Instance("web-2", port + 102))
    production = (Instance("web-1", port + 111), Instance("web-2", port + 112))
    root = demo_home(home)
    return (
        Environment("staging", root / "staging", port + 100, staging),
        Environment("production", root / "production", port + 110, production),
    )


def write_environment(environment: Environment) -> None:
    """Write the file that the archive, its purge command and the deploy command read."""
    known = {
        "name": environment.name,
        "https": False,
        "edge": {"host": "127.0.0.1", "port": environment.edge},
        "instances": [{"name": instance.name, "port": instance.port} for instance in environment.instances],
    }
    write_whole(environment.shared / "environment.json", json.dumps(known, indent=2) + "\n")


def read_environment(home: Path, name: str) -> Environment:
    """Read an environment back. Raises FileNotFoundError where the demo was never prepared or has no such name."""
    root = demo_home(home) / name
    known = json.loads((root / "shared/environment.json").read_text(encoding="utf-8"))
    instances = tuple(Instance(each["name"], each["port"]) for each in known["instances"])
    return Environment(known["name"], root, known["edge"]["port"], instances)


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=mode)
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
