"""What single fields look like by the letter, whatever stands in them."""

import time
from email.utils import formatdate

import pytest
from hypothesis import given, strategies as st

from releases.probes.field_notes import CHECKED, LONGEST_LINE, MOST_NOTES, notes

NOW = 1_760_000_000.0
DATE = ("Date", formatdate(NOW, usegmt=True))


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [DATE, ("Cache-Control", "public, max-age=60"), ("Vary", "Accept-Encoding"), ("ETag", '"a"')],
        [DATE, ("Expires", "0")],
        [DATE, ("Expires", " -1 ")],
        [("Set-Cookie", "a=b"), ("Content-Type", "nonsense")],
    ],
)
def test_what_is_in_order_is_not_mentioned(fields: list[tuple[str, str]]) -> None:
    assert notes(200, fields, NOW) == []


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        (("Expires", "tomorrow"), "The Expires header's value isn't a valid date."),
        (("Last-Modified", "1"), "The Last-Modified header's value isn't a valid date."),
        (("Age", "x"), "The Age header's value should be an integer."),
        (("Cache-Control", 'public, foo="a'), "The Cache-Control field value doesn't conform to its specified syntax."),
    ],
)
def test_what_is_malformed_is_said(field: tuple[str, str], sentence: str) -> None:
    assert notes(200, [DATE, field], NOW) == [sentence]


def test_a_clock_that_is_wrong_is_said() -> None:
    """B21: a service whose clock is behind makes every lifetime another one."""
    behind = [("Date", formatdate(NOW - 300, usegmt=True)), ("Cache-Control", "max-age=60")]
    assert notes(200, behind, NOW) == ["The server's clock is 5 minutes behind."]
    assert notes(200, [*behind, ("Age", "300")], NOW) == []


NAMES = st.sampled_from(sorted(CHECKED)) | st.text(st.characters(max_codepoint=255), max_size=10)
VALUES = st.text(st.characters(max_codepoint=255), max_size=LONGEST_LINE * 2)


@given(fields=st.lists(st.tuples(NAMES, VALUES), max_size=30), status=st.integers(-1, 10_000))
def test_no_fields_make_it_raise_or_say_much(fields: list[tuple[str, str]], status: int) -> None:
    """B52"""
    found = notes(status, fields, NOW)
    assert len(found) <= MOST_NOTES
    assert all(0 < len(note) <= 200 for note in found)


@pytest.mark.parametrize("value", [",", "=", '"', "a,", 'a="\\', "*,", "; ", "0" * 100])
def test_no_field_takes_longer_than_a_moment(value: str) -> None:
    """B52"""
    fields = [(name, value * 1000) for name in sorted(CHECKED) for _ in range(10)]
    notes(200, fields, NOW)
    began = time.perf_counter()
    notes(200, fields, NOW)
    assert time.perf_counter() - began < 0.5
