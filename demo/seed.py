"""Make the demo's releases by really making them: register, deploy, measure.

    python -m demo.seed --url http://127.0.0.1:8000 --home var

Reports like any pipeline, through Rollbook's JSON API, and runs the real deploy command. Safe to start again: each
call carries the same Idempotency-Key each time, and a deployment that has finished is not made twice. Ends with 0 when
all is made or when a person stepped in (a freeze), 1 when something failed and starting again may help.
"""

import argparse
import fcntl
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

from demo.places import PROJECT, demo_home, write_whole
from demo.story import RELEASES, STEPS, Release, Step

SERVICE = "archive"
UNTIL_UP = 120.0
"""Seconds to wait for Rollbook itself."""
UNTIL_SETTLED = 180.0
"""Seconds to wait for one checklist."""
BASELINE = 60
"""Seconds that Rollbook may hold the report of a start until the baseline was measured."""
BETWEEN_LOOKS = 0.5
"""Seconds between two looks at a checklist."""

Json = dict[str, Any]


class SeedFailed(Exception):
    """One sentence; starting again may help."""


class SteppedIn(Exception):
    """A person froze an environment or marked a release; the story ends here."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.seed", description="Make the demo's releases.")
    parser.add_argument("--url", required=True, help="Rollbook's own address")
    parser.add_argument("--home", type=Path, required=True, help="ROLLBOOK_HOME")
    asked = parser.parse_args(arguments)
    home = asked.home.resolve()
    with (demo_home(home) / "seed.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("The demo's releases are being made already.")
            return 0
        progress = Progress(demo_home(home) / "seed.json", len(STEPS))
        try:
            token = (demo_home(home) / "token").read_text(encoding="ascii").strip()
            with Rollbook(asked.url, token) as rollbook:
                rollbook.wait_until_up()
                make(rollbook, home, progress, RELEASES, STEPS)
        except SteppedIn as reason:
            progress.end(f"The demo's remaining releases are left out: {reason}")
        except (SeedFailed, httpx.HTTPError, OSError) as problem:
            progress.say(f"The demo's releases are not complete: {problem}")
            return 1
    return 0


class Term:
    """Ends this process by an exception, so that everything begun is cleaned up, but not while a child is born."""

    def __init__(self) -> None:
        self._held = self._came = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        self._came = True
        if not self._held:
            self.end_if_it_came()

    def end_if_it_came(self) -> None:
        if self._came:
            sys.exit(128 + signal.SIGTERM)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        self._held = True
        yield
        self._held = False


TERM = Term()


class Progress:
    """Says how far it is: on the terminal, and in a file for the dashboard."""

    def __init__(self, file: Path, of: int) -> None:
        self._file, self._of, self._step = file, of, 0

    def begin(self, step: int, text: str) -> None:
        self._step = step
        self.say(text)

    def say(self, text: str, *, done: bool = False) -> None:
        print(f"{self._step} of {self._of}: {text}", flush=True)
        write_whole(self._file, json.dumps({"step": self._step, "of": self._of, "text": text, "done": done}) + "\n")

    def end(self, text: str) -> None:
        self.say(text, done=True)


@dataclass(slots=True)
class Reply:
    status: int
    body: Json


class Rollbook:
    """Rollbook's JSON API, as a pipeline uses it."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=BASELINE + 15, trust_env=False
        )

    def __enter__(self) -> "Rollbook":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def wait_until_up(self) -> None:
        end = time.monotonic() + UNTIL_UP
        while True:
            try:
                if self._client.get("/healthz", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            if time.monotonic() > end:
                raise SeedFailed(f"{self._client.base_url} did not answer within {UNTIL_UP:.0f} s.")
            time.sleep(BETWEEN_LOOKS)

    def register(self, release: Release) -> None:
        reply = self._post(f"release {release.version}", "releases", {"service": SERVICE, **asdict(release)})
        if reply.status not in (201, 409):  # 409: somebody registered this version by hand
            raise SeedFailed(_sentence(reply))

    def start(self, step: Step) -> Json:
        given = {"service": SERVICE, "environment": step.environment, "version": step.version, "wait": BASELINE}
        reply = self._post(f"start {step.environment} {step.version}", "deployments", given)
        if reply.status == 409:
            raise SteppedIn(_sentence(reply))
        if reply.status != 202:
            raise SeedFailed(_sentence(reply))
        return reply.body

    def finish(self, step: Step, number: int, *, succeeded: bool) -> None:
        key = f"finish {step.environment} {step.version} {succeeded}"
        reply = self._post(key, f"deployments/{number}/finish", {"succeeded": succeeded})
        if reply.status != 200:
            raise SeedFailed(_sentence(reply))

    def deployment(self, number: int) -> Json:
        reply = self._read(self._client.get(f"/api/v1/deployments/{number}"))
        if reply.status != 200:
            raise SeedFailed(_sentence(reply))
        return reply.body

    def _post(self, key: str, path: str, body: Json) -> Reply:
        headers = {"Idempotency-Key": f"demo {key}"}
        return self._read(self._client.post(f"/api/v1/{path}", json=body, headers=headers))

    def _read(self, response: httpx.Response) -> Reply:
        try:
            body = response.json()
        except ValueError:
            body = {}
        return Reply(response.status_code, body if isinstance(body, dict) else {})


def make(
    rollbook: Rollbook, home: Path, progress: Progress, releases: Sequence[Release], steps: Sequence[Step]
) -> None:
    """Make every step of the story that is not made yet. Raises SteppedIn, SeedFailed or httpx.HTTPError."""
    by_version = {release.version: release for release in releases}
    for number, step in enumerate(steps, 1):
        place = f"{step.version} in {step.environment}"
        progress.begin(number, f"{place}: measuring before the change")
        rollbook.register(by_version[step.version])
        started = rollbook.start(step)
        id = int(str(started["id"]).rpartition("-")[2])
        if started["status"] == "started":
            progress.say(f"{place}: deploying")
            succeeded = deploy(home, step)
            rollbook.finish(step, id, succeeded=succeeded)
        settled = wait_until_settled(rollbook, id, progress, place)
        progress.say(f"{place}: {settled.get('verdict') or 'no verdict'}")
    progress.end("All releases of the demo are made.")


def deploy(home: Path, step: Step) -> bool:
    """Run the real deploy command; ended with this process."""
    command = ["bin/deploy", f"--home={home}", f"--environment={step.environment}", f"--version={step.version}"]
    with TERM.held_back():
        running = subprocess.Popen(command, cwd=PROJECT / "demo", stdin=subprocess.DEVNULL)
    try:
        TERM.end_if_it_came()
        return running.wait(timeout=120) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if running.poll() is None:
            running.terminate()
            running.wait()


def wait_until_settled(rollbook: Rollbook, id: int, progress: Progress, place: str) -> Json:
    """Return the deployment once its checklist has a verdict, or as it is when that takes too long."""
    end, shown = time.monotonic() + UNTIL_SETTLED, ""
    while True:
        deployment = rollbook.deployment(id)
        checklist = deployment.get("checklist") or {}
        if checklist.get("status") == "done" or time.monotonic() > end:
            return deployment
        text = f"{place}: measured {checklist.get('done', 0)} of {checklist.get('total', '?')}"
        if text != shown:
            progress.say(text)
            shown = text
        time.sleep(BETWEEN_LOOKS)


def _sentence(reply: Reply) -> str:
    return str(reply.body.get("detail") or f"Rollbook answered {reply.status}.")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, TERM.handle)
    sys.exit(main())
