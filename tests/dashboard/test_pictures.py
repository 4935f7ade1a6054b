"""The before/after picture: what it draws, and that it says it in words as well."""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, strategies as st

from dashboard.pictures import BINS, FEWEST_FOR_BINS, RIGHT, Series, distribution, sentence

pytestmark = pytest.mark.once


def series(*samples: float, n: int = 30) -> Series:
    measured = [samples[number % len(samples)] for number in range(n)]
    return Series(measured, samples[0], samples[-1], samples[-1])


def drawn(
    before: Series | None, after: Series, budget: float | None = None, subject: str = "/a"
) -> ElementTree.Element:
    picture = distribution(subject=subject, before=before, after=after, budget=budget)
    return ElementTree.fromstring(picture)


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if name in element.get("class", "").split()]


def test_a_picture_says_in_its_title_what_it_shows() -> None:
    root = drawn(series(100, 205), series(400, 810), budget=300)
    assert root.findtext("title") == "/a: p95 rose from 205\u202fms to 810\u202fms; budget 300\u202fms."
    assert root.get("role") == "img"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, 810, "p95 is 810\u202fms."),
        (810, 205, "p95 fell from 810\u202fms to 205\u202fms."),
        (205, 205, "p95 stayed at 205\u202fms."),
    ],
)
def test_the_sentence_names_the_direction(before: float | None, after: float, told: str) -> None:
    assert sentence("/a", series(before) if before else None, series(after), None) == f"/a: {told}"


def test_before_is_above_the_axis_and_after_below_it() -> None:
    root = drawn(series(100, 200), series(300, 400))
    middle = float(of_class(root, "axis")[0].get("d", "").split()[1].partition("H")[0])
    assert all(float(bar.get("y", 0)) < middle for bar in of_class(root, "before"))
    assert all(float(bar.get("y", 0)) == middle for bar in of_class(root, "after"))


def test_both_sides_have_one_scale() -> None:
    root = drawn(series(100), series(100, 200, 300))
    heights = [[float(bar.get("height", 0)) for bar in of_class(root, name)] for name in ("before", "after")]
    assert max(heights[0]) == pytest.approx(3 * max(heights[1]), rel=0.01)


def test_what_lies_beyond_the_end_is_counted_in_words() -> None:
    slow = Series([100.0] * 29 + [5000.0], 100, 100, 900)
    assert "over 900\u202fms: 0 before, 1 after" in [text.text for text in of_class(drawn(series(100), slow), "scale")]


def test_fewer_than_thirty_samples_are_dots() -> None:
    root = drawn(None, series(100, 200, n=8))
    assert [element.tag for element in of_class(root, "after")] == ["circle"] * 8


def test_a_budget_is_a_line_inside_the_picture() -> None:
    line = of_class(drawn(None, series(100), budget=300), "budget")[0]
    assert float(line.get("d", "")[1:].split()[0]) < RIGHT


def test_a_route_is_text_in_the_picture() -> None:
    """B34: the subject comes from the catalogue, and is escaped all the same."""
    root = drawn(None, series(100), subject="<script>alert(1)</script>&")
    assert root.findtext("title", "").startswith("<script>alert(1)</script>&: p95")
    assert not list(root.iter("script"))


def test_a_picture_carries_no_style_of_its_own() -> None:
    """The content security policy allows none."""
    assert not [element for element in drawn(series(1), series(2), 3).iter() if element.get("style")]


@given(
    before=st.none() | st.lists(st.floats(0, 1e6), min_size=1, max_size=80),
    after=st.lists(st.floats(0, 1e6), min_size=1, max_size=80),
    budget=st.none() | st.floats(1, 60_000),
)
def test_any_samples_make_a_picture_within_its_frame(
    before: list[float] | None, after: list[float], budget: float | None
) -> None:
    def side(samples: list[float]) -> Series:
        return Series(samples, min(samples), max(samples), max(samples))

    root = drawn(side(before) if before else None, side(after), budget)
    few = min(len(samples) for samples in (before, after) if samples) < FEWEST_FOR_BINS
    assert len(of_class(root, "after")) == len(after) if few else len(of_class(root, "after")) <= BINS
    for bar in root.iter("rect"):
        assert 0 <= float(bar.get("x", -1)) <= 600
        assert 0 <= float(bar.get("y", -1)) <= 172
