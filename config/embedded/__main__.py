"""Start the embedded default, say where to go, and end everything on Ctrl-C: `python -m config.embedded`.

It reads PORT (8000), ROLLBOOK_HOME (var), DATABASE_URL and REDIS_URL (each empty for the embedded one),
ROLLBOOK_CATALOGUE (empty for the demo), ROLLBOOK_BIND (127.0.0.1; the dashboard's address) and ROLLBOOK_DEMO_CACHE
(`varnish` for the real one). Every other ROLLBOOK_ variable is passed on to Rollbook's own programs; the demo tells
what it finds to the Apprise address in ROLLBOOK_DEMO_CHAT.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from config.embedded import place as places, processes, programs, ready, supervisor
from config.embedded.place import Place, Refusal

if TYPE_CHECKING:
    from demo.launch import Prepared

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STEP_SECONDS = 300.0
"""Longest time for one step of the preparation, such as the migration."""
START_SECONDS = 120.0
"""Longest time until everything must answer."""


class Ended(BaseException):
    """Somebody told this program to end. Not KeyboardInterrupt: once that has passed through an `exec` of the standard
    library, such as a dataclass being made, Python ends by SIGINT although it was handled (CPython's pymain_run)."""


def main() -> int:
    """Run until told to end; returns the exit status: 0 when it was asked to end, 1 when it could not go on."""
    for number in ENDING:
        signal.signal(number, _end)
    try:
        place = places.read_place(os.environ)
        with places.claim_home(place.home):
            places.check_ports(place.ports)
            if not place.catalogue:
                # The demo's processes end with us. What the commands of an own catalogue leave running is not ours.
                processes.adopt_orphans()
            try:
                run(place)
            except Ended:
                say(f"Everything has ended. The data is kept in {place.shown(place.home)}.")
            finally:
                _ignore_signals()
                processes.end_descendants(grace=5.0)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


def run(place: Place) -> NoReturn:
    """Prepare, start, wait for every answer, and stay; raises Ended when told to end, or Refusal."""
    say(f"Rollbook prepares its data in {place.shown(place.home)} ...")
    places.secret_key_file(place.home)
    if place.redis_url and not ready.broker_answers(place.redis_url):
        raise Refusal(
            "The Redis of REDIS_URL does not answer: start it, or unset REDIS_URL to use the embedded broker."
        )
    first_demo = not place.catalogue and not (place.home / "demo" / "token").exists()
    prepared = prepare_demo(place)
    catalogue = prepared.catalogue if prepared else Path(place.catalogue)
    prepare_data(place, catalogue)

    plan = programs.rollbook_programs(place, catalogue)
    if prepared:
        plan += programs.demo_programs(place, prepared)
    running = supervisor.start(place.home, plan)
    try:
        wait_until_ready(place, prepared.health if prepared else [], running)
        say(greeting(place, seeding=first_demo))
        status = processes.wait_for(running)
        raise Refusal(
            f"The supervisor ended by itself (status {status}): see {place.shown(place.home / supervisor.LOG)}."
        )
    finally:
        _ignore_signals()
        say("Rollbook ends ...")
        end(running)


def prepare_demo(place: Place) -> "Prepared | None":
    """Lay out the demo archive, unless the operator has a catalogue of their own."""
    if place.catalogue:
        return None
    try:
        from demo import launch
    except ImportError as error:
        raise Refusal(f"The demo's packages are missing ({error}): run `make run`, which installs them.") from None
    return launch.prepare(place.home, place.port)


def prepare_data(place: Place, catalogue: Path) -> None:
    """Bring the database up to date with the code and the catalogue, and make whoever signs in first.

    The demo's people are only for the demo: beside an operator's own catalogue they would be open doors to it.
    """
    people = "make_first_person" if place.catalogue else "make_demo_people"
    environment = programs.worker_environment(place, catalogue)
    terminal = programs.terminal_environment(place, catalogue)
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in terminal.items()]
    places.write_private(place.home / "environment", "".join(lines))
    for arguments in (
        ["migrate", "--no-input"],
        ["sync_catalogue", str(catalogue)],
        [people, "--home", str(place.home)],
    ):
        step([*programs.MANAGE, *arguments], environment)


def step(argv: Sequence[str], environment: dict[str, str]) -> None:
    """Run one command of the preparation; its output is shown only when it fails. Raises Refusal."""
    shown = "manage.py " + " ".join(argv[2:])
    try:
        done = subprocess.run(
            argv,
            env=environment,
            cwd=places.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=STEP_SECONDS,
            # Out of the terminal's reach: a Ctrl-C is for us, and we end it.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise Refusal(
            f"`{shown}` took longer than {STEP_SECONDS:.0f} s: run it by hand to see where it stands."
        ) from None
    if done.returncode:
        print(done.stdout.strip(), file=sys.stderr)
        raise Refusal(f"`{shown}` failed, with the output above: mend that and start again.")


def wait_until_ready(place: Place, health: Sequence[str], running: subprocess.Popen[bytes]) -> None:
    """Wait until every program answers, on one line of progress. Raises Refusal."""
    questions: dict[str, Callable[[], bool]] = {
        "broker": lambda: ready.broker_answers(place.broker_url),
        "web": lambda: ready.page_answers(f"{place.url}healthz"),
        "act worker": lambda: ready.worker_answers(place.broker_url, "act"),
        "probe worker": lambda: ready.worker_answers(place.broker_url, "probe"),
    }
    for url in health:
        questions[f"demo:{urlsplit(url).port}"] = partial(ready.page_answers, url)
    print("Waiting until everything answers:", end="", flush=True)
    try:
        reason = ready.wait_for_all(
            questions,
            seconds=START_SECONDS,
            given_up=lambda: gave_up(place.home, running),
            tell=lambda name: print(f" {name}", end="", flush=True),
        )
    finally:
        print(flush=True)
    if reason:
        raise Refusal(f"Rollbook did not come up, since {reason}: see the logs in {place.shown(place.home / 'log')}.")


def gave_up(home: Path, running: subprocess.Popen[bytes]) -> str:
    """Return why waiting is no use: the supervisor ended, or keeps starting a program that ends at once."""
    if running.poll() is not None:
        return "the supervisor ended"
    log = home / supervisor.LOG
    failures = re.findall(r"exited: (\S+) .*not expected", log.read_text(errors="replace")) if log.exists() else []
    failing = {name for name in failures if failures.count(name) >= 5}
    return f"{', '.join(sorted(failing))} ended again and again" if failing else ""


def greeting(place: Place, *, seeding: bool) -> str:
    """Return what is said once everything answers: the people whose passwords were made here, and how to end it."""
    passwords = passwords_file(place)
    people = read_passwords(passwords)
    told = [name for name in ("oncall", "lead") if name in people]
    where = "more people in" if len(people) > len(told) else "as they were made; kept in"
    lines = [
        "",
        f"Rollbook is up:  {place.url}",
        "",
        *(f"  sign in as {name:8} {people[name]}" for name in told),
        *([f"  ({where} {place.shown(passwords)})", ""] if people else []),
        *(["The demo's releases are being made now, for real; watch them arrive on the board."] if seeding else []),
        f"Logs: {place.shown(place.home / 'log')}/    Stop: Ctrl-C",
    ]
    return "\n".join(lines)


def passwords_file(place: Place) -> Path:
    return place.home / "passwords.txt"


def read_passwords(path: Path) -> dict[str, str]:
    """Return the passwords that were made here, by name; none where every person was made by hand."""
    if not path.exists():
        return {}
    return dict(line.split(maxsplit=1) for line in path.read_text().splitlines() if len(line.split()) > 1)


def end(running: subprocess.Popen[bytes]) -> None:
    """Ask the supervisor to end its programs; what outlives that is ended by `main`."""
    running.terminate()
    try:
        # Two groups, one after the other, and a little for the supervisor itself.
        running.wait(timeout=2 * supervisor.STOP_SECONDS + 4)
    except subprocess.TimeoutExpired:
        running.kill()


def say(text: str) -> None:
    # Whoever closed the terminal cannot read it any more, and everything must be ended all the same.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended


def _ignore_signals() -> None:
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    raise SystemExit(main())
