"""One drill: the story with real processes, somebody who presses, somebody who only looks, and the judge at the end."""

import os
import signal
import threading
import time
from dataclasses import dataclass

import httpx
from redis import Redis

from releases.models import Environment, Rollback
from tests.drills.checker import broken_rules, during_the_fault, p95
from tests.drills.facts import read_facts
from tests.drills.log import FILE, Click, Happened, Log, Look, Told, read
from tests.integration.conftest import Story
from tests.integration.stack import Person, Stack, ended
from tests.little_service import LittleService
from tests.rig.waiting import wait_until

SECRET = "hunter2-planted-4f1c9b7e"
"""Given to every command, which prints it."""
LOOK_SECONDS = 0.2
"""Pause between two looks at the pages."""


@dataclass
class Drill:
    story: Story
    kind: str
    """`servers`: PostgreSQL and Redis; `embedded`: SQLite and the embedded broker."""
    log: Log
    watcher: "Watcher | None" = None
    cho: Person | None = None

    @property
    def stack(self) -> Stack:
        return self.story.stack

    @property
    def service(self) -> LittleService:
        return self.story.service

    @property
    def place(self) -> Environment:
        return self.story.place

    def start(self, *roles: str) -> None:
        """Start broker, web, sweep and the workers of these roles, and open the confirm page and the eyes."""
        self.stack.start_broker()
        self.stack.start_web()
        for role in roles:
            self.stack.start_worker(role)
        self.stack.start_sweep()
        self.look_on()

    def look_on(self) -> None:
        """Open the confirm page, as on-call would have it open, and begin to look at pages. Web must be up."""
        self.cho = self.story.cho_in_the_browser()
        self.watcher = Watcher(self.story.cho_in_the_browser(), self.log)
        self.watcher.start()

    def form(self) -> dict[str, str]:
        """Open the confirm page and return what its form would send, its key included."""
        assert self.cho is not None, "look_on first"
        return self.cho.confirm_page(self.place)

    def press(self, form: dict[str, str] | None = None) -> Click:
        """Press the button, keep what answered, and have the page of the rollback looked at."""
        assert self.cho is not None, "look_on first"
        return self.press_as(self.cho, form or self.form())

    def press_as(self, person: Person, form: dict[str, str]) -> Click:
        sent = time.monotonic()
        try:
            answer = person.press(self.place, form)
        except httpx.HTTPError:
            click = Click(form["key"], sent, time.monotonic(), None)
        else:
            led_to = answer.headers.get("location", "").rpartition("/")[2] if answer.status_code == 303 else ""
            click = Click(
                form["key"], sent, time.monotonic(), answer.status_code, int(led_to) if led_to.isdigit() else None
            )
        self.log.write(click)
        if click.rollback is not None:
            self.watch(click.rollback)
        return click

    def pressed(self, form: dict[str, str] | None = None) -> Rollback:
        """Press, and return the rollback that the answer led to."""
        click = self.press(form)
        assert click.status == 303, f"the press was answered with {click.status}"
        return Rollback.objects.get(pk=click.rollback)

    def pressed_and_at_work(self) -> Rollback:
        """Press, and wait until the command has begun; it then waits for `let_command_go`."""
        self.hold_command()
        before = len(self.starts())
        rollback = self.pressed()
        wait_until(lambda: len(self.starts()) > before, 30, "the command begins")
        return rollback

    def cancel(self, rollback: Rollback) -> bool:
        """Press Cancel on the rollback's page; whether that was answered."""
        assert self.cho is not None, "look_on first"
        page = f"/rollbacks/{rollback.pk}"
        return self.cho.post(f"{page}/cancel", page).status_code == 303

    def wait_until_page_says(self, rollback: Rollback, sentence: str, seconds: float = 60) -> None:
        """Wait until the page of a rollback holds a sentence."""
        cho = self.cho
        assert cho is not None, "look_on first"
        wait_until(lambda: sentence in cho.get(f"/rollbacks/{rollback.pk}").text, seconds, f"the page says {sentence}")

    @property
    def broker_url(self) -> str:
        return f"redis://127.0.0.1:{self.stack.broker_port}/0"

    def broker_client(self) -> Redis:
        """A client of the broker itself, past every proxy."""
        return Redis.from_url(self.broker_url, socket_timeout=10, socket_connect_timeout=2)

    def flush_broker(self) -> None:
        with self.broker_client() as client:
            client.flushall()

    def watch(self, rollback: int) -> None:
        """Have the page of a rollback looked at from now on."""
        if self.watcher is not None:
            self.watcher.rollbacks.add(rollback)

    def hold_command(self) -> None:
        (self.service.home / "wait").touch()

    def let_command_go(self) -> None:
        (self.service.home / "wait").unlink(missing_ok=True)

    def kill_worker(self, role: str = "act") -> None:
        """End a worker and its pool at once, as when its machine's memory is gone; its commands live on."""
        for pid in [self.stack.processes[role].pid, *self.stack.children(role)]:
            os.kill(pid, signal.SIGKILL)
        self.stack.processes[role].wait(timeout=20)

    def has_taken(self, task: str, role: str = "act") -> bool:
        """Whether a worker's log says that it received a task."""
        return f"Task releases.tasks.{task}[" in (self.stack.home / f"{role}.log").read_text()

    def starts(self) -> list[int]:
        """Return the process ids of the commands that have begun."""
        return [effect.pid for effect in self._happened().effects if effect.what == "start"]

    def ends(self) -> list[int]:
        """Return the process ids of the commands that have come to their own end."""
        return [effect.pid for effect in self._happened().effects if effect.what == "end"]

    def said(self, rollback: Rollback) -> list[str]:
        """Return what the page of a rollback said, in order, each change once."""
        return [told.word for told in self._happened().told if told.rollback == rollback.pk]

    def wait_until_said(self, rollback: Rollback, word: str, seconds: float = 60) -> None:
        wait_until(lambda: word in self.said(rollback), seconds, lambda: f"{word!r} among {self.said(rollback)}")

    def ended(self, rollback: Rollback, seconds: float = 60) -> Rollback:
        """Wait until a rollback has ended and its page says so, and return it as it is now."""
        done = ended(rollback, seconds)
        word = (done.outcome or done.status).capitalize()
        wait_until(lambda: self.said(done)[-1:] == [word], 15, lambda: f"the page says {word!r}, not {self.said(done)}")
        return done

    def judge(self) -> None:
        """Stop looking, and have everything judged by rule G."""
        if self.watcher is not None:
            self.watcher.stop()
        happened = self._happened()
        assert happened.clicks, "a drill without a click proves nothing"
        looks = during_the_fault(happened)
        if len(looks) > 1:
            print(f"pages while the fault lasted: p95 {p95(looks) * 1000:.0f} ms of {len(looks)} looks")
        broken = broken_rules(happened, read_facts(self.stack.home), SECRET)
        assert not broken, "\n".join(broken)

    def leave(self) -> None:
        """Let everything go that a drill that failed may have left waiting."""
        self.let_command_go()
        self.service.let_go()
        if self.watcher is not None:
            self.watcher.stop()

    def _happened(self) -> Happened:
        return read(self.stack.home / FILE, self.service)


class Watcher:
    """Somebody who looks at the board and at the pages of the rollbacks, all the time."""

    def __init__(self, person: Person, log: Log) -> None:
        self.rollbacks: set[int] = set()
        self._person, self._log = person, log
        self._said: dict[int, str] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watcher")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(timeout=40)

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._at("/")
            for rollback in sorted(self.rollbacks):
                page = self._at(f"/rollbacks/{rollback}")
                if page and (word := word_of(page)) != self._said.get(rollback):
                    self._said[rollback] = word
                    self._log.write(Told(rollback, word, time.monotonic()))

    def _at(self, path: str) -> str:
        begun = time.monotonic()
        try:
            answer = self._person.get(path)
        except httpx.HTTPError:
            self._log.write(Look(path, begun, time.monotonic() - begun, None))
            return ""
        self._log.write(Look(path, begun, time.monotonic() - begun, answer.status_code))
        return answer.text if answer.status_code == 200 else ""


def word_of(page: str) -> str:
    """Return the state that a rollback's page names in its title: `✓ Restored · RB-3 archive/production`."""
    title = page.partition("<title>")[2].partition("</title>")[0]
    return title.partition(" · ")[0].partition(" ")[2]
