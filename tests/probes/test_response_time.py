"""`response_time`: slow is told from noise, and too little data from both."""

from typing import Any

import pytest
from pydantic import ValidationError

from releases.probes import own_wait
from releases.probes.base import Before
from releases.probes.response_time import ResponseTimeSettings
from releases.states import Regression, Verdict
from tests.probes.conftest import World, kinds_of
from tests.probes.service import Lot, Service
from tests.rig.ports import free_port

KEY = "response_time"
QUICK = {"samples": 20, "pause_ms": 0, "warm_up": 1}


@pytest.fixture(autouse=True)
def on_a_quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine of the tests is often busy; what that does is shown in test_own_wait."""
    monkeypatch.setattr(own_wait, "_read", lambda: None)


def settings(world: World, **route: Any) -> dict[str, Any]:
    return {"routes": [{"path": world.service.public_routes[0], **route}], **QUICK}


def test_it_passes_within_the_budget_and_keeps_its_samples(world: World) -> None:
    answer = world.ask(KEY, **settings(world, budget_ms=2000))
    assert (answer.verdict, answer.regression) == (Verdict.PASS, Regression.UNKNOWN)
    figures = answer.figures["routes"][world.service.public_routes[0]]
    assert set(figures) == {"edge", "origin"}
    for place in figures.values():
        assert len(place["samples_ms"]) == 20
        assert 0 < place["p50_ms"] <= place["p95_ms"] <= place["p99_ms"] <= max(place["samples_ms"])


@pytest.mark.finding(KEY, "over_budget")
def test_a_route_over_its_budget_fails_where_it_is_slow(world: World) -> None:
    route = world.service.public_routes[0]
    world.service.delays[route] = 0.06
    answer = world.ask(KEY, **settings(world, budget_ms=50))
    assert answer.verdict is Verdict.FAIL
    assert [(one.kind.id, one.subject) for one in answer.findings] == [("over_budget", f"{route} at the origin")]


@pytest.mark.finding(KEY, "criterion_not_met")
def test_each_criterion_that_is_not_met_fails_by_itself(world: World) -> None:
    route = world.service.public_routes[0]
    world.service.delays[route] = 0.03
    answer = world.ask(KEY, **settings(world, edge=False, criteria=["p50<=10ms", "p95 <= 0.02s", "p95 <= 10s"]))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"criterion_not_met"})
    assert [one.subject for one in answer.findings] == [
        f"{route} at the origin, p50 <= 10ms",
        f"{route} at the origin, p95 <= 20ms",
    ]


@pytest.mark.finding(KEY, "criterion_not_met")
def test_a_change_beyond_the_criterion_fails_only_against_a_baseline(world: World) -> None:
    wanted = settings(world, edge=False, criteria=["p50 <= +100%"])
    world.remember(world.ask(KEY, **wanted))
    assert world.ask(KEY, **wanted).verdict is Verdict.PASS
    world.service.delays[world.service.public_routes[0]] = 0.03
    answer = world.ask(KEY, **wanted)
    assert "criterion_not_met" in kinds_of(answer)


@pytest.mark.finding(KEY, "criterion_not_compared")
def test_a_change_without_a_baseline_is_only_noted(world: World) -> None:
    answer = world.ask(KEY, **settings(world, edge=False, criteria=["p95 <= +10%"]))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, {"criterion_not_compared"})


@pytest.mark.finding(KEY, "too_few_samples")
def test_p99_takes_more_samples_than_the_others(world: World) -> None:
    answer = world.ask(KEY, **settings(world, edge=False, criteria=["p99 <= 10s"]))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"too_few_samples"})
    assert "20 of 100 samples needed" in answer.findings[0].sentence


@pytest.mark.parametrize("text", ["p95 < 3ms", "p90 <= 3ms", "p95 <= 10%", "p95 <= +3ms", "p95 <= -3ms", "fast", ""])
def test_a_criterion_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="p50, p95 or p99"):
        ResponseTimeSettings.model_validate({"routes": [{"path": "/", "criteria": [text]}]})


def test_setting_up_a_connection_is_told_apart(world: World) -> None:
    figures = world.ask(KEY, **settings(world, edge=False)).figures["routes"][world.service.public_routes[0]]["origin"]
    assert 0 < figures["connect_p50_ms"] < 1000
    assert 0 < figures["first_byte_p50_ms"] <= figures["p95_ms"]


@pytest.mark.finding(KEY, "disturbed")
def test_a_busy_moment_is_measured_again_and_noted(world: World) -> None:
    """B59"""
    asked = 0

    class Busy(dict[str, float]):
        def get(self, route: str, default: float = 0) -> float:  # type: ignore[override]
            nonlocal asked
            asked += 1
            return 0.2 if 15 <= asked < 19 else 0

    world.service.delays = Busy()
    answer = world.ask(KEY, **settings(world, edge=False, budget_ms=100))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, {"disturbed"})
    assert answer.figures["routes"][world.service.public_routes[0]]["origin"]["p95_ms"] < 100


@pytest.mark.finding(KEY, "slower")
def test_a_route_that_became_slower_fails_and_is_a_regression(world: World) -> None:
    world.remember(world.ask(KEY, **settings(world, edge=False)))
    world.service.delays[world.service.public_routes[0]] = 0.03
    answer = world.ask(KEY, **settings(world, edge=False))
    assert (answer.verdict, answer.regression) == (Verdict.FAIL, Regression.YES)
    assert answer.findings[0].evidence["effect"] > 0.8


def test_a_route_as_slow_as_before_is_no_regression(world: World) -> None:
    world.service.delays[world.service.public_routes[0]] = 0.02
    answer = world.ask_again(KEY, **settings(world, edge=False, budget_ms=10), worse_by_percent=500)
    assert (answer.verdict, answer.regression, kinds_of(answer)) == (Verdict.FAIL, Regression.NO, {"over_budget"})


@pytest.mark.finding(KEY, "slower")
def test_one_slow_instance_of_two_shows(world: World) -> None:
    route = world.service.public_routes[0]
    world.remember(world.ask(KEY, **settings(world, edge=False) | {"samples": 40}))
    slow = Service(Lot("slow"), delays={route: 0.15})
    slow.public_routes = [route]
    world.switches[1].app = slow.apps(1)[0]
    assert kinds_of(world.ask(KEY, **settings(world, edge=False) | {"samples": 40})) == {"slower"}


def test_a_significant_change_that_is_too_small_to_matter_is_none(world: World) -> None:
    world.before = before(world, [0.01] * 30)
    answer = world.ask(KEY, **settings(world, edge=False), worse_by_ms=5000)
    assert (answer.verdict, answer.regression) == (Verdict.PASS, Regression.NO)


@pytest.mark.parametrize("samples", [[], [1.0] * 19, ["x"] * 30, None, {"a": 1}])
def test_a_baseline_without_usable_samples_is_unknown(world: World, samples: Any) -> None:
    world.before = before(world, samples)
    answer = world.ask(KEY, **settings(world, edge=False))
    assert (answer.verdict, answer.regression) == (Verdict.PASS, Regression.UNKNOWN)


@pytest.mark.finding(KEY, "too_few_samples")
def test_three_samples_are_too_few(world: World) -> None:
    """C18"""
    answer = world.ask(KEY, **settings(world, budget_ms=2000) | {"samples": 3})
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"too_few_samples"})


@pytest.mark.finding(KEY, "answered_with_error")
def test_quick_error_pages_are_no_good_times(world: World) -> None:
    route = world.service.public_routes[0]
    world.service.statuses[route] = 503
    answer = world.ask(KEY, **settings(world, edge=False))
    assert answer.verdict is Verdict.FAIL
    assert kinds_of(answer) == {"answered_with_error", "too_few_samples"}


@pytest.mark.finding(KEY, "could_not_ask")
def test_a_place_that_is_down_is_could_not_measure(world: World) -> None:
    world.edge = f"http://127.0.0.1:{free_port()}"
    answer = world.ask(KEY, **settings(world))
    assert answer.verdict is Verdict.ERROR
    assert set(answer.figures["routes"][world.service.public_routes[0]]) == {"origin"}


def test_a_slow_route_leaves_time_for_the_next_one(world: World) -> None:
    slow, quick, _ = world.service.public_routes
    world.service.delays[slow] = 0.2
    world.seconds = 1.5
    answer = world.ask(KEY, routes=[{"path": slow, "edge": False}, {"path": quick, "edge": False}], **QUICK)
    assert [(one.kind.id, one.subject) for one in answer.findings] == [("too_few_samples", f"{slow} at the origin")]


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf"), "1,5", 600_000])
def test_a_budget_that_makes_no_sense_is_refused(budget: Any) -> None:
    """C17"""
    with pytest.raises(ValidationError):
        ResponseTimeSettings.model_validate({"routes": [{"path": "/", "budget_ms": budget}]})


def before(world: World, samples: Any) -> Before:
    """Return a baseline with these samples."""
    figures = {"routes": {world.service.public_routes[0]: {"origin": {"samples_ms": samples}}}}
    return Before(Verdict.PASS, frozenset(), figures)
