"""Whether the broker answers: asked beside whoever wants to know, seldom, and never believed for long."""

import threading
import time

import pytest

from releases import broker, knocks
from releases.broker import BrokerWatch
from tests.rig.waiting import wait_until


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    times: list[float] = []

    def answers() -> bool:
        times.append(time.monotonic())
        return True

    monkeypatch.setattr(knocks, "broker_answers", answers)
    return times


def test_an_answer_is_shared_for_a_while(asked: list[float]) -> None:
    watch = BrokerWatch()
    assert [watch.answers(5.0) for _ in range(5)] == [True] * 5
    assert len(asked) == 1


def test_nothing_is_known_before_it_was_asked_and_long_after(
    asked: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = BrokerWatch()
    assert watch.last() is None
    watch.answers(5.0)
    assert watch.last() is True
    monkeypatch.setattr(broker, "KNOWN_SECONDS", -1.0)
    assert watch.last() is None


def test_a_broker_that_takes_its_time_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """B11"""
    let_go = threading.Event()
    asked: list[int] = []

    def answers() -> bool:
        asked.append(1)
        let_go.wait(30)
        return False

    monkeypatch.setattr(knocks, "broker_answers", answers)
    watch = BrokerWatch()
    began = time.monotonic()
    assert watch.answers(0.05) is None
    assert watch.answers(0.05) is None
    assert time.monotonic() - began < 5
    assert len(asked) == 1, "a second reader waits for the same answer"
    let_go.set()
    wait_until(lambda: watch.last() is False, 10, "the answer came")


def test_a_client_that_breaks_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> bool:
        raise RuntimeError("half a reply")

    monkeypatch.setattr(knocks, "broker_answers", breaks)
    assert BrokerWatch().answers(5.0) is False
