"""The contrast of the colours, recomputed from the style sheet (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from pathlib import Path

import pytest

SHEET = (Path(__file__).parents[2] / "static" / "rollbook.css").read_text()
TEXT = 4.5
CONTROL = 3.0
GROUNDS = ("page", "card", "sunk")
TONES = ("running", "good", "bad", "blind", "late")


def _tokens(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+):\s*#([0-9A-Fa-f]{6})", block))


LIGHT = _tokens(SHEET[: SHEET.index("@media")])
DARK = _tokens(SHEET[SHEET.index("prefers-color-scheme: dark") : SHEET.index("@media (max-width")])
SCHEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])


def luminance(colour: str) -> float:
    """Return the relative luminance of `RRGGBB` as WCAG 2.2 defines it."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lowest(colours: dict[str, str], ink: str, grounds: tuple[str, ...]) -> float:
    return min(contrast(colours[ink], colours[ground]) for ground in grounds)


def test_the_formula_agrees_with_the_ends_of_its_scale() -> None:
    assert contrast("000000", "FFFFFF") == pytest.approx(21)
    assert contrast("777777", "FFFFFF") == pytest.approx(4.48, abs=0.005)


def test_both_schemes_set_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert {*GROUNDS, *TONES, *(f"{tone}-tint" for tone in TONES), "ink", "soft", "edge", "hit"} <= LIGHT.keys()


@SCHEMES
def test_ink_reads_on_every_ground_and_tint(colours: dict[str, str]) -> None:
    assert lowest(colours, "ink", (*GROUNDS, *(f"{tone}-tint" for tone in TONES), "hit")) >= 7


@SCHEMES
def test_soft_ink_reads_on_every_ground_and_tint(colours: dict[str, str]) -> None:
    assert lowest(colours, "soft", (*GROUNDS, *(f"{tone}-tint" for tone in TONES))) >= TEXT


@SCHEMES
@pytest.mark.parametrize("tone", TONES)
def test_a_tone_reads_on_every_ground_on_its_own_tint_and_on_the_tint_of_a_change(
    colours: dict[str, str], tone: str
) -> None:
    assert lowest(colours, tone, (*GROUNDS, f"{tone}-tint", "running-tint")) >= TEXT


@SCHEMES
def test_links_read_on_every_tint(colours: dict[str, str]) -> None:
    assert lowest(colours, "running", tuple(f"{tone}-tint" for tone in TONES)) >= TEXT


@SCHEMES
def test_the_primary_button_reads_and_stands_out(colours: dict[str, str]) -> None:
    assert contrast(colours["page"], colours["ink"]) >= 7


@SCHEMES
def test_the_edge_of_controls_is_seen_on_every_ground(colours: dict[str, str]) -> None:
    assert lowest(colours, "edge", GROUNDS) >= CONTROL


@SCHEMES
def test_a_cut_in_a_filled_mark_is_seen(colours: dict[str, str]) -> None:
    assert min(contrast(colours["card"], colours[tone]) for tone in TONES) >= CONTROL


def test_every_colour_of_the_sheet_is_a_token() -> None:
    """A colour outside the tokens would escape this file's arithmetic."""
    rules = SHEET[SHEET.index("/* Ground */") : SHEET.index("@media print")]
    assert not re.findall(r"#[0-9A-Fa-f]{3,8}\b(?![\w-]*\s*[{,])|rgba?\(|hsla?\(", rules)
