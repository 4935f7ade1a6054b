"""`rollback_command`: whatever the worker reports becomes a finding."""

from dataclasses import replace

import pytest

from releases.states import Regression, Verdict
from tests.probes.conftest import NO_PROBLEMS, World, kinds_of

KEY = "rollback_command"


def test_it_passes_when_nothing_is_in_the_way(world: World) -> None:
    answer = world.ask(KEY)
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])
    assert answer.figures == {"target_version": "1.4.1", "digest": "0" * 64, "rehearsed_s_ago": 3600.0}


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param(identity, marks=pytest.mark.finding(KEY, identity))
        for identity in (
            "does_not_render",
            "program_missing",
            "not_executable",
            "directory_missing",
            "lock_held",
            "artifact_missing",
            "no_worker",
        )
    ],
)
def test_each_problem_fails_with_its_detail(world: World, identity: str) -> None:
    """B40"""
    world.facts = replace(NO_PROBLEMS, problems=((identity, "/srv/shop/bin/deploy"),))
    answer = world.ask(KEY)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {identity})
    assert "/srv/shop/bin/deploy" in answer.findings[0].sentence


@pytest.mark.parametrize(
    ("identity", "verdict"),
    [
        pytest.param("artifact_unknown", Verdict.ERROR, marks=pytest.mark.finding(KEY, "artifact_unknown")),
        pytest.param("worker_busy", Verdict.INCONCLUSIVE, marks=pytest.mark.finding(KEY, "worker_busy")),
        pytest.param("artifact_not_checked", Verdict.PASS, marks=pytest.mark.finding(KEY, "artifact_not_checked")),
    ],
)
def test_what_could_not_be_seen_is_told_from_what_is_wrong(world: World, identity: str, verdict: Verdict) -> None:
    """A catalogue that names no proof is only told so; a proof that could not be had is never a pass."""
    world.facts = replace(NO_PROBLEMS, problems=((identity, "the store answered 503"),))
    answer = world.ask(KEY)
    assert (answer.verdict, kinds_of(answer)) == (verdict, {identity})
    assert "the store answered 503" in answer.findings[0].sentence


def test_an_answer_that_did_not_come_is_no_regression_and_no_improvement(world: World) -> None:
    world.remember(world.ask(KEY))
    world.facts = replace(NO_PROBLEMS, problems=(("worker_busy", "queue act.archive.production"),))
    assert world.ask(KEY).regression is Regression.UNKNOWN


@pytest.mark.finding(KEY, "other_problem")
def test_a_problem_that_this_probe_does_not_know_fails_too(world: World) -> None:
    world.facts = replace(NO_PROBLEMS, problems=(("quota", "no space left"), ("moon", "")))
    answer = world.ask(KEY)
    assert answer.verdict is Verdict.FAIL
    assert len({finding.identity for finding in answer.findings}) == 2


@pytest.mark.finding(KEY, "no_target")
def test_a_first_deployment_has_nothing_to_go_back_to(world: World) -> None:
    world.facts = replace(NO_PROBLEMS, target_version=None, problems=(("no_target", "no release was verified"),))
    assert world.ask(KEY).verdict is Verdict.SKIPPED


def test_without_a_target_other_problems_still_fail(world: World) -> None:
    problems = (("no_target", "none"), ("program_missing", "bin/deploy"))
    world.facts = replace(NO_PROBLEMS, target_version=None, problems=problems)
    assert world.ask(KEY).verdict is Verdict.FAIL


@pytest.mark.finding(KEY, "no_rehearsal_yet")
def test_no_rehearsal_is_a_note_where_none_is_required(world: World) -> None:
    world.facts = replace(NO_PROBLEMS, rehearsed_seconds_ago=None, rehearsal_required=False)
    assert world.ask(KEY).verdict is Verdict.PASS


@pytest.mark.finding(KEY, "rehearsal_required")
def test_no_rehearsal_fails_where_one_is_required(world: World) -> None:
    world.facts = replace(NO_PROBLEMS, rehearsed_seconds_ago=None, rehearsal_says="RH-3: it is not proven")
    answer = world.ask(KEY)
    assert answer.verdict is Verdict.FAIL
    assert (
        answer.findings[0].sentence == "this environment requires a rehearsal, and none counts: RH-3: it is not proven"
    )


def test_a_problem_that_was_there_before_is_no_regression(world: World) -> None:
    world.facts = replace(NO_PROBLEMS, problems=(("program_missing", "bin/deploy"),))
    assert world.ask_again(KEY).regression is Regression.NO
    world.facts = replace(NO_PROBLEMS, problems=(("program_missing", "x"), ("directory_missing", "/srv")))
    assert world.ask(KEY).regression is Regression.YES
