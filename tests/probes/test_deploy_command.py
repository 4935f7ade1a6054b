"""`deploy_command`: what the newest rehearsal showed of the real deploy command."""

from dataclasses import replace

import pytest

from releases.probes.base import RehearsalFacts
from releases.states import Verdict
from tests.probes.conftest import World, kinds_of

KEY = "deploy_command"
PROVEN = RehearsalFacts(
    tag="RH-3",
    outcome="proven",
    detail="There and back.",
    seconds_ago=3600.0,
    too_old="",
    changed=(),
    deploy_command="exited",
    deploy_exit=0,
)


def test_a_command_that_ended_well_passes_and_its_age_is_a_figure(world: World) -> None:
    world.rehearsal = PROVEN
    answer = world.ask(KEY)
    assert (answer.verdict, dict(answer.figures)) == (Verdict.PASS, {"rehearsed_s_ago": 3600})


def test_a_rollback_that_was_not_proven_says_nothing_against_the_deploy_command(world: World) -> None:
    world.rehearsal = replace(PROVEN, outcome="not proven")
    assert world.ask(KEY).verdict is Verdict.PASS


@pytest.mark.finding(KEY, "not_rehearsed")
def test_without_a_rehearsal_nothing_is_known(world: World) -> None:
    assert world.ask(KEY).verdict is Verdict.INCONCLUSIVE


@pytest.mark.finding(KEY, "deploy_failed")
@pytest.mark.parametrize(("command", "code", "told"), [("exited", 2, "exit 2"), ("killed", None, "it was killed")])
def test_a_command_that_failed_fails(world: World, command: str, code: int | None, told: str) -> None:
    world.rehearsal = replace(PROVEN, outcome="not proven", deploy_command=command, deploy_exit=code)
    answer = world.ask(KEY)
    assert answer.verdict is Verdict.FAIL
    assert told in answer.findings[0].sentence


@pytest.mark.finding(KEY, "deploy_not_seen")
@pytest.mark.parametrize("command", ["lost", ""])
def test_what_nobody_saw_is_not_measured(world: World, command: str) -> None:
    world.rehearsal = replace(PROVEN, outcome="unknown", deploy_command=command, deploy_exit=None)
    assert world.ask(KEY).verdict is Verdict.ERROR


@pytest.mark.finding(KEY, "outdated")
@pytest.mark.parametrize("facts", [replace(PROVEN, too_old="it is 20 days old"), replace(PROVEN, changed=("deploy",))])
def test_what_is_old_or_of_another_command_says_nothing_of_today(world: World, facts: RehearsalFacts) -> None:
    world.rehearsal = facts
    answer = world.ask(KEY)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"outdated"})


def test_a_changed_rollback_command_is_the_other_probes_matter(world: World) -> None:
    world.rehearsal = replace(PROVEN, changed=("rollback",))
    assert world.ask(KEY).verdict is Verdict.PASS


def test_a_rehearsal_does_not_ask_about_itself(world: World) -> None:
    world.rehearsing = "this run is part of a rehearsal"
    assert world.ask(KEY).verdict is Verdict.SKIPPED
