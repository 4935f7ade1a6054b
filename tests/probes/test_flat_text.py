"""Flat configurations: what is read from JSON and from KEY=VALUE lines, and what is refused without showing it."""

import contextlib
import json
import time

import pytest
from hypothesis import given, settings, strategies as st

from releases.probes.flat_text import LARGEST, MOST_KEYS, Unreadable, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("\ufeffA=1", {"A": "1"}),
        ("# comment\n\n  # another\nA=1 # why\n", {"A": "1"}),
        ("export A=1\nexport\tB=2", {"A": "1", "B": "2"}),
        ("  A = one two  \n", {"A": "one two"}),
        ("A=", {"A": ""}),
        ("A= # only a comment", {"A": ""}),
        ("COLOR=#fff", {"COLOR": "#fff"}),
        ("URL=https://x.org/?a=b#c", {"URL": "https://x.org/?a=b#c"}),
        ("A='single \"quotes\" $x \\n'", {"A": 'single "quotes" $x \\n'}),
        ('A="double \'quotes\'" # why', {"A": "double 'quotes'"}),
        (r'A="a\nb\t\"c\" \\ \$d \q"', {"A": 'a\nb\t"c" \\ $d \\q'}),
        ('A="one\ntwo"\nB=3', {"A": "one\ntwo", "B": "3"}),
        ("A='# no comment'", {"A": "# no comment"}),
        ("A=1\nA=2", {"A": "2"}),
        ('FLAGS={"a": 1}', {"FLAGS": '{"a": 1}'}),
        ("app.cache-size=5", {"app.cache-size": "5"}),
        ("A=it's", {"A": "it's"}),
        ('{"A": "1", "B": 2}', {"A": "1", "B": "2"}),
        ('\n {"A": true, "B": false, "C": null}', {"A": "true", "B": "false", "C": "null"}),
        ('{"A": 1.50, "B": 1e3}', {"A": "1.50", "B": "1e3"}),
        ('{"A": NaN, "B": 999999999999999999999999}', {"A": "NaN", "B": "999999999999999999999999"}),
        ('{"A": "1", "A": "2"}', {"A": "2"}),
        ('{"a key with spaces": "ü"}', {"a key with spaces": "ü"}),
    ],
)  # fmt: skip
def test_what_is_read(text: str, expected: dict[str, str]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it has no key at all"),
        ("# nothing\n", "it has no key at all"),
        ("{}", "it has no key at all"),
        ("A=1\nhunter2\nB=2", "line 2 is not KEY=VALUE"),
        ("A=1\n\n9A=hunter2", "line 3 is not KEY=VALUE"),
        ("=hunter2", "line 1 is not KEY=VALUE"),
        ("A B=hunter2", "line 1 is not KEY=VALUE"),
        ("K" * 101 + "=hunter2", "line 1 is not KEY=VALUE"),
        ('A=1\nB="hunter2\nC=3', "line 2 has a quote that does not end"),
        ("A='hunter2", "line 1 has a quote that does not end"),
        ('A="one\ntwo" hunter2', "line 2 goes on after its closing quote"),
        ("A=1\nB=hunter2\udcff", "line 2 is not UTF-8 text"),
        ("A=hunter2\x00", "line 1 is not UTF-8 text"),
        ('{"A": "hunter2"', "line 1 is not JSON, at column 16"),
        ('{"A": "1",\n "B": hunter2}', "line 2 is not JSON, at column 7"),
        ('{"A": "1"} hunter2', "line 1 is not JSON, at column 12"),
        ('["hunter2"]', "it is a list, not an object with keys"),
        ('{"A": {"B": "hunter2"}}', "the value of A is nested; only plain values are compared"),
        ('{"A": ["hunter2"]}', "the value of A is nested; only plain values are compared"),
        ('{"A": {}}', "the value of A is nested; only plain values are compared"),
        ('{"": "hunter2"}', "key 1 is not 1-100 printable characters"),
        ('{"A": 1, "a\\u202eb": "hunter2"}', "key 2 is not 1-100 printable characters"),
        ('{"A": "hunter2\\ud800"}', "the value of A is not UTF-8 text"),
        ('{"A": "hunter2\\u0000"}', "the value of A is not UTF-8 text"),
        ("<html>hunter2</html>", "line 1 is not KEY=VALUE"),
        ('{"A":' * 30_000, ""),
        ("\n".join(f"K{n}=hunter2" for n in range(MOST_KEYS + 1)), "it has 501 keys; at most 500 are read"),
        ("A=" + "x" * LARGEST, "it has more than 65,536 characters"),
    ],
)
def test_what_is_refused_names_its_place_and_never_shows_a_value(text: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as error:
        parse(text)
    assert str(error.value).startswith(sentence)
    assert "hunter2" not in str(error.value)
    assert len(str(error.value)) < 200


def test_exactly_as_many_keys_as_allowed_are_read() -> None:
    assert len(parse("\n".join(f"K{n}=" for n in range(MOST_KEYS)))) == MOST_KEYS


@pytest.mark.parametrize(
    "text",
    ["A=\n" * 20_000, '"' * 60_000, 'A="' + "\\" * 60_000, "A=" + " #" * 30_000, " " * 60_000 + "A", "{" * 60_000],
    ids=["lines", "quotes", "backslashes", "comments", "spaces", "braces"],
)
def test_a_text_made_to_take_long_is_read_or_refused_soon(text: str) -> None:
    began = time.monotonic()
    with contextlib.suppress(Unreadable):
        parse(text)
    assert time.monotonic() - began < 2


VALUES = st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00\r"), max_size=30)


@settings(max_examples=150)
@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,9}", fullmatch=True), VALUES, min_size=1, max_size=5))
def test_both_forms_of_the_same_configuration_read_the_same(given: dict[str, str]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = "".join(f"{key}={quoted(value)}\n" for key, value in given.items())
    assert parse(lines) == parse(json.dumps(given)) == given
