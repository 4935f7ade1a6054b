"""What a measured time owes to the worker's own machine is no fault of the service."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from releases.probes import own_wait
from releases.probes.own_wait import NOISY_FROM, OwnWait, without_waiting
from releases.states import Regression, Verdict
from tests.probes.conftest import World, kinds_of
from tests.rig.ports import free_port
from tests.rig.processes import bare_environment, run_process
from tests.rig.waiting import wait_until

KEY = "response_time"
QUICK = {"samples": 20, "pause_ms": 0, "warm_up": 1}


class Kernel:
    """What the kernel would count: with each look a millisecond on a CPU, and some without one."""

    def __init__(self, waited_ms: float) -> None:
        self.waited_ms = waited_ms
        self._ran = self._waited = 0

    def __call__(self) -> tuple[int, int]:
        self._ran += 1_000_000
        self._waited += round(self.waited_ms * 1e6)
        return self._ran, self._waited


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel(0)
    monkeypatch.setattr(own_wait, "_read", kernel)
    return kernel


def settings(world: World, **route: Any) -> dict[str, Any]:
    return {"routes": [{"path": world.service.public_routes[0], "edge": False, **route}], **QUICK}


@pytest.mark.finding(KEY, "noisy")
def test_good_times_of_a_busy_worker_pass_and_are_marked_noisy(world: World, kernel: Kernel) -> None:
    """B59"""
    kernel.waited_ms = 2
    answer = world.ask(KEY, **settings(world, budget_ms=5000))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, {"noisy"})
    assert answer.figures["routes"][world.service.public_routes[0]]["origin"]["own_wait_percent"] == 67
    assert "waited 67 % of the time for a CPU of its own" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "too_noisy")
def test_what_the_worker_s_own_waiting_may_explain_is_not_called_slow(world: World, kernel: Kernel) -> None:
    """B59"""
    world.remember(world.ask(KEY, **settings(world)))
    world.service.delays[world.service.public_routes[0]] = 0.03
    kernel.waited_ms = 40
    answer = world.ask(KEY, **settings(world, budget_ms=10))
    assert (answer.verdict, answer.regression) == (Verdict.INCONCLUSIVE, Regression.UNKNOWN)
    assert kinds_of(answer) == {"too_noisy"}
    assert "the budget is 10 ms" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "slower")
def test_what_is_slower_by_more_than_the_worker_waited_is_still_slower(world: World, kernel: Kernel) -> None:
    world.remember(world.ask(KEY, **settings(world)))
    world.service.delays[world.service.public_routes[0]] = 0.06
    kernel.waited_ms = 1
    answer = world.ask(KEY, **settings(world))
    assert (answer.verdict, answer.regression) == (Verdict.FAIL, Regression.YES)
    assert kinds_of(answer) == {"slower", "noisy"}


@pytest.mark.finding(KEY, "slower")
def test_a_second_look_in_a_quiet_moment_counts_whatever_it_says(world: World, kernel: Kernel) -> None:
    world.remember(world.ask(KEY, **settings(world)))
    route = world.service.public_routes[0]
    asked = 0

    class Slow(dict[str, float]):
        def get(self, key: str, default: float = 0) -> float:  # type: ignore[override]
            nonlocal asked
            asked += 1
            kernel.waited_ms = 40 if asked < QUICK["samples"] + 2 * QUICK["warm_up"] else 0
            return 0.03 if key == route else default

    world.service.delays = Slow()
    answer = world.ask(KEY, **settings(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"slower"})


def test_without_counters_of_the_kernel_nothing_is_noisy(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(own_wait, "_SCHEDSTAT", tmp_path / "missing")
    answer = world.ask(KEY, **settings(world, budget_ms=5000))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, set())
    assert "own_wait_percent" not in answer.figures["routes"][world.service.public_routes[0]]["origin"]


def test_the_kernel_counts_what_this_thread_runs() -> None:
    before = own_wait._read()
    assert before is not None
    sum(number * number for number in range(300_000))
    after = own_wait._read()
    assert after is not None
    assert after[0] - before[0] > 1_000_000


def test_a_thread_that_sleeps_waits_for_no_cpu(kernel: Kernel) -> None:
    assert OwnWait().percent() == 0
    assert without_waiting([5.0, 1.0], []) == [5.0, 1.0]
    assert without_waiting([50.0, 1.0], [2.0, 2.0]) == [42.0, 0.0]


SERVICE = """
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize, disable_nagle_algorithm = "HTTP/1.1", -1, True
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(0.25)
        sum(number * number for number in range(20_000))
        self.send_response(200)
        self.send_header("Content-Length", "2000")
        self.end_headers()
        self.wfile.write(b"x" * 2000)
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def service_of_its_own(tmp_path: Path) -> Iterator[str]:
    """A service in a process of its own, on this machine."""
    port = free_port()
    with run_process([sys.executable, "-c", SERVICE, str(port)], bare_environment(), tmp_path / "log"):
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(url), 20, "the service answers")
        yield url


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.drill
def test_a_machine_that_computes_without_a_pause_makes_no_service_slow(world: World, service_of_its_own: str) -> None:
    """B59: stress-ng with 32 processes beside probe and service, five looks: no look is red, each says that it is
    noisy; and a route that does take a quarter of a second is red all the same."""
    world.edge = service_of_its_own
    quick = {"routes": [{"path": "/", "origin": False, "criteria": ["p95 <= +10%"]}], "worse_by_ms": 2, "samples": 60}
    slow = {"routes": [{"path": "/slow", "origin": False, "budget_ms": 60}], "samples": 20}
    calm = min(
        (world.ask(KEY, **quick) for _ in range(3)), key=lambda look: look.figures["routes"]["/"]["edge"]["p95_ms"]
    )
    assert calm.verdict is Verdict.PASS
    world.remember(calm)
    with subprocess.Popen(["stress-ng", "--cpu", "32", "--timeout", "90", "--quiet"]) as busy:
        try:
            wait_until(lambda: _waits_for_a_cpu() >= NOISY_FROM, 30, "the machine is busy")
            looks = [world.ask(KEY, **quick) for _ in range(5)]
            truly_slow = world.ask(KEY, **slow)
        finally:
            busy.terminate()
    said = [(str(look.verdict), look.figures["routes"]["/"]["edge"], sorted(kinds_of(look))) for look in looks]
    print(*[(verdict, f"p95 {edge['p95_ms']} ms", edge["own_wait_percent"], kinds) for verdict, edge, kinds in said])
    assert Verdict.FAIL not in [look.verdict for look in looks]
    assert Regression.YES not in [look.regression for look in looks]
    assert all(kinds_of(look) & {"noisy", "too_noisy"} for look in looks)
    assert "too_noisy" in {kind for look in looks for kind in kinds_of(look)}, "nothing would have been called slow"
    assert truly_slow.verdict is Verdict.FAIL


def _waits_for_a_cpu() -> int:
    """Return the percentage for a thread that computes a little now and then, as a probe does."""
    own = OwnWait()
    for _ in range(50):
        time.sleep(0.002)
        sum(number for number in range(10_000))
    return own.percent() or 0
