"""Press the button of a real page again and again, and note when each command starts: one broker, one database.

`python -m bench.clicks idle 100` or `busy 50` measures on the DATABASE_URL and the ROLLBOOK_HOME it is given, which are
to be empty, and prints its samples as JSON. `busy`: the checklists of both environments are at work at every press.
`bench.rollback` starts it.
"""

import json
import logging
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import django
from django.core.management import call_command
from django.utils import timezone

django.setup()  # the models are imported below

from pytest_httpserver import HTTPServer  # noqa: E402

from bench import bare  # noqa: E402
from releases.catalogue import load  # noqa: E402
from releases.management.refusing import person_at_the_terminal  # noqa: E402
from releases.models import ChecklistRun, Deployment, Environment, Freeze, Rollback, User  # noqa: E402
from releases.services import checklists  # noqa: E402
from releases.services.catalogue_sync import sync_catalogue  # noqa: E402
from releases.services.commands import keep_rendered  # noqa: E402
from releases.states import CommandState, Purpose, RunStatus  # noqa: E402
from tests import factory  # noqa: E402
from tests.integration.stack import Person, Stack, ended, running  # noqa: E402
from tests.little_service import LittleService, start_little_service  # noqa: E402
from tests.rig.processes import bare_environment, run_process  # noqa: E402
from tests.rig.waiting import wait_until  # noqa: E402

WARM_UP = 5
COMMAND = '["/bin/date", "+%s%N"]'
"""The command says when it was started, in nanoseconds: a shell or Python would take longer to say it than to start."""
CHECKLIST = """
[services.archive.environments.staging]
base_url = "{url}"
instances = [{{ name = "web-1", url = "{url}" }}]
allow_private = true

[services.archive.checklist.cache_headers]
routes = [{{ path = "/articles", expect = "none" }}]

[services.archive.checklist.response_time]
routes = [{{ path = "/articles" }}]
"""


@dataclass(frozen=True, slots=True)
class Click:
    """One press, in milliseconds from it on; the last is when the command itself was at work."""

    pressed: float
    """The row's own time: session, permission and the looks that come before it are done."""
    answered: float
    """The browser has the answer: everything is committed, and the knock is sent."""
    claimed: float
    begun: float
    """The execution's row is written; what follows is the commit, the fork and the exec."""
    started: float


@dataclass(frozen=True, slots=True)
class Measured:
    clicks: list[Click]
    bare: list[float]
    least: list[float]
    """What no press can do without, one after the other: a signed-in answer, the commits of the press and of the claim,
    a bare task, the start of a program."""


class Rounds:
    """Takes the samples in turns, a bare task and a click, so that both meet the same machine."""

    def __init__(self, stack: Stack, home: Path, busy: bool) -> None:
        self._stack = stack
        self._notes = home / "bare.notes"
        self._busy = busy
        self._bare = bare.made(broker_of(stack))
        self._place = Environment.objects.select_related("service", "live").get(key="production")
        self._staging = Environment.objects.select_related("service").get(key="staging")
        self._person: Person = stack.browser_of(factory.on_call())

    def measure(self, rounds: int) -> Measured:
        samples = [(self._bare_task(), self._besides(), self._click(number)) for number in range(rounds)]
        return Measured(
            [click for _, _, click in samples],
            [bare for bare, _, _ in samples],
            [bare + besides for bare, besides, _ in samples],
        )

    def _bare_task(self) -> float:
        known = len(bare.noted(self._notes))
        sent = time.time_ns()
        self._bare.send_task(bare.TASK, queue=bare.QUEUE, retry=False)
        noted = wait_until(lambda: bare.noted(self._notes)[known:], 20, "the bare task notes its start")
        return (noted[0] - sent) / 1e6

    def _besides(self) -> float:
        """Return how long takes what every press needs besides its task."""
        at = time.time_ns()
        assert self._person.get("/bare-304").status_code == 304
        for _ in range(2):
            User.objects.update(last_login=timezone.now())
        said = subprocess.run(json.loads(COMMAND), stdout=subprocess.PIPE, check=True).stdout
        return (int(said) - at) / 1e6

    def _click(self, number: int) -> Click:
        live = self._two_more_releases(number)
        form = self._person.confirm_page(self._place)
        assert form["digest"], "the page shows the command"
        if self._busy:
            self._have_checklists_run(live)
        at = time.time_ns()
        answer = self._person.press(self._place, form)
        answered = time.time_ns()
        assert answer.status_code == 303, answer.text
        made = ended(Rollback.objects.get(undone=live), 120)
        assert made.command == CommandState.EXITED, made.detail
        assert made.execution is not None
        assert made.execution.started_at is not None
        assert made.claimed_at is not None
        Freeze.objects.filter(lifted_at=None).update(lifted_at=made.ended_at)
        rows = [made.pressed_at, made.claimed_at, made.execution.started_at]
        pressed, claimed, begun = (row.timestamp() * 1e3 - at / 1e6 for row in rows)
        return Click(pressed, (answered - at) / 1e6, claimed, begun, (int(made.execution.output) - at) / 1e6)

    def _two_more_releases(self, number: int) -> Deployment:
        """Have a verified release and one after it, so that each press finds what the first one found."""
        target = factory.deployed(self._place, f"2026.11.{number}")
        live = factory.deployed(self._place, f"2026.12.{number}")
        keep_rendered(self._place, target)
        return live

    def _have_checklists_run(self, live: Deployment) -> None:
        for place, deployment in ((self._place, live), (self._staging, None)):
            if not _open_run(place):
                checklists.make_run(place, purpose=Purpose.VERIFY, deployment=deployment)
        wait_until(
            lambda: all(_open_run(place, RunStatus.RUNNING) for place in (self._place, self._staging)),
            20,
            "both checklists are at work",
        )


def broker_of(stack: Stack) -> str:
    return f"redis://127.0.0.1:{stack.broker_port}/0"


def _open_run(place: Environment, *statuses: RunStatus) -> bool:
    wanted = statuses or (RunStatus.QUEUED, RunStatus.RUNNING)
    return ChecklistRun.objects.filter(environment=place, status__in=wanted).exists()


def little_service(home: Path, server: HTTPServer) -> LittleService:
    """Serve something that answers at once, and whose rollback command says when it started."""
    service = start_little_service(home, server)
    lines = service.catalogue.read_text().splitlines()
    lines = [f"argv = {COMMAND}" if line.startswith("argv") else line for line in lines]
    service.catalogue.write_text("\n".join(lines) + CHECKLIST.format(url=server.url_for("").rstrip("/")))
    return service


def main(busy: bool, wanted: int) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # of the little service, which would write a line per request
    home = Path(os.environ["ROLLBOOK_HOME"])
    call_command("migrate", verbosity=0)
    with ExitStack() as everything:
        server = everything.enter_context(HTTPServer(threaded=True))
        service = little_service(home, server)
        sync_catalogue(load(service.catalogue), actor=person_at_the_terminal())
        stack = everything.enter_context(running(home, service.catalogue))
        stack.extra["DJANGO_SETTINGS_MODULE"] = "bench.settings"
        stack.start_all()
        environment = bare_environment() | {"BARE_NOTES": str(home / "bare.notes"), "REDIS_URL": broker_of(stack)}
        log = home / "bare.log"
        everything.enter_context(run_process([sys.executable, "-m", "bench.bare"], environment, log))
        rounds = Rounds(stack, home, busy)
        rounds.measure(WARM_UP)
        print(json.dumps(asdict(rounds.measure(wanted))))


if __name__ == "__main__":
    main(busy=sys.argv[1] == "busy", wanted=int(sys.argv[2]))
