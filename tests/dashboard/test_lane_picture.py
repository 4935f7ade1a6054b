"""Lanes on one axis since the press: what the picture draws, that it says it in words, and that nothing leaves it."""

import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from dashboard.lane_picture import LEFT, NAME_LIMIT, RIGHT, ROW, STATE_LIMIT, TOP, picture, ticks
from dashboard.marks import MARKS
from releases.queries.lanes import LANES, Lanes, Line

pytestmark = pytest.mark.once

PRESS = datetime(2026, 3, 14, 9, 12, 3, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return PRESS + timedelta(seconds=seconds)


def drawn(
    *lines: Line, end: float = 20, word: str = "restored", on: bool = False, room: int = 0
) -> ElementTree.Element:
    lanes = Lanes("RB-1", word, PRESS, at(end), on, lines, room)
    return ElementTree.fromstring(picture(lanes, at(end), UTC))


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if name in element.get("class", "").split()]


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter("text")]


def test_it_says_in_its_title_what_it_shows() -> None:
    root = drawn(Line("people", "Cho Park", PRESS, PRESS, says="pressed"), end=21.2)
    assert root.findtext("title") == "RB-1: restored, 21.2\u202fs after the press at 09:12:03 UTC."
    assert root.get("role") == "img"


def test_the_clock_stands_at_both_ends_of_the_axis() -> None:
    line = Line("people", "Cho Park", PRESS, PRESS)
    assert texts(drawn(line))[:2] == ["09:12:03 UTC", "09:12:23 UTC"]
    assert texts(drawn(line, on=True))[1] == "so far, 09:12:23 UTC"


def test_a_bar_lies_where_its_line_was_on_the_axis() -> None:
    root = drawn(Line("command", "E-1", at(5), at(15), "pass", "exit 0"))
    (bar,) = of_class(root, "bar")
    quarter = (RIGHT - LEFT) / 4
    assert float(bar.get("x", 0)) == LEFT + quarter
    assert float(bar.get("width", 0)) == 2 * quarter
    assert "good" in bar.get("class", "")
    assert texts(root)[-2:] == ["E-1", "● pass, exit 0, 10.0\u202fs"]


def test_what_is_still_on_is_open_to_the_right() -> None:
    root = drawn(Line("command", "E-1", at(10), None, "running"), on=True)
    (bar,) = of_class(root, "on")
    assert bar.get("d", "").startswith(f"M{RIGHT}.0 ")
    assert not bar.get("d", "").endswith("z")
    assert of_class(root, "bar") == []
    assert texts(root)[-1] == "◔ running, 10.0\u202fs so far"


def test_what_takes_no_time_is_a_tick_with_its_distance_from_the_press() -> None:
    root = drawn(Line("people", "Ana Ruiz", at(18), at(18), says="asked it to stop"))
    assert len(of_class(root, "at")) == 1
    assert texts(root)[-1] == "asked it to stop, +18.0\u202fs"


def test_what_has_not_begun_is_said_and_not_drawn() -> None:
    root = drawn(Line("purge", "", None, None, "waiting"), on=True)
    assert texts(root)[-1] == "◌ waiting"
    assert [of_class(root, name) for name in ("bar", "on", "at")] == [[], [], []]


def test_probes_that_overlap_have_a_row_each() -> None:
    root = drawn(*[Line("probes", f"probe_{number}", at(number), at(10), "pass") for number in range(9)])
    tops = [float(bar.get("y", 0)) for bar in of_class(root, "bar")]
    assert tops == [tops[0] + ROW * number for number in range(9)]


def test_each_lane_is_named_once_and_they_stand_in_their_order() -> None:
    lines = [Line(lane, lane, PRESS, at(1), "pass") for lane in reversed(LANES) for _ in range(2)]
    assert [each.text for each in of_class(drawn(*lines), "lane")] == list(LANES)


def test_there_is_room_for_the_lines_still_to_come() -> None:
    line = Line("probes", "a", PRESS, None, "running")
    assert drawn(line, room=5).get("height") == drawn(*[line] * 6).get("height")


def test_a_long_or_hostile_name_is_cut_and_is_text_and_nothing_else() -> None:
    hostile = "<script>\u202e" + "x" * 500
    root = drawn(Line("people", hostile, PRESS, PRESS, says=hostile), Line("probes", hostile, PRESS, at(1), "pass"))
    said = texts(root)
    assert "<script>\\u202e" in "".join(said)
    assert "\u202e" not in "".join(said)
    assert max(len(each) for each in said) <= STATE_LIMIT
    assert f"<script>\\u202e{'x' * (NAME_LIMIT - 15)}…" in said


@pytest.mark.parametrize("word", sorted(MARKS))
def test_a_word_of_state_is_never_cut(word: str) -> None:
    line = Line("command", "E-1", PRESS, at(900), word, "why it is so, at length")
    assert word in texts(drawn(line, end=900))[-1]


@pytest.mark.parametrize(
    ("end", "named"),
    [
        (0.4, ["0", "0.1\u202fs", "0.2\u202fs", "0.3\u202fs", "0.4\u202fs"]),
        (2.5, ["0", "0.5\u202fs", "1\u202fs", "1.5\u202fs", "2\u202fs", "2.5\u202fs"]),
        (24, ["0", "5\u202fs", "10\u202fs", "15\u202fs", "20\u202fs"]),
        (80, ["0", "15\u202fs", "30\u202fs", "45\u202fs", "1\u202fmin", "1\u202fmin 15\u202fs"]),
        (480, ["0", "2\u202fmin", "4\u202fmin", "6\u202fmin", "8\u202fmin"]),
        (36_000, ["0", "2\u202fh", "4\u202fh", "6\u202fh", "8\u202fh", "10\u202fh"]),
        (3 * 86_400, ["0", "1\u202fd", "2\u202fd", "3\u202fd"]),
        (30 * 86_400, ["0", "7\u202fd", "14\u202fd", "21\u202fd", "28\u202fd"]),
    ],
)
def test_the_axis_counts_in_what_suits_its_length(end: float, named: list[str]) -> None:
    root = drawn(Line("people", "Cho Park", PRESS, PRESS), end=end)
    assert texts(root)[3 : 3 + len(named)] == named
    assert of_class(root, "grid")[len(named)].get("d", "").startswith("M0 "), "no tick more"


@given(st.floats(0, 1e9))
def test_the_axis_has_few_names_and_they_lie_on_it(total: float) -> None:
    found = ticks(total)
    assert found[0] == 0
    assert len(found) <= 7
    assert found[-1] <= total + 0.1


LINES = st.builds(
    lambda lane, name, start, took, word: Line(
        lane,
        name,
        None if start is None else at(start),
        None if took is None or start is None else at(start + took),
        word,
    ),
    st.sampled_from(LANES),
    st.text(max_size=60).filter(lambda text: not any(0xD800 <= ord(each) <= 0xDFFF for each in text)),
    st.none() | st.floats(-5, 1e6),
    st.none() | st.floats(-5, 1e6),
    st.sampled_from(["", *sorted(MARKS)]),
)


@given(st.lists(LINES, min_size=1, max_size=30), st.floats(0, 1e6), st.booleans())
def test_whatever_the_clocks_say_nothing_leaves_the_picture(lines: list[Line], end: float, on: bool) -> None:
    root = drawn(*lines, end=end, on=on)
    for bar in of_class(root, "bar"):
        assert float(bar.get("x", 0)) >= LEFT
        assert float(bar.get("x", 0)) + float(bar.get("width", 0)) <= RIGHT + 0.1
    for tick in [*of_class(root, "at"), *of_class(root, "on")]:
        assert LEFT <= float(tick.get("d", "").partition(" ")[0][1:]) <= RIGHT + 0.1
    assert float(root.get("height", 0)) >= TOP + ROW * len(lines)
