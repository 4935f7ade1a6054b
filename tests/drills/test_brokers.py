"""The broker is slow, full, cut off, empty or full of nonsense: the row is the truth, the message only a knock."""

import shutil
import signal
import time
from collections.abc import Iterator

import pytest

from releases.models import Rollback
from releases.states import Outcome, RollbackStatus
from tests.drills.drill import Drill
from tests.integration.stack import ended
from tests.rig.faulty_proxy import FaultyProxy, run_faulty_proxy
from tests.rig.waiting import wait_until

pytestmark = [pytest.mark.once, pytest.mark.drill]

CLICK_SECONDS = 2.0


@pytest.fixture
def proxy(on_servers: Drill) -> Iterator[FaultyProxy]:
    """Stands between the web process and Redis; everything but the act worker runs."""
    drill = on_servers
    with run_faulty_proxy(drill.stack.broker_port) as running:
        drill.stack.start_broker()
        drill.stack.extra["REDIS_URL"] = f"redis://127.0.0.1:{running.port}/0"
        drill.stack.start_web()
        del drill.stack.extra["REDIS_URL"]
        drill.stack.start_sweep()
        drill.look_on()
        yield running


def test_a_message_comes_again_while_its_command_runs(on_servers: Drill) -> None:
    """B7: every message is delivered again after 5 s, the command takes 20 s: it runs once."""
    drill = on_servers
    drill.start("probe")
    drill.stack.extra["DJANGO_SETTINGS_MODULE"] = "tests.drills.redelivering"
    drill.stack.start_worker("act")
    drill.log.fault()
    begun = time.monotonic()
    rollback = drill.pressed_and_at_work()
    log = drill.stack.home / "act.log"
    wait_until(lambda: log.read_text().count("run_rollback[") >= 3, 30, "the message comes again")
    time.sleep(max(0.0, begun + 20 - time.monotonic()))  # the command takes as long
    drill.let_command_go()
    drill.log.over()
    assert drill.ended(rollback).outcome == Outcome.RESTORED
    drill.judge()


def test_the_broker_comes_back_empty(drill: Drill) -> None:
    """B8: the broker is killed and has forgotten everything: the sweep sends the queued click again."""
    drill.start("probe")
    rollback = drill.pressed()
    drill.log.fault()
    drill.stack.kill("broker", signal.SIGKILL)
    shutil.rmtree(drill.stack.home / "broker")
    drill.stack.start_broker()
    drill.stack.start_worker("act")
    back = time.monotonic()
    drill.log.over()
    wait_until(drill.starts, 60, "the command begins")
    assert time.monotonic() - back < 60
    assert drill.ended(rollback).outcome == Outcome.RESTORED
    drill.judge()


def test_everything_is_flushed_in_the_middle_of_the_queue(drill: Drill) -> None:
    """B9: FLUSHALL while a click is queued, and again while its checklist is: both are sent again."""
    drill.start()
    drill.log.fault()
    rollback = drill.pressed()
    drill.flush_broker()
    drill.stack.start_worker("act")
    wait_until(lambda: _status(rollback) == RollbackStatus.VERIFYING, 60, "the command has run")
    drill.flush_broker()
    drill.stack.start_worker("probe")
    drill.log.over()
    assert drill.ended(rollback).outcome == Outcome.RESTORED
    drill.judge()


def test_the_broker_restarts_five_times_in_ten_seconds(drill: Drill) -> None:
    """B10: workers consume again by themselves; a click after the last restart begins within 30 s."""
    drill.start("act", "probe")
    form = drill.form()
    drill.log.fault()
    for _ in range(5):
        drill.stack.kill("broker", signal.SIGKILL)
        drill.stack.start_broker()
        time.sleep(1.5)
    drill.log.over()
    rollback = drill.pressed(form)
    wait_until(drill.starts, 30, "the command begins")
    assert drill.ended(rollback).outcome == Outcome.RESTORED
    drill.judge()


@pytest.mark.parametrize(
    "fault", [{"latency": 3.0}, {"bandwidth": 1000.0}, {"silent": True}], ids=["3 s away", "1 kB/s", "silent"]
)
def test_a_click_does_not_wait_for_a_slow_broker(
    on_servers: Drill, proxy: FaultyProxy, fault: dict[str, float]
) -> None:
    """B11: the broker answers after 3 s, trickles, or accepts and never answers: the click is answered within 2 s."""
    drill = on_servers
    drill.stack.start_worker("probe")
    form = drill.form()
    drill.log.fault()
    for name, value in fault.items():
        setattr(proxy.faults, name, value)
    click = drill.press(form)
    assert click.status == 303
    assert click.answered - click.sent < CLICK_SECONDS
    drill.stack.start_worker("act")
    rollback = Rollback.objects.get(pk=click.rollback)
    assert drill.ended(rollback).outcome == Outcome.RESTORED, "the sweep has a better wire"
    drill.log.over()
    drill.judge()


def test_the_wire_to_the_broker_is_cut_between_question_and_answer(on_servers: Drill, proxy: FaultyProxy) -> None:
    """B12: connections are reset in the middle of an answer while people click; no answer is taken for another's, and
    the next knock goes over a connection that works."""
    drill = on_servers
    drill.log.fault()
    for after in (0, 3, 30, 60, 120, 240):
        proxy.faults.latency, proxy.faults.reset_after = 0.1, after
        rollback = drill.pressed()
        assert drill.cancel(rollback)
    assert proxy.resets, "nothing was cut"
    proxy.heal()
    drill.log.over()
    for role in ("act", "probe"):
        drill.stack.start_worker(role)
    assert drill.ended(drill.pressed()).outcome == Outcome.RESTORED
    assert "Traceback" not in (drill.stack.home / "web.log").read_text()
    drill.judge()


def test_the_broker_is_full(on_servers: Drill) -> None:
    """B13: Redis has no memory left and refuses to write: the click is kept and its page says so; it runs when there is
    room again."""
    drill = on_servers
    drill.start("act", "probe")
    form = drill.form()
    with drill.broker_client() as client:
        client.config_set("maxmemory", "1mb")
        drill.log.fault()
        click = drill.press(form)
        assert click.status == 303
        assert click.answered - click.sent < CLICK_SECONDS
        drill.wait_until_page_says(Rollback.objects.get(), "The press is kept.")
        assert drill.starts() == []
        client.config_set("maxmemory", "0")
    drill.log.over()
    assert ended(Rollback.objects.get(), 60).outcome == Outcome.RESTORED
    assert "Traceback" not in (drill.stack.home / "web.log").read_text()
    drill.ended(Rollback.objects.get())
    drill.judge()


def _status(rollback: Rollback) -> str:
    return Rollback.objects.values_list("status", flat=True).get(pk=rollback.pk)
