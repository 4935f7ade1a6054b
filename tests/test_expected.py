"""Reading an expected result: what figures can score, and what a person has to say."""

import pytest

from releases.expected import read_expected

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "route", "limit"),
    [
        ("p95 of /articles <= +10%", "/articles", "p95 <= +10%"),
        ("p95 of /articles <= +10 %", "/articles", "p95 <= +10%"),
        ("p50 of /<=300ms", "/", "p50 <= 300ms"),
        ("p99 of /a?page=2 <= 0.5 s", "/a?page=2", "p99 <= 500ms"),
        ("p95 of /articles <= -50%", "/articles", "p95 <= -50%"),
    ],
)
def test_a_limit_of_a_route_is_scored_by_figures(text: str, route: str, limit: str) -> None:
    (result,) = read_expected(text)
    assert (result.text, result.route, str(result.criterion)) == (text, route, limit)


def test_lines_and_semicolons_separate_results() -> None:
    found = read_expected("p95 of /articles <= +10%; the list names three\nReaders see teasers.\n\n")
    assert [each.text for each in found] == [
        "p95 of /articles <= +10%",
        "the list names three",
        "Readers see teasers.",
    ]
    assert [each.criterion is None for each in found] == [False, True, True]


def test_words_around_a_limit_stay_a_result_of_their_own() -> None:
    text = "Fewer reads: p95 of /articles <= +10%, logged-in pages as before."
    assert [each.text for each in read_expected(text)] == ["p95 of /articles <= +10%", text]


@pytest.mark.parametrize(
    "text", ["p95 of /articles <= 10%", "p95 of /articles <= +10ms", "p90 of / <= 1s", "p95 <= 1s"]
)
def test_what_is_no_criterion_is_text_that_a_person_confirms(text: str) -> None:
    (result,) = read_expected(text)
    assert (result.text, result.criterion) == (text, None)


def test_nothing_but_punctuation_promises_nothing() -> None:
    assert read_expected(" ; -- \n") == []


def test_the_number_of_results_is_bounded() -> None:
    assert len(read_expected("one more\n" * 500)) == 20
