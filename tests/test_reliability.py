"""docs/reliability.md lists every fault, and names tests that exist and say which row they show."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings

pytestmark = pytest.mark.once

TESTS = Path(settings.BASE_DIR) / "tests"
PAGE = Path(settings.BASE_DIR) / "docs" / "reliability.md"
ROWS = range(1, 63)
MAY_BE_OPEN = {17, 18, 19, 21}
"""Rows that may be shown by nothing yet; the page then says `open:` and why."""


class Row(NamedTuple):
    number: int
    injected: str
    holds: str
    shown_by: list[str]
    result: str


def rows() -> list[Row]:
    found = re.findall(r"^\| B(\d+) \| (.+?) \| (.+?) \| (.*?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    return [
        Row(int(number), injected, holds, re.findall(r"`([^`]+)`", shown_by), result)
        for number, injected, holds, shown_by, result in found
    ]


@cache
def told() -> dict[str, set[int]]:
    """Return the rows that each test of the suite says it shows, by `file::test`."""
    return {
        f"{path.relative_to(TESTS)}::{node.name}": {
            int(number) for number in re.findall(r"\bB(\d+)\b", ast.get_docstring(node) or "")
        }
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_row_stands_there_once_and_in_order() -> None:
    assert [row.number for row in rows()] == list(ROWS)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"B{row.number}")
def test_a_row_is_shown_by_tests_or_is_open_with_its_reason(row: Row) -> None:
    opened = row.result.startswith("open: ")
    assert row.shown_by or opened, "no test shows it"
    assert not opened or row.number in MAY_BE_OPEN, "this row may not be open"


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"B{row.number}")
def test_every_named_test_is_there_and_says_that_it_shows_the_row(row: Row) -> None:
    missing = [name for name in row.shown_by if name not in told()]
    silent = [name for name in row.shown_by if name not in missing and row.number not in told()[name]]
    assert (missing, silent) == ([], [])


def test_every_row_that_a_test_names_is_listed() -> None:
    assert set().union(*told().values()) - set(ROWS) == set()
