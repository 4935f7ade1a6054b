"""`rollback_rehearsal`: whether a rehearsal has proven the way there and back."""

from dataclasses import replace

import pytest

from releases.probes.base import RehearsalFacts
from releases.states import Verdict
from tests.probes.conftest import World, kinds_of
from tests.probes.test_deploy_command import PROVEN

KEY = "rollback_rehearsal"


def test_a_proven_way_back_passes(world: World) -> None:
    world.rehearsal = PROVEN
    assert world.ask(KEY).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("outcome", "verdict", "kind"),
    [
        pytest.param("not proven", Verdict.FAIL, "not_proven", marks=pytest.mark.finding(KEY, "not_proven")),
        pytest.param("unknown", Verdict.ERROR, "not_seen", marks=pytest.mark.finding(KEY, "not_seen")),
        pytest.param("stopped", Verdict.INCONCLUSIVE, "not_settled", marks=pytest.mark.finding(KEY, "not_settled")),
        ("inconclusive", Verdict.INCONCLUSIVE, "not_settled"),
    ],
)
def test_any_other_outcome_is_said_with_its_reason(world: World, outcome: str, verdict: Verdict, kind: str) -> None:
    world.rehearsal = replace(PROVEN, outcome=outcome, detail="web-2 still serves 1.4.2")
    answer = world.ask(KEY)
    assert (answer.verdict, kinds_of(answer)) == (verdict, {kind})
    assert "RH-3" in answer.findings[0].sentence
    assert "web-2 still serves 1.4.2" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "not_rehearsed")
def test_without_a_rehearsal_nothing_is_known(world: World) -> None:
    assert world.ask(KEY).verdict is Verdict.INCONCLUSIVE


@pytest.mark.finding(KEY, "outdated")
@pytest.mark.parametrize(
    "facts", [replace(PROVEN, too_old="it is 20 days old"), replace(PROVEN, changed=("rollback",))]
)
def test_what_is_old_or_of_another_command_says_nothing_of_today(world: World, facts: RehearsalFacts) -> None:
    world.rehearsal = facts
    assert world.ask(KEY).verdict is Verdict.INCONCLUSIVE


def test_a_rollback_is_not_measured_by_its_rehearsal(world: World) -> None:
    world.rehearsing = "a rollback is measured by what is served now"
    assert world.ask(KEY).verdict is Verdict.SKIPPED
