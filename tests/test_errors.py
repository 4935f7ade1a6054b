"""A refusal says what failed, what was expected, and whether to try again."""

import pytest

from releases.errors import (
    DO_NOT_RETRY,
    Conflict,
    Denied,
    Invalid,
    Malformed,
    NotFound,
    Problem,
    Refused,
)


def problem(**changes: str) -> Problem:
    return Problem(**{"code": "x", "failed": "It failed.", "expected": "better", **changes})


def test_a_problem_is_three_sentences() -> None:
    assert problem().sentence == "It failed. Expected: better. Safe to try again."


def test_a_problem_that_must_not_be_tried_again_says_so() -> None:
    assert problem(retry=DO_NOT_RETRY).sentence.endswith("Do not try again.")


def test_a_problem_that_passes_says_when_to_try_again() -> None:
    assert problem(retry="in 5 s").sentence.endswith("Try again in 5 s.")


def test_what_failed_ends_with_a_stop_even_where_it_ends_with_somebodys_own_words() -> None:
    assert problem(failed="Frozen by Ana: names leaked").sentence.startswith("Frozen by Ana: names leaked. Expected")


def test_what_was_given_is_cut_and_made_visible() -> None:
    got = problem(got="\x00" + "a" * 10_000).got
    assert got.startswith("\\u0000aaa")
    assert len(got) == 81
    assert got.endswith("…")


def test_a_refusal_carries_every_problem() -> None:
    refused = Invalid(problem(code="one"), problem(code="two"))
    assert [each.code for each in refused.problems] == ["one", "two"]
    assert str(refused).count("Expected:") == 2


def test_a_conflict_carries_what_stands_in_the_way() -> None:
    thing = object()
    assert Conflict(problem(), made=thing).made is thing


@pytest.mark.parametrize(
    ("kind", "status"), [(Invalid, 422), (Malformed, 400), (Denied, 403), (NotFound, 404), (Conflict, 409)]
)
def test_each_kind_of_refusal_has_its_status(kind: type[Refused], status: int) -> None:
    assert kind(problem()).status == status
