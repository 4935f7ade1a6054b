"""The demo's releases are made by really making them. Rollbook itself is played by a server on a socket."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo import seed
from demo.places import PROJECT, demo_home
from demo.story import RELEASES, STEPS, Step
from tests.demo.running import Production, until

pytestmark = pytest.mark.once

STORY = (Step("production", "2026.11.1"), Step("production", "2026.11.2"))


class Played:
    """Rollbook's API as a pipeline sees it: idempotent by key, checklists that settle at the second look."""

    def __init__(self) -> None:
        self.refusal: dict[str, Any] | None = None
        self.calls: list[str] = []
        self.authorization: set[str] = set()
        self.deployments: list[dict[str, Any]] = []
        self._kept: dict[str, tuple[int, Any]] = {}
        played = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/healthz":
                    self.answer(200, {})
                else:
                    deployment = played.deployments[int(self.path.rpartition("/")[2]) - 1]
                    if deployment["checklist"]:
                        deployment["checklist"]["looks"] += 1
                        if deployment["checklist"]["looks"] > 1:
                            deployment["checklist"]["status"], deployment["verdict"] = "done", "pass"
                    self.answer(200, deployment)

            def do_POST(self) -> None:
                given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                played.authorization.add(self.headers["Authorization"])
                self.answer(*played.once(self.headers["Idempotency-Key"], self.path, given))

            def answer(self, status: int, body: Any) -> None:
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def once(self, key: str, path: str, given: dict[str, Any]) -> tuple[int, Any]:
        if key not in self._kept:
            self._kept[key] = self._make(path.removeprefix("/api/v1/"), given)
        return self._kept[key]

    def _make(self, what: str, given: dict[str, Any]) -> tuple[int, Any]:
        if what == "releases":
            assert {"service", "version", "owner", "expected_result", "rollback_note"} <= set(given)
            self.calls.append(f"register {given['version']}")
            return 201, {"id": f"R-{len(self.calls)}"}
        if what == "deployments":
            if self.refusal:
                return 409, self.refusal
            self.calls.append(f"start {given['environment']} {given['version']}")
            made = {"id": f"D-{len(self.deployments) + 1}", "status": "started", "verdict": None, "checklist": None}
            self.deployments.append(made)
            return 202, made
        number = int(what.split("/")[1])
        self.calls.append(f"finish D-{number} {given['succeeded']}")
        self.deployments[number - 1].update(
            status="finished", checklist={"status": "running", "done": 3, "total": 6, "looks": 0}
        )
        return 200, self.deployments[number - 1]


@pytest.fixture
def rollbook() -> Iterator[Played]:
    played = Played()
    thread = threading.Thread(target=played.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield played
    played.server.shutdown()
    thread.join()
    played.server.server_close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with nothing in it but the token."""
    demo_home(tmp_path).mkdir()
    (demo_home(tmp_path) / "token").write_text("t0ken\n")
    return tmp_path


def told(home: Path) -> dict[str, Any]:
    file = demo_home(home) / "seed.json"
    said: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"text": ""}
    return said


def make(rollbook: Played, production: Production, file: Path) -> None:
    with seed.Rollbook(rollbook.url, "t0ken") as client:
        seed.make(client, production.home, seed.Progress(file, len(STORY)), RELEASES, STORY)


def test_releases_are_made_by_the_real_command_and_never_twice(
    production: Production, rollbook: Played, tmp_path: Path
) -> None:
    production.serve("2026.11.6")
    make(rollbook, production, tmp_path / "seed.json")
    assert httpx.get(f"{production.environment.url}/version").json()["version"] == "2026.11.2"
    assert rollbook.calls == [
        *("register 2026.11.1", "start production 2026.11.1", "finish D-1 True"),
        *("register 2026.11.2", "start production 2026.11.2", "finish D-2 True"),
    ]
    assert rollbook.authorization == {"Bearer t0ken"}
    said = json.loads((tmp_path / "seed.json").read_text())
    assert said == {"step": 2, "of": 2, "text": "All releases of the demo are made.", "done": True}

    production.serve("2026.11.6")  # a person has deployed something else meanwhile
    calls = list(rollbook.calls)
    make(rollbook, production, tmp_path / "seed.json")
    assert rollbook.calls == calls
    assert httpx.get(f"{production.environment.url}/version").json()["version"] == "2026.11.6"


def test_a_deployment_that_was_cut_off_is_completed(production: Production, rollbook: Played, tmp_path: Path) -> None:
    rollbook.once(
        "demo start production 2026.11.1", "/api/v1/deployments", {"environment": "production", "version": "2026.11.1"}
    )
    make(rollbook, production, tmp_path / "seed.json")
    assert rollbook.calls.count("start production 2026.11.1") == 1
    assert "finish D-1 True" in rollbook.calls


def test_a_failed_deploy_is_reported_as_failed(rollbook: Played, home: Path) -> None:
    with seed.Rollbook(rollbook.url, "t0ken") as client:
        seed.make(client, home, seed.Progress(home / "seed.json", 1), RELEASES, STORY[:1])
    assert rollbook.calls[-1] == "finish D-1 False"


def test_a_freeze_ends_the_story_and_says_why(rollbook: Played, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rollbook.refusal = {"detail": "archive/production is frozen by Cho."}
    assert seed.main(["--url", rollbook.url, "--home", str(home)]) == 0
    assert told(home)["text"] == "The demo's remaining releases are left out: archive/production is frozen by Cho."
    assert told(home)["done"] is True


def test_without_rollbook_it_says_so_and_can_be_started_again(
    rollbook: Played, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seed, "UNTIL_UP", 0.0)
    assert seed.main(["--url", "http://127.0.0.1:9/", "--home", str(home)]) == 1
    assert "did not answer" in told(home)["text"]
    assert told(home)["done"] is False


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_ends_on_term_and_takes_its_deploy_with_it(production: Production, rollbook: Played) -> None:
    production.serve("2026.11.2")
    (demo_home(production.home) / "token").write_text("t0ken\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.seed", "--url", rollbook.url, "--home", str(production.home)],
        cwd=PROJECT,
        start_new_session=True,
    )
    until(lambda: told(production.home)["text"].endswith("deploying"), "the deploy to begin")
    process.terminate()
    assert process.wait(10) == 128 + signal.SIGTERM
    until(lambda: not group_lives(process.pid), "the last of its processes to end", seconds=5)


def test_the_story_has_few_releases_and_ends_with_the_leak_in_production() -> None:
    assert len(RELEASES) <= 6
    assert STEPS[-1] == Step("production", "2026.11.4")
    assert {step.version for step in STEPS} == {release.version for release in RELEASES}
