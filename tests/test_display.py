"""Foreign text is shown, and does nothing."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from releases.display import hidden_character, utc_text, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a\\u0000b"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("bell\x07", "bell\\u0007"),
        ("over\rwrite", "over\\u000dwrite"),
        ("abc\u202egpj", "abc\\u202egpj"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ufeffmark", "\\ufeffmark"),
        ("\x9b31m", "\\u009b31m"),
        ("line\u2028break", "line\\u2028break"),
    ],
)
def test_what_would_act_on_a_terminal_or_a_page_is_written_out(text: str, shown: str) -> None:
    """B32"""
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["", "plain", "two\nlines\tand a tab", "naïve café", "日本語", "🚀", "<b>&amp;</b>"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text
    assert hidden_character(text) is None


def test_a_hidden_character_is_named_by_its_code_point() -> None:
    """C3"""
    assert hidden_character("abc\u202edef") == "U+202E RIGHT-TO-LEFT OVERRIDE"


def test_a_control_character_has_no_name_of_its_own_and_still_gets_one() -> None:
    """C3"""
    assert hidden_character("a\x00") == "U+0000 control character"


def test_a_time_for_machines_is_utc_with_z_whatever_its_zone() -> None:
    moment = datetime(2026, 3, 14, 10, 12, 3, tzinfo=ZoneInfo("Europe/Berlin"))
    assert utc_text(moment) == "2026-03-14T09:12:03Z"
