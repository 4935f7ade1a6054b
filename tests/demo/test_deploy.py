"""The deploy command, on running instances."""

import fcntl
import os
import re
import subprocess
import sys
import threading
import time

import httpx
import pytest

from demo import deploying
from demo.deploying import living_pid, served_version
from demo.places import PROJECT
from tests.demo.running import Production

pytestmark = pytest.mark.once


class Readers(threading.Thread):
    """Reads past the cache, on and on, and keeps every answer."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url, self.ending = url, threading.Event()
        self.seen: list[tuple[int, str]] = []

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=10, trust_env=False) as client:
            number = 0
            while not self.ending.wait(0.005):
                number += 1
                page = client.get(f"/articles/library-json?reader={number}")
                version = client.get("/version")
                self.seen.append((page.status_code, ""))
                self.seen.append((version.status_code, version.json().get("version", "")))


def test_a_deploy_switches_without_a_failed_request(production: Production) -> None:
    production.serve("2026.11.1")
    readers = Readers(production.environment.url)
    readers.start()
    done = production.deploy("2026.11.2")
    readers.ending.set()
    readers.join()
    assert done.returncode == 0, done.stderr
    assert {status for status, _ in readers.seen} == {200}
    assert {version for _, version in readers.seen if version} == {"2026.11.1", "2026.11.2"}
    for instance in production.environment.instances:
        assert httpx.get(f"{instance.url}/version").json()["version"] == "2026.11.2"
    assert done.stdout.splitlines()[-1] == "production serves 2026.11.2"


def test_going_back_is_the_same_command(production: Production) -> None:
    production.serve("2026.11.2")
    assert production.deploy("2026.11.1").returncode == 0
    assert httpx.get(f"{production.environment.url}/version").json()["version"] == "2026.11.1"
    assert production.environment.current.resolve().name.startswith("2026.11.1-")


@pytest.mark.parametrize("version", ["2026.11.99", "HEAD", "main", "../2026.11.1", "2026.11.1^{tree}", "$(id)"])
def test_an_unknown_version_changes_nothing(production: Production, version: str) -> None:
    """C20"""
    before = production.environment.current.readlink()
    done = production.deploy(version)
    assert done.returncode == 2
    assert re.fullmatch(r"There is no version .*; there are 2026\.11\.1, .*\n", done.stderr)
    assert production.environment.current.readlink() == before


def test_an_environment_that_was_never_prepared_is_refused(production: Production) -> None:
    done = subprocess.run(
        ["bin/deploy", "--home=/nonexistent", "--environment=staging", "--version=2026.11.1"],
        cwd=PROJECT / "demo",
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 2
    assert done.stderr == "There is no staging under /nonexistent: start the demo once.\n"


def test_two_deploys_of_one_environment_never_run_beside_each_other(production: Production) -> None:
    before = production.environment.current.readlink()
    with (production.environment.shared / "deploy.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = production.deploy("2026.11.6")
    assert done.returncode == 3
    assert done.stderr.startswith("Another deploy to production is running")
    assert production.environment.current.readlink() == before


def test_an_instance_that_does_not_come_in_time_is_named(production: Production) -> None:
    """B41: and the same command again completes what was begun."""
    production.serve("2026.11.1")
    done = production.deploy("2026.11.2", "--deadline=0")
    assert done.returncode == 1
    assert re.match(r"web-1 (does not answer|serves 2026\.11\.1), expected 2026\.11\.2\.", done.stderr)
    assert done.stderr.endswith(" `current` points to 2026.11.2 already.\n")
    production.serve("2026.11.2")


def test_a_checkout_that_was_cut_off_is_made_again(production: Production) -> None:
    releases = production.environment.releases
    cut_off = releases / ".unfinished-2026.11.6-0000000000"
    cut_off.mkdir()
    production.serve("2026.11.6")
    assert not cut_off.exists()
    assert (production.environment.current / "VERSION").read_text() == "2026.11.6\n"


def test_a_deploy_leaves_no_process_of_its_own(production: Production) -> None:
    """B35"""
    command = [sys.executable, "demo/bin/deploy", f"--home={production.home}", "--environment=production"]
    process = subprocess.Popen(
        [*command, "--version=2026.11.2"], cwd=PROJECT, start_new_session=True, stdout=subprocess.DEVNULL
    )
    assert process.wait(60) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_stale_process_id_is_not_signalled(production: Production) -> None:
    """A pid file left behind may name anybody by now; only a locked one is believed."""
    instance = production.environment.instances[0]
    held = production.environment.pid_file(instance)
    stale = held.with_name("stale.pid")
    stale.write_text(f"{os.getpid()}\n")
    assert living_pid(stale) is None
    assert living_pid(held) == production.supervisor.pid("production-web-1")


def test_an_instance_that_was_starting_when_the_version_was_switched_is_started_again(
    production: Production, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A deploy that was stopped halfway leaves an instance between two processes; the next one must not wait for it."""
    production.serve("2026.11.1")
    place, instance = production.environment, production.environment.instances[0]
    deploying.switch(place, deploying.check_out(production.home, place, "2026.11.2", find(production, "2026.11.2")))
    first_looks = [None]  # between two processes nobody holds the file
    really = deploying.living_pid
    monkeypatch.setattr(deploying, "living_pid", lambda file: first_looks.pop() if first_looks else really(file))
    deploying.restart(place, instance, "2026.11.2", time.monotonic() + 20)
    assert "came up with another version: TERM to process" in capsys.readouterr().out
    assert served_version(instance) == "2026.11.2"
    monkeypatch.undo()
    production.serve("2026.11.1")


def find(production: Production, version: str) -> str:
    return deploying.find_commit(production.home, version)
