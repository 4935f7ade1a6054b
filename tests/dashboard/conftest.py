"""What tests of the pages share: a broker that answers, unless a test says otherwise."""

from typing import Any

import pytest

from releases import broker as brokers, knocks


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Whether the broker answers, and how often it was asked."""
    state = {"answers": True, "asked": 0}

    def answers() -> bool:
        state["asked"] += 1
        return bool(state["answers"])

    monkeypatch.setattr(knocks, "broker_answers", answers)
    monkeypatch.setattr(brokers, "watch", brokers.BrokerWatch())
    return state
