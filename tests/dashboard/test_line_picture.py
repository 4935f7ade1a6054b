"""p95 across releases: what the picture draws, and that it says it in words as well."""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, strategies as st

from dashboard.line_picture import Dot, line, sentence, spark
from dashboard.marks import MARKS

pytestmark = pytest.mark.once


def drawn(*dots: Dot, budget: float | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(line(subject="/a", dots=dots, budget=budget))


def small(*dots: Dot, budget: float | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(spark(dots, budget))


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if name in element.get("class", "").split()]


def test_it_says_in_its_title_what_it_shows() -> None:
    root = drawn(Dot(205, "pass"), Dot(None, "error"), Dot(810, "fail"), budget=300)
    assert root.findtext("title") == (
        "/a: p95 of the last 3 deployments, 205 to 810\u202fms, last 810\u202fms; 1 not measured; budget 300\u202fms."
    )


def test_a_single_deployment_is_told_as_one() -> None:
    assert sentence("/a", [Dot(205, "pass")], None).startswith("/a: p95 of one deployment, 205 to 205")


def test_what_was_not_measured_is_a_gap_that_is_never_joined() -> None:
    root = drawn(Dot(1, "pass"), Dot(2, "pass"), Dot(None, "error"), Dot(3, "pass"), Dot(4, "pass"))
    assert len(of_class(root, "joined")) == 2
    assert len(of_class(root, "dot")) == 4


def test_the_shape_of_a_point_is_that_of_its_verdict() -> None:
    root = drawn(Dot(1, "pass"), Dot(2, "fail"), Dot(3, "error"), Dot(4, "inconclusive"))
    good, bad, blind, late = of_class(root, "dot")
    assert good.tag.endswith("circle")
    assert [each.get("class") for each in (good, bad, blind, late)] == ["dot good", "dot bad", "dot blind", "dot late"]
    assert len({each.get("d", "").partition(" ")[2].partition("l")[2] for each in (bad, blind, late)}) == 3


def test_a_rollback_carries_its_sign() -> None:
    assert [each.text for each in of_class(drawn(Dot(1, "pass"), Dot(2, "restored", True)), "sign")] == ["↶"]


def test_the_axis_starts_at_zero_and_the_budget_is_within_it() -> None:
    root = drawn(Dot(10, "pass"), Dot(0, "pass"), budget=300)
    axis = float(of_class(root, "axis")[0].get("d", "").split()[1].partition("H")[0])
    assert float(of_class(root, "dot")[1].get("cy", 0)) == axis
    assert 0 < float(of_class(root, "budget")[0].get("d", "").split()[1].partition("H")[0]) < axis


@given(
    st.lists(
        st.builds(Dot, st.none() | st.floats(0, 1e7), st.sampled_from(sorted(MARKS)), st.booleans()),
        min_size=1,
        max_size=30,
    ).filter(lambda dots: any(dot.value is not None for dot in dots)),
    st.none() | st.floats(0.1, 1e6),
)
def test_any_figures_stay_inside_the_picture(dots: list[Dot], budget: float | None) -> None:
    root = ElementTree.fromstring(line(subject="<b>&", dots=dots, budget=budget))
    for circle in of_class(root, "dot"):
        if circle.get("cy"):
            assert 0 <= float(circle.get("cy", 0)) <= 140
            assert 0 <= float(circle.get("cx", 0)) <= 600


def test_the_small_one_is_hidden_from_readers_and_has_the_same_points() -> None:
    root = small(Dot(205, "pass"), Dot(None, "error"), Dot(810, "fail"), Dot(200, "restored", True), budget=300)
    assert (root.get("aria-hidden"), root.get("width"), root.get("height")) == ("true", "120", "28")
    assert [each.get("class") for each in of_class(root, "dot")] == ["dot good", "dot bad", "dot good"]
    assert len(of_class(root, "budget")) == 1
    assert [each.text for each in of_class(root, "sign")] == ["↶"]


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=30), st.none() | st.floats(0.1, 1e6))
def test_the_small_ones_points_stay_inside_it(values: list[float], budget: float | None) -> None:
    for circle in of_class(small(*[Dot(value, "pass") for value in values], budget=budget), "dot"):
        assert 0 <= float(circle.get("cy", 0)) <= 28
        assert 0 <= float(circle.get("cx", 0)) <= 120
