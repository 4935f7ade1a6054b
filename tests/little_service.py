"""A little service for tests: two instances that serve the version written in a file, and a command that writes it."""

import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

SWITCH = """
import json, os, pathlib, subprocess, sys, time
version, file = sys.argv[1].removeprefix("--version="), pathlib.Path(sys.argv[2])
effects = file.parent / "effects"
def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
def tell(what, **more):
    mark = os.environ.get("ROLLBOOK_EXECUTION", "")
    line = {"what": what, "mark": mark, "version": version, "pid": os.getpid(), "at": time.monotonic()} | more
    with effects.open("a") as lines:
        lines.write(json.dumps(line) + "\\n")
begun = {}
for line in effects.read_text().splitlines() if effects.exists() else []:
    known = json.loads(line)
    begun[known["pid"]] = known["what"] == "start"
tell("start", beside=[pid for pid, at_work in begun.items() if at_work and alive(pid)])
print("switching to", version, flush=True)
if "ARCHIVE_TOKEN" in os.environ:
    print("with the token", os.environ["ARCHIVE_TOKEN"], flush=True)
if (wait := file.parent / "wait").exists():
    deadline = time.monotonic() + 30
    while wait.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
if not (file.parent / "useless").exists():
    file.write_text(version)
(file.parent / "ran").open("a").write(version + "\\n")
if (leave := file.parent / "leave").exists() and leave.read_text() == version:
    left = subprocess.Popen(["sleep", "60"], close_fds=False, start_new_session=True)
    (file.parent / "left").write_text(str(left.pid))
tell("end")
sys.exit(int((file.parent / "exit").read_text()) if (file.parent / "exit").exists() else 0)
"""

CATALOGUE = """
[services.archive]
title = "Article archive"
team = "Web team"
contact = "#web-oncall"

[services.archive.commands.rollback]
argv = ["{python}", "{switch}", "--version={{version}}", "{file}"]
directory = "{home}"
timeout = 60
grace = 1
{environment}

[services.archive.environments.production]
production = true
base_url = "{url}"
instances = [{{ name = "web-1", url = "{url}" }}, {{ name = "web-2", url = "{url}" }}]
allow_private = true
purging = {{ method = "PURGE" }}

[services.archive.checklist.serving_version]
path = "/version"
"""


@dataclass
class LittleService:
    """A service of two instances that serve the version written in a file, and a command that writes it."""

    home: Path
    server: HTTPServer
    purged: list[str] = field(default_factory=list)
    refuses_purge: bool = False
    open: threading.Event = field(default_factory=threading.Event)

    @property
    def catalogue(self) -> Path:
        return self.home / "catalogue.toml"

    @property
    def version(self) -> str:
        return (self.home / "version").read_text()

    @version.setter
    def version(self, value: str) -> None:
        (self.home / "version").write_text(value)

    @property
    def ran(self) -> list[str]:
        """Versions to which the command was run, one entry per run."""
        file = self.home / "ran"
        return file.read_text().split() if file.exists() else []

    @property
    def effects(self) -> Path:
        """What the command itself wrote about its runs: a line of JSON when it begins, and one when it ends."""
        return self.home / "effects"

    def hold(self) -> None:
        """Keep everybody who asks for the version waiting until `let_go`."""
        self.open.clear()

    def let_go(self) -> None:
        self.open.set()

    def leave_a_process(self, version: str) -> None:
        """Have the command that switches to a version leave a process in a session of its own, which holds the lock."""
        (self.home / "leave").write_text(version)

    def end_what_was_left(self) -> None:
        if (left := self.home / "left").exists():
            os.kill(int(left.read_text()), signal.SIGKILL)
            left.unlink()

    def answer(self, request: Request) -> Response:
        if request.method == "PURGE":
            if self.refuses_purge:
                return Response("not allowed", status=405)
            self.purged.append(request.path)
            return Response("purged")
        self.open.wait(timeout=60)
        return Response(json.dumps({"version": self.version}), content_type="application/json")


def start_little_service(
    home: Path, server: HTTPServer, version: str = "2026.11.4", passes: Sequence[str] = ()
) -> LittleService:
    """Write the service's command and catalogue file into `home`, and have the server answer for it.

    `passes` names variables that the command gets from the worker; it prints ARCHIVE_TOKEN, as careless commands do.
    """
    service = LittleService(home, server)
    service.version = version
    service.let_go()
    server.expect_request("/version").respond_with_handler(service.answer)
    server.expect_request("/articles").respond_with_handler(service.answer)
    switch = home / "switch.py"
    switch.write_text(SWITCH)
    service.catalogue.write_text(
        CATALOGUE.format(
            python=sys.executable,
            switch=switch,
            file=home / "version",
            home=home,
            url=server.url_for("").rstrip("/"),
            environment=f"environment = {json.dumps(list(passes))}" if passes else "",
        )
    )
    return service
