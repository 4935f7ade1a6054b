"""Clocks that jump or disagree, and a disk without room."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from releases.models import Event
from releases.states import CommandState, Outcome
from tests import system
from tests.drills.drill import Drill
from tests.rig.disks import filled, small_disk
from tests.rig.processes import ROOT, bare_environment

pytestmark = [pytest.mark.once, pytest.mark.drill]

JUMP_SECONDS = 12
"""How long each wrong hour lasts: two sweeps and more."""


def shifted(clock: Path) -> Mapping[str, str]:
    """Return the variables that shift a process's clock by what stands in a file, such as `+1h`, whenever it changes.

    Only the clock on the wall: nobody sets the monotonic one.
    """
    library = system.find_faketime()
    assert library, "libfaketime is not installed; as root, `make drill` installs it"
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
    }


@pytest.mark.parametrize("whose", ["the worker", "the sweep"])
def test_a_clock_jumps_by_an_hour_there_and_back(on_servers: Drill, tmp_path: Path, whose: str) -> None:
    """B20: while a command runs, a clock jumps an hour ahead, two hours back, and is right again: no lease expires, and
    the events stand in the order in which they happened."""
    drill = on_servers
    clock = tmp_path / "clock"
    clock.write_text("+0")
    drill.stack.start_broker()
    drill.stack.start_web()
    drill.stack.start_worker("probe")
    for name, start in _starts(drill).items():
        drill.stack.extra |= shifted(clock) if whose == name else {}
        start()
        for variable in shifted(clock):
            drill.stack.extra.pop(variable, None)
    drill.look_on()
    rollback = drill.pressed_and_at_work()
    drill.log.fault()
    for jump in ("+3600", "-3600"):
        clock.write_text(jump)
        time.sleep(JUMP_SECONDS)  # the fault itself
    drill.let_command_go()
    done = drill.ended(rollback)
    clock.write_text("+0")
    drill.log.over()
    assert (done.command, done.outcome) == (CommandState.EXITED, Outcome.RESTORED)
    assert not Event.objects.filter(action__in=["rollback:command_lost", "execution:lost"]).exists()
    order = ["pressed", "claimed", "command_ended", "purged", "done"]
    events = Event.objects.filter(object_tag=rollback.tag, action__in=[f"rollback:{step}" for step in order])
    assert list(events.order_by("seq").values_list("action", flat=True)) == [f"rollback:{step}" for step in order]
    if whose == "the worker":
        times = list(events.order_by("seq").values_list("at", flat=True))
        assert times != sorted(times), "the clock did jump"
    drill.judge()


@pytest.mark.parametrize(("shift", "says"), [("+300", "5 minutes behind"), ("-300", "5 minutes ahead")])
def test_a_process_whose_clock_is_five_minutes_off_says_so(
    httpserver: HTTPServer, tmp_path: Path, shift: str, says: str
) -> None:
    """B21: the process that measures is five minutes off; it says that the clocks differ, and by how much."""

    def now(_: Request) -> Response:
        return Response("text", headers={"Date": formatdate(usegmt=True), "Cache-Control": "max-age=60"})

    httpserver.expect_request("/page").respond_with_handler(now)
    clock = tmp_path / "clock"
    clock.write_text(shift)
    told = subprocess.run(
        [sys.executable, "manage.py", "inspect_url", "--allow-private", httpserver.url_for("/page")],
        cwd=ROOT,
        env=bare_environment()
        | {"ROLLBOOK_HOME": str(tmp_path), "ROLLBOOK_SECRET_KEY": "only for this drill"}
        | shifted(clock),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.returncode == 0, told.stderr
    assert says in told.stdout


def test_the_workers_disk_is_full(on_servers: Drill) -> None:
    """B22: not one byte is free where the act worker writes; its output is kept in the database, so the command goes
    on, nothing crashes, and what can be written no more is said in the log."""
    drill = on_servers
    with small_disk("1m") as disk:
        disk.chmod(0o755)
        drill.stack.start_broker()
        drill.stack.start_web()
        drill.stack.start_worker("probe")
        drill.stack.start_sweep()
        drill.stack.extra["ROLLBOOK_HOME"] = str(disk)
        drill.stack.start_worker("act")
        del drill.stack.extra["ROLLBOOK_HOME"]
        drill.look_on()
        with filled(disk):
            drill.log.fault()
            assert shutil.disk_usage(disk).free == 0
            done = drill.ended(drill.pressed())
            drill.log.over()
        assert (done.command, done.outcome) == (CommandState.EXITED, Outcome.RESTORED)
        assert done.execution is not None
        assert "switching to 2026.11.3" in done.execution.output
        assert not done.execution.output_truncated
        drill.judge()


def _starts(drill: Drill) -> dict[str, Callable[[], None]]:
    return {"the worker": lambda: drill.stack.start_worker("act"), "the sweep": drill.stack.start_sweep}
