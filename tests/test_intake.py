"""Untrusted input becomes a typed spec, or every problem at once."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from releases import intake
from releases.errors import Invalid, Malformed, Problem
from releases.intake import (
    FinishSpec,
    LiftSpec,
    ReleaseSpec,
    RollbackSpec,
    StartSpec,
    TokenSpec,
    from_json,
    from_text,
    lines,
)

RELEASE: dict[str, Any] = {
    "service": "archive",
    "version": "2026.11.4",
    "owner": "Ben Okafor",
    "expected_result": "p95 of /articles <= +10 %",
    "rollback_note": "Back to the version before; purge /articles.",
}
ROLLBACK = {"service": "archive", "environment": "production", "live": "7", "target": "3", "reason": "users"}


def problems_of(given: dict[str, Any]) -> dict[str, Problem]:
    """Return what is wrong with a release, by field."""
    with pytest.raises(Invalid) as refused:
        from_json(ReleaseSpec, json.dumps(given).encode())
    return {problem.field: problem for problem in refused.value.problems}


def the_problem(**changes: Any) -> Problem:
    problems = problems_of({**RELEASE, **changes})
    assert len(problems) == 1, problems
    return next(iter(problems.values()))


def malformed(body: bytes) -> Problem:
    with pytest.raises(Malformed) as refused:
        from_json(ReleaseSpec, body)
    return refused.value.problems[0]


# --- What is accepted -------------------------------------------------------------------------------------------------


def test_a_release_with_only_what_is_required_is_accepted() -> None:
    spec = from_json(ReleaseSpec, json.dumps(RELEASE).encode())
    assert (spec.version, spec.affected_routes, spec.change_url) == ("2026.11.4", [], "")


def test_form_and_json_give_the_same_spec() -> None:
    given = {**RELEASE, "affected_routes": ["/articles", "/"], "change_url": "https://example.org/c/1"}
    assert from_text(ReleaseSpec, given) == from_json(ReleaseSpec, json.dumps(given).encode())


def test_an_empty_text_counts_as_not_given() -> None:
    assert from_text(ReleaseSpec, {**RELEASE, "assumptions": "", "change_size": ""}).assumptions == ""


def test_spaces_around_a_text_and_foreign_line_ends_are_tidied() -> None:
    spec = from_text(ReleaseSpec, {**RELEASE, "owner": " Ben Okafor ", "rollback_note": "one\r\ntwo\n"})
    assert (spec.owner, spec.rollback_note) == ("Ben Okafor", "one\ntwo")


def test_numbers_and_yes_or_no_come_as_text_from_a_form() -> None:
    spec = from_text(RollbackSpec, {**ROLLBACK, "purge": "false"})
    assert (spec.live, spec.target, spec.purge) == (7, 3, False)


def test_lines_of_a_text_box_become_a_list_without_empty_ones() -> None:
    assert lines(" /a \r\n\r\n/b\n") == ["/a", "/b"]


# --- Texts and names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("owner", ["", "   ", "\n"])
def test_an_empty_name_is_refused_with_its_limits(owner: str) -> None:
    """C1"""
    problem = the_problem(owner=owner)
    assert (problem.failed, problem.expected) == ("owner is empty.", "a name of 1-80 characters")


@pytest.mark.parametrize("length", [81, 10_000])
def test_a_long_name_is_refused_with_the_length_it_has(length: int) -> None:
    """C2"""
    problem = the_problem(owner="a" * length)
    assert problem.failed == f"owner has {length:,} characters."
    assert "1-80" in problem.expected
    assert len(problem.got) == 81


@pytest.mark.parametrize(
    ("owner", "named"),
    [
        ("Ben\nOkafor", "a line break or tab"),
        ("Ben\x00", "U+0000"),
        ("Ben \u202erofakO", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("Ben\u200bOkafor", "U+200B ZERO WIDTH SPACE"),
    ],
)
def test_a_hidden_character_in_a_name_is_named(owner: str, named: str) -> None:
    """C3, C30"""
    assert named in the_problem(owner=owner).failed


def test_a_note_may_have_lines_but_no_hidden_characters() -> None:
    assert from_text(ReleaseSpec, {**RELEASE, "rollback_note": "one\ntwo\tthree"}).rollback_note == "one\ntwo\tthree"
    assert "U+001B" in the_problem(rollback_note="one\n\x1b[2Jtwo").failed


@pytest.mark.parametrize("version", ["", "-1", "a b", "1/2", "1\n", "../x", "ä", "a" * 101, "$(id)", "1;reboot"])
def test_a_version_that_could_be_more_than_a_version_is_refused(version: str) -> None:
    """C20: it stands in an argv list, a page and an address."""
    assert the_problem(version=version).field == "version"


@pytest.mark.parametrize("service", ["", "Archive", "a_b", "-a", "a" * 41, "archive\n"])
def test_a_key_of_a_service_is_a_short_plain_word(service: str) -> None:
    assert "a-z, 0-9 and -" in the_problem(service=service).expected


# --- Addresses and routes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "example.com/x",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:abc/",
        "https://[::1/",
        "https://exa mple.com/",
        "https://example.com/a\\b",
        "https://example.com/\nX: 1",
    ],
)
def test_what_is_no_web_address_is_refused_with_the_schemes_that_are_accepted(address: str) -> None:
    """C5, C6, C9, C12, B53"""
    problem = the_problem(change_url=address)
    assert problem.field == "change_url"
    assert "https:// or http://" in problem.expected


def test_credentials_in_an_address_are_refused_and_not_repeated() -> None:
    """C8"""
    problem = the_problem(change_url="https://ben:hunter2@example.com/")
    assert problem.failed == "change_url holds credentials."
    assert "hunter2" not in problem.got + problem.sentence


def test_an_address_that_is_encoded_is_kept_as_it_is() -> None:
    """C13"""
    spec = from_text(ReleaseSpec, {**RELEASE, "change_url": "https://example.com/%0d%0aX:1"})
    assert spec.change_url == "https://example.com/%0d%0aX:1"


@pytest.mark.parametrize(
    "route",
    ["/*", "/.*", "/articles/[0-9]", "", "articles", "//evil.example/x", "https://other/x", "/a b", "/a\r\nX:1"],
)
def test_a_route_that_is_not_one_exact_path_is_refused(route: str) -> None:
    """C14, C15, B53"""
    problem = the_problem(affected_routes=["/articles", route])
    assert problem.field == "affected_routes.1"
    assert "no wildcards" in problem.expected


def test_more_routes_than_are_ever_purged_are_refused() -> None:
    assert "at most 50" in the_problem(affected_routes=[f"/{number}" for number in range(51)]).expected


# --- When the oldest commit was made ----------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["2026-03-14T10:00:00+01:00", "2026-03-14T09:00:00Z", " 2026-03-14t09:00:00z\n"])
def test_a_commits_time_is_kept_in_utc_from_whatever_zone_it_comes(written: str) -> None:
    spec = from_text(ReleaseSpec, {**RELEASE, "committed_at": written})
    assert spec.committed_at == datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
    assert '"committed_at":"2026-03-14T09:00:00Z"' in spec.model_dump_json()


@pytest.mark.parametrize("nothing", ["", " ", None])
def test_a_commits_time_that_is_not_known_leaves_the_spec_as_it_was(nothing: Any) -> None:
    """An Idempotency-Key of before there was such a time stands for the same request."""
    spec = from_json(ReleaseSpec, json.dumps({**RELEASE, "committed_at": nothing}).encode())
    assert spec == from_json(ReleaseSpec, json.dumps(RELEASE).encode())
    assert "committed_at" not in spec.model_dump()


@pytest.mark.parametrize(
    "written",
    ["yesterday", "2026-02-30T09:00:00Z", "2026-03-14T09:00:00", "2026-03-14 09:00:00 +0100", 1773478800, "1773478800"],
)
def test_what_is_no_moment_with_its_zone_is_refused_with_an_example(written: Any) -> None:
    """C42"""
    problem = the_problem(committed_at=written)
    assert problem.failed == "committed_at is not a moment."
    assert problem.expected == "RFC 3339 with offset, such as 2026-03-14T09:00:00Z, since 2000 and not in the future"


@pytest.mark.parametrize("written", ["1970-01-01T00:00:00Z", "9999-12-31T00:00:00Z"])
def test_a_commit_of_a_year_that_no_clock_means_is_refused(written: str) -> None:
    """C42"""
    assert the_problem(committed_at=written).failed == "committed_at lies beyond 2000-2199."


def test_a_commit_of_the_future_is_refused_but_for_clocks_that_differ() -> None:
    def after(minutes: int) -> str:
        return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()

    assert from_text(ReleaseSpec, {**RELEASE, "committed_at": after(4)}).committed_at is not None
    assert the_problem(committed_at=after(6)).failed == "committed_at lies in the future."


# --- Fields -----------------------------------------------------------------------------------------------------------


def test_every_problem_is_said_at_once() -> None:
    problems = problems_of({"service": "Archive", "version": "", "owner": "", "surprise": 1})
    assert set(problems) == {"service", "version", "owner", "expected_result", "rollback_note", "surprise"}


def test_an_unknown_field_is_named_with_those_that_are_known() -> None:
    """C30"""
    problem = the_problem(ownr="Ben")
    assert (problem.code, problem.failed) == ("unknown_field", "ownr is not known.")
    assert "owner" in problem.expected


def test_the_name_of_an_unknown_field_is_cut_and_made_visible() -> None:
    problem = the_problem(**{"\x1b" + "x" * 100_000: 1})
    assert "\x1b" not in problem.failed
    assert len(problem.sentence) < 500


def test_a_missing_field_is_named() -> None:
    """C30"""
    problem = problems_of({key: value for key, value in RELEASE.items() if key != "rollback_note"})["rollback_note"]
    assert (problem.code, problem.failed) == ("missing", "rollback_note is missing.")


@pytest.mark.parametrize(("field", "value"), [("owner", 5), ("owner", None), ("affected_routes", "/a")])
def test_json_of_the_wrong_type_is_refused_and_not_guessed(field: str, value: Any) -> None:
    """C30"""
    assert the_problem(**{field: value}).field == field


@pytest.mark.parametrize("wait", ['"5"', "5.0", "true", "-1", "61", "null"])
def test_a_wait_that_is_no_whole_number_within_its_limits_is_refused(wait: str) -> None:
    """C30"""
    body = f'{{"service": "archive", "environment": "production", "version": "1", "wait": {wait}}}'
    with pytest.raises(Invalid) as refused:
        from_json(StartSpec, body.encode())
    assert refused.value.problems[0].expected == "0-60 whole seconds"


def test_whether_a_deployment_succeeded_is_true_or_false_and_not_a_text() -> None:
    with pytest.raises(Invalid):
        from_json(FinishSpec, b'{"succeeded": "true"}')


def test_at_most_twenty_problems_are_said() -> None:
    with pytest.raises(Invalid) as refused:
        from_json(ReleaseSpec, json.dumps({**RELEASE, **{f"x{number}": 1 for number in range(500)}}).encode())
    assert len(refused.value.problems) == 20


def test_why_somebody_rolls_back_is_one_of_the_reasons_offered() -> None:
    with pytest.raises(Invalid) as refused:
        from_text(RollbackSpec, {**ROLLBACK, "reason": "because"})
    problem = refused.value.problems[0]
    assert problem.failed == "reason is none of the words that it can be."
    assert problem.expected == "one of checklist, users, slow, other"


def test_a_scope_that_there_is_none_of_is_said_to_be_no_word_of_it() -> None:
    with pytest.raises(Invalid) as refused:
        from_text(TokenSpec, {"name": "ci", "scopes": ["read", "people:write"], "days": "90"})
    assert [problem.failed for problem in refused.value.problems] == ["scopes.1 is none of the words that it can be."]


def test_lifting_a_freeze_needs_a_reason() -> None:
    with pytest.raises(Invalid):
        from_text(LiftSpec, {"reason": "  "})


def test_text_that_is_no_unicode_is_refused_and_not_stored() -> None:
    """A byte that the terminal passed on undecoded."""
    with pytest.raises(Invalid):
        from_text(ReleaseSpec, {**RELEASE, "owner": "Ben\udcff"})


# --- JSON that cannot be read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"not json", b'{"service": "archive"', b'{"a": 1,}', b"{'a': 1}"])
def test_a_body_that_is_not_json_is_refused_with_line_and_column(body: bytes) -> None:
    """C28"""
    assert "line 1, column" in malformed(body).failed


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"5", b"null"])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    assert malformed(body).failed == "The body is not a JSON object."


def test_bytes_that_are_not_utf_8_are_refused_with_their_place() -> None:
    assert malformed(b'{"owner": "\xff"}').failed == "Byte 11 is not UTF-8."


def test_a_key_that_stands_twice_is_refused() -> None:
    """C29"""
    problem = malformed(b'{"owner": "a", "owner": "b"}')
    assert (problem.failed, problem.got) == ("A key stands twice in one object.", "owner")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(constant: str) -> None:
    """C29"""
    assert malformed(f'{{"wait": {constant}}}'.encode()).failed == f"{constant} is not JSON."


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e999"])
def test_a_huge_number_is_refused(number: str) -> None:
    """C29"""
    assert "too l" in malformed(f'{{"wait": {number}}}'.encode()).failed


def test_deep_nesting_is_refused() -> None:
    """C29"""
    assert malformed(b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b"}").failed == "The JSON is nested too deeply."


def test_brackets_inside_a_text_are_no_nesting() -> None:
    assert from_text(ReleaseSpec, {**RELEASE, "rollback_note": "[" * 100}).rollback_note == "[" * 100
    assert the_problem(rollback_note="[{" * 100, surprise=1).code == "unknown_field"


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "' + b'\\"' * 500_000,
        b'{"a": "' + b'\\"' * 500_000 + b"\\",
        b'"' * 1_000_000,
        b"[" * 1_000_000,
        b'{"a": ' + b"9" * 1_000_000 + b"}",
    ],
    ids=["open text of escaped quotes", "with a backslash at its end", "quotes", "brackets", "digits"],
)
def test_a_megabyte_of_trouble_is_refused_in_a_moment(body: bytes) -> None:
    """C29, C32"""
    began = time.process_time()
    malformed(body)
    assert time.process_time() - began < 2


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises((Invalid, Malformed)):
        from_json(ReleaseSpec, json.dumps({**RELEASE, "owner": "\ud800"}).encode())


def test_every_field_of_a_spec_says_what_is_expected_of_it() -> None:
    specs = [each for each in vars(intake).values() if isinstance(each, type) and issubclass(each, intake.Spec)]
    silent = {name for spec in specs for name in spec.model_fields if intake._expected(spec, name) == "a known field"}
    assert silent == set()
