"""The status mark: every word of state has one, and it says its class without colour."""

import re
from enum import StrEnum
from pathlib import Path

import jinja2
import pytest

from dashboard.jinja import environment
from dashboard.marks import MARKS, glyph, mark_of
from releases import states

ROOT = Path(__file__).parents[2]
PAGES = environment(loader=jinja2.FileSystemLoader(ROOT / "templates"))
STATUS = PAGES.get_template("parts/status.html").module

SHOWN = (
    states.Verdict,
    states.RunStatus,
    states.ProbeStatus,
    states.DeploymentStatus,
    states.ExecutionStatus,
    states.CommandState,
    states.RollbackStatus,
    states.Serving,
    states.ProbesSay,
    states.Outcome,
)
SILHOUETTES = {"good": "circle", "bad": "square", "blind": ("triangle", "diamond"), "running": "ring"}


@pytest.mark.parametrize("word", [word for words in SHOWN for word in words], ids=str)
def test_every_word_of_state_has_a_mark(word: StrEnum) -> None:
    assert mark_of(word).shape


def test_a_word_without_a_mark_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        mark_of("splendid")


@pytest.mark.parametrize("shape", sorted({mark.shape for mark in MARKS.values()}))
def test_every_shape_is_drawn(shape: str) -> None:
    assert re.search(r"<(path|circle)", STATUS.shape(shape))


def test_no_two_shapes_look_the_same() -> None:
    shapes = {mark.shape for mark in MARKS.values()}
    drawings = {re.sub(r'class="shape shape-[a-z-]+"', "", STATUS.shape(shape)) for shape in shapes}
    assert len(drawings) == len(shapes)


@pytest.mark.parametrize("word", sorted(MARKS))
def test_the_silhouette_alone_tells_the_class(word: str) -> None:
    """In grey a good mark is never a square, and a bad one never a circle."""
    mark = MARKS[word]
    if mark.shape in ("lock", "undo"):
        return
    assert mark.shape.startswith(SILHOUETTES.get(mark.tone, ("circle", "square", "diamond", "ring", "dash")))


def test_could_not_measure_is_neither_good_nor_bad() -> None:
    assert MARKS["error"].tone not in (MARKS["pass"].tone, MARKS["fail"].tone)
    assert MARKS["error"].shape not in (MARKS["pass"].shape, MARKS["fail"].shape)


def test_a_mark_shows_its_word_beside_the_drawing() -> None:
    text = STATUS.mark("verifying", "verifying 6 of 9")
    assert "verifying 6 of 9" in re.sub(r"<[^>]+>", "", text)
    assert 'aria-hidden="true"' in text


def test_a_failure_that_is_no_regression_says_so() -> None:
    assert "was already failing" in STATUS.verdict("fail", True)
    assert "was already failing" not in STATUS.verdict("error", True)


def test_a_missing_verdict_is_never_shown_as_a_pass() -> None:
    assert "not checked" in STATUS.verdict("")


def test_titles_carry_the_silhouette() -> None:
    assert glyph("fail") == "■"
    assert glyph("pass") == "●"


def test_foreign_text_is_escaped_isolated_and_its_hidden_characters_are_written_out() -> None:
    """B32, B34."""
    parts = PAGES.get_template("parts/foreign.html").module
    shown = parts.foreign("<img src=x onerror=alert(1)>\u202egnp.exe\x1b[31m\x00")
    assert "<img" not in shown
    assert "&lt;img" in shown
    assert "\\u202egnp.exe\\u001b[31m\\u0000" in shown
    assert 'dir="auto"' in shown
    assert "hx-disable" in shown


def test_foreign_text_beyond_three_lines_is_folded_with_its_size() -> None:
    parts = PAGES.get_template("parts/foreign.html").module
    assert "<details" not in parts.foreign("1\n2\n3")
    folded = parts.foreign("\n".join("x" * 524 for _ in range(4)))
    assert "Show all (2.1\u202fkB)" in folded


@pytest.mark.parametrize("template", sorted(PAGES.list_templates()))
def test_templates_need_nothing_that_the_content_policy_forbids(template: str) -> None:
    """`default-src 'self'`: no style attributes, no inline scripts or handlers, no data: addresses."""
    source = (ROOT / "templates" / template).read_text()
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=[\"']|javascript:|data:(?=image)|<script(?![^>]*\ssrc=)", source)


@pytest.mark.parametrize("template", sorted(PAGES.list_templates()))
def test_templates_compile_and_never_switch_escaping_off(template: str) -> None:
    PAGES.get_template(template)
    assert not re.search(r"\|\s*safe\b|autoescape\s+false", (ROOT / "templates" / template).read_text())


def test_an_undefined_name_in_a_template_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        PAGES.from_string("{{ releaze }}").render()
