"""All of Rollbook as real processes on the database of the test: broker, web, both workers, the sweep.

On SQLite the broker is the embedded one, on PostgreSQL a real Redis, so that each run of the suite tests one of the two
ways in which people run Rollbook.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from html.parser import HTMLParser
from pathlib import Path
from subprocess import Popen
from urllib.parse import quote

import httpx
from django.db import connection
from django.test import Client

from releases.models import Environment, Rollback, User, Worker
from tests.rig.brokers import Broker, run_embedded_broker, run_redis
from tests.rig.ports import free_port
from tests.rig.processes import bare_environment, end_of, run_process
from tests.rig.waiting import wait_until


class Stack:
    """Starts and stops processes; everything it started ends with the `running` block."""

    def __init__(self, home: Path, catalogue: Path, stack: ExitStack) -> None:
        self.home = home
        self.port = free_port()
        self.broker_port = free_port()
        self.processes: dict[str, Popen[bytes]] = {}
        self._stack = stack
        self.extra: dict[str, str] = {}
        """Added to the environment of whatever is started from now on."""
        self._environment = bare_environment() | {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "REDIS_URL": f"redis://127.0.0.1:{self.broker_port}/0",
            "ROLLBOOK_CATALOGUE": str(catalogue),
            "ROLLBOOK_HOME": str(home),
            "ROLLBOOK_SECRET_KEY": os.environ["ROLLBOOK_SECRET_KEY"],
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start_broker(self) -> Broker:
        runner: Callable[[Path, int], AbstractContextManager[Broker]]
        runner = run_redis if connection.vendor == "postgresql" else run_embedded_broker
        folder = self.home / "broker"
        folder.mkdir(exist_ok=True)
        broker = self._stack.enter_context(runner(folder, self.broker_port))
        self.processes["broker"] = broker.process
        return broker

    def start_web(self) -> None:
        self.start("web", "-m", "gunicorn", "config.wsgi", f"--bind=127.0.0.1:{self.port}", "--threads=16")
        wait_until(self._healthy, 30, lambda: f"the web process answers\n{end_of(self.home / 'web.log')}")

    def start_worker(self, role: str, concurrency: int = 2) -> None:
        known = set(Worker.objects.filter(role=role).values_list("name", flat=True))
        self.start(role, "manage.py", "work", role, f"--concurrency={concurrency}")
        wait_until(
            Worker.objects.filter(role=role).exclude(name__in=known).exists,
            30,
            lambda: f"the {role} worker reports itself\n{end_of(self.home / f'{role}.log')}",
        )

    def start_sweep(self) -> None:
        self.start("sweep", "manage.py", "sweep", "--forever")

    def start_all(self) -> None:
        self.start_broker()
        self.start_web()
        for role in ("act", "probe"):
            self.start_worker(role)
        self.start_sweep()

    def kill(self, name: str, number: int) -> None:
        """Send a signal to one process and wait until it has ended."""
        self.processes[name].send_signal(number)
        self.processes[name].wait(timeout=20)

    def children(self, name: str) -> list[int]:
        """Return the process ids of a worker's pool."""
        found = Path(f"/proc/{self.processes[name].pid}/task").glob("*/children")
        return [int(pid) for file in found for pid in file.read_text().split()]

    def browser_of(self, user: User) -> "Person":
        return self._stack.enter_context(contextlib.closing(Person(self.url, user)))

    def start(self, name: str, *argv: str) -> None:
        """Start a Python program of Rollbook under a name; its log is `NAME.log` in the home."""
        log = self.home / f"{name}.log"
        process = self._stack.enter_context(run_process([sys.executable, *argv], self._environment | self.extra, log))
        self.processes[name] = process

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


class Person:
    """Somebody who is signed in, and presses real buttons of real pages over HTTP."""

    def __init__(self, url: str, user: User) -> None:
        signed_in = Client()
        signed_in.force_login(user)
        cookies = {"sessionid": signed_in.cookies["sessionid"].value}
        self._http = httpx.Client(base_url=url, cookies=cookies, timeout=30)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str) -> httpx.Response:
        return self._http.get(path)

    def confirm_page(self, place: Environment) -> dict[str, str]:
        """Open the confirm page and return what its form would send."""
        answer = self._http.get(f"/s/{place.service.key}/{place.key}/rollback")
        assert answer.status_code == 200, answer.text
        return form_of(answer.text, "digest")

    def press(self, place: Environment, form: dict[str, str], words: str = "seen by 3 users") -> httpx.Response:
        return self._http.post(
            f"/s/{place.service.key}/{place.key}/rollback", data=form | {"reason": "users", "words": words}
        )

    def post(self, path: str, page: str) -> httpx.Response:
        """Press a button of `page` that posts to `path`."""
        token = form_of(self._http.get(page).text, "csrfmiddlewaretoken")["csrfmiddlewaretoken"]
        return self._http.post(path, data={"csrfmiddlewaretoken": token})


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.forms.append({})
        ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
        if tag == "input" and given.get("name") and ticked and self.forms:
            self.forms[-1][str(given["name"])] = given.get("value") or ""


def form_of(page: str, with_field: str) -> dict[str, str]:
    """Return the inputs of the first form that has such a field, as a browser would send them."""
    parser = _Forms()
    parser.feed(page)
    found = [form for form in parser.forms if with_field in form]
    assert found, f"no form with {with_field} in\n{page}"
    return found[0]


@contextmanager
def running(home: Path, catalogue: Path) -> Iterator[Stack]:
    with ExitStack() as stack:
        made = Stack(home, catalogue, stack)
        try:
            yield made
        finally:
            for process in made.processes.values():
                process.terminate()  # all at once; the exit stack then waits for each


def database_url() -> str:
    """Return the address of the test's own database, for other processes."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(given['NAME']))}"
    who = f"{quote(given['USER'])}:{quote(given['PASSWORD'])}" if given["PASSWORD"] else quote(given["USER"])
    return f"postgresql://{who}@{given['HOST']}:{given['PORT'] or 5432}/{given['NAME']}"


def ended(rollback: Rollback, seconds: float) -> Rollback:
    """Wait until a rollback has ended and return it as it is now."""

    def look() -> Rollback | None:
        now = Rollback.objects.select_related("execution", "restore_run").get(pk=rollback.pk)
        return None if now.open else now

    found = wait_until(look, seconds, lambda: f"{rollback.tag} ends: {_say(rollback)}")
    assert found is not None, "it waits until there is one"
    return found


def _say(rollback: Rollback) -> str:
    rollback.refresh_from_db()
    return f"{rollback.status} {rollback.command} {rollback.detail}"
