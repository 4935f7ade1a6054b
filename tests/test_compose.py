"""The container files, without a container engine: checked as data, and their very commands run as plain processes."""

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from config.embedded import place, programs
from demo.launch import prepare
from tests.rig.brokers import Broker
from tests.rig.ports import free_block, free_port
from tests.rig.postgres import PostgresServer
from tests.rig.processes import ROOT, bare_environment, end_of, run_process
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.once

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
ONE_SHOT = {"migrate", "sync-catalogue"}
CATALOGUE = "/etc/rollbook/catalogue.toml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OFFSETS = [*place.PORTS, *place.DEMO_PORTS]


# --- As data ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_one_that_rollbook_reads(name: str) -> None:
    """A misspelt name would silently leave the default in force."""
    readers = "".join((ROOT / path).read_text() for path in ("config/settings.py", "config/embedded/place.py"))
    for variable in SERVICES[name]["environment"]:
        assert f'"{variable.removesuffix("_FILE")}"' in readers, variable


def test_the_image_sets_only_variables_that_rollbook_reads() -> None:
    settings = (ROOT / "config/settings.py").read_text()
    names = set(re.findall(r"\b(ROLLBOOK_[A-Z_]+)=", DOCKERFILE))
    assert names >= {"ROLLBOOK_HOME", "ROLLBOOK_STATIC_ROOT"}
    assert {name for name in names if f'"{name}"' not in settings} == set()


@pytest.mark.parametrize(
    "image", [*(each["image"] for each in SERVICES.values()), *re.findall(r"(?m)^FROM (\S+:\S+)", DOCKERFILE)]
)
def test_every_image_is_pinned_to_a_tag(image: str) -> None:
    assert re.fullmatch(r"[a-z-]+:\d[\w.-]*", image)


def test_the_web_command_is_the_launchers() -> None:
    command = ["python", *programs.web_command("0.0.0.0:8000", workers=2)[1:]]
    assert SERVICES["web"]["command"] == command
    # The image's own default, for those who run it without compose.
    assert re.findall(r'"([^"]+)"', DOCKERFILE.rpartition("CMD")[2]) == command


def test_the_demo_profile_starts_the_launcher_with_varnish() -> None:
    """The story in `browser/` runs that, on PostgreSQL and Redis."""
    assert SERVICES["demo"]["command"] == ["python", "-m", "config.embedded"]
    assert SERVICES["demo"]["environment"]["ROLLBOOK_DEMO_CACHE"] == "varnish"


def test_workers_and_sweep_run_the_launchers_commands(tmp_path: Path) -> None:
    started = programs.rollbook_programs(place.read_place({}), tmp_path / "catalogue.toml")
    launched = {
        each.name: ["python", *(Path(part).name for part in each.argv[1:2]), *each.argv[2:]] for each in started
    }
    composed = {"act": "worker-act", "probe": "worker-probe", "sweep": "sweep", "tell": "tell"}
    for name, service in composed.items():
        assert SERVICES[service]["command"] == launched[name]


def test_no_secret_stands_in_a_file_that_is_committed() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|DATABASE_URL", variable):
                assert value.startswith("/run/secrets/"), variable
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    assert all(secret["file"].startswith("var/") for secret in COMPOSE["secrets"].values())
    assert "var/" in (ROOT / ".gitignore").read_text().split()
    assert (ROOT / ".dockerignore").read_text().split("\n")[1] == "*"


def test_redis_never_evicts_and_survives_a_restart() -> None:
    command = SERVICES["redis"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT - {"sweep", "tell"}))
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", ["worker-act", "worker-probe", "sweep", "tell", "sync-catalogue"])
def test_whoever_acts_sees_the_catalogue_and_the_same_locks(name: str) -> None:
    catalogue, home = SERVICES[name]["volumes"]
    assert catalogue["target"] == SERVICES[name]["environment"]["ROLLBOOK_CATALOGUE"] == CATALOGUE
    assert home == "home:/var/lib/rollbook"


def test_the_web_never_sees_the_catalogue() -> None:
    assert "volumes" not in SERVICES["web"]
    assert "ROLLBOOK_CATALOGUE" not in SERVICES["web"]["environment"]


@pytest.mark.parametrize("name", sorted(set(OURS) - {"demo"}))
def test_our_containers_have_no_rights_they_do_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert DOCKERFILE.count("\nUSER rollbook\n") == 2


def test_ports_are_published_on_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_what_is_copied_into_the_image_is_let_through_to_the_builder() -> None:
    copied = set(re.findall(r"(?m)^COPY (\S+) ", DOCKERFILE))
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)


# --- As processes -----------------------------------------------------------------------------------------------------


class Composed:
    """The services as plain processes: their commands and variables, with this machine's addresses put in."""

    def __init__(self, folder: Path, database_url: str, redis_url: str) -> None:
        self.folder, self.port = folder, free_port()
        self.home, self.secrets = folder / "home", folder / "secrets"
        self.secrets.mkdir()
        (self.home / "static").mkdir(parents=True)
        (self.secrets / "secret_key").write_text("a key for this test only")
        (self.secrets / "database_url").write_text(database_url)
        self.prepared = prepare(self.home, free_block(OFFSETS))
        self.database_url = database_url
        self._here = {
            "0.0.0.0:8000": f"127.0.0.1:{self.port}",
            "http://127.0.0.1:8000": f"http://127.0.0.1:{self.port}",
            "redis://redis:6379/0": redis_url,
            "/run/secrets": str(self.secrets),
            CATALOGUE: str(self.prepared.catalogue),
        }

    def argv(self, command: list[str]) -> list[str]:
        assert command[0] == "python"
        return [sys.executable, *(self._put_in(part) for part in command[1:])]

    def environment(self, name: str) -> dict[str, str]:
        given = SERVICES[name]["environment"]
        return bare_environment() | {"ROLLBOOK_HOME": str(self.home)} | {key: self._put_in(given[key]) for key in given}

    def once(self, name: str, *command: str) -> str:
        done = subprocess.run(
            self.argv(list(command) or SERVICES[name]["command"]),
            env=self.environment(name),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def healthy(self, name: str) -> bool:
        argv = self.argv(SERVICES[name]["healthcheck"]["test"][1:])
        return subprocess.run(argv, env=self.environment(name), cwd=ROOT, timeout=30).returncode == 0

    def count(self, query: str) -> int:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(query).fetchone()  # type: ignore[call-overload]
            return int(row[0])

    def _put_in(self, text: str) -> str:
        # `${NAME:-default}` is what compose itself fills in.
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        for there, here in self._here.items():
            text = text.replace(there, here)
        return text


@pytest.fixture
def composed(tmp_path: Path, postgres_server: PostgresServer, redis_server: Broker) -> Composed:
    with redis_server.client() as client:
        client.flushall()
    return Composed(tmp_path, postgres_server.create_database("composed"), redis_server.url)


def test_the_same_commands_make_a_working_rollbook(composed: Composed) -> None:
    """On PostgreSQL and Redis: the web answers, and a deployment reported to it is measured by the workers."""
    composed.once("migrate")
    assert "archive" in composed.once("sync-catalogue")
    with ExitStack() as stack:
        logs = {name: composed.folder / f"{name}.log" for name in ("web", "worker-act", "worker-probe", "sweep")}
        for name, log in logs.items():
            argv = composed.argv(SERVICES[name]["command"])
            stack.enter_context(run_process(argv, composed.environment(name), log))
        for name in ("web", "worker-act", "worker-probe"):
            wait_until(lambda name=name: composed.healthy(name), 60, f"{name} is healthy\n{end_of(logs[name])}")  # type: ignore[misc]

        def eventually(query: str, what: str) -> None:
            said: Callable[[], str] = lambda: what + "".join(f"\n{name}: {end_of(log)}" for name, log in logs.items())  # noqa: E731
            wait_until(lambda: composed.count(query), 60, said)

        report = ["from django.core.management import call_command as call"]
        details = "owner='Ana', expected_result='Faster lists.', rollback_note='Safe, no migration.'"
        for number, version in enumerate(("2026.11.1", "2026.11.2"), start=1):
            report += [
                f"call('register_release', 'archive', '{version}', {details})",
                f"call('start_deployment', 'archive', 'production', '{version}')",
                f"call('finish_deployment', 'D-{number}')",
            ]
        composed.once("worker-act", "python", "manage.py", "shell", "-c", "\n".join(report))
        eventually("SELECT count(*) FROM releases_renderedcommand", "the act worker rendered the way back")
        eventually(
            "SELECT count(*) FROM releases_checklistrun WHERE purpose = 'verify' AND verdict <> ''",
            "the probe worker measured the deployment",
        )
