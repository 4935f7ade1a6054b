"""The words of the pages: ui.md's rules of wording, value by value."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboard import wording
from releases import figures

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 18, 2, 12, 5, tzinfo=UTC)  # a Wednesday, 03:12 in Berlin


def plain(text: str) -> str:
    """Return the text with the thin space as a plain one, to be readable here."""
    return text.replace(figures.THIN, " ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86399, "23 h"), (86400, "1 d")],
)
def test_an_age_is_one_whole_unit_rounded_down(seconds: float, words: str) -> None:
    assert plain(wording.age(seconds)) == words


def test_a_recent_moment_shows_both_forms_with_the_zone() -> None:
    assert plain(wording.when(NOW - timedelta(minutes=8), NOW, BERLIN)) == "8 min ago · 03:04 CET"


def test_a_moment_of_another_day_names_the_weekday_of_the_persons_zone() -> None:
    moment = datetime(2026, 3, 16, 23, 30, tzinfo=UTC)  # Monday in UTC, already Tuesday in Berlin
    assert plain(wording.when(moment, NOW, BERLIN)) == "1 d ago · Tue 00:30 CET"


def test_beyond_seven_days_the_date_stands_alone() -> None:
    assert wording.when(NOW - timedelta(days=7), NOW, BERLIN) == "11 Mar 2026"


def test_a_moment_to_come_says_in_how_long() -> None:
    assert plain(wording.when(NOW + timedelta(minutes=12), NOW, UTC)) == "in 12 min · 02:24 UTC"


def test_a_moment_less_than_a_second_ahead_is_not_in_the_future() -> None:
    """A database clock may be a little ahead of the web process's."""
    assert plain(wording.ago(NOW + timedelta(milliseconds=400), NOW)) == "0 s ago"


def test_the_zone_follows_the_moment_and_not_the_season_of_the_reader() -> None:
    summer = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    assert wording.clock(summer, NOW, BERLIN) == "1 Jul 2026 14:00 CEST"


def test_a_zone_without_a_name_is_written_as_its_offset() -> None:
    assert wording.zone_name(NOW, ZoneInfo("America/Sao_Paulo")) == "UTC-03"


def test_audit_times_are_utc_with_z() -> None:
    assert wording.utc(NOW.astimezone(BERLIN)) == "2026-03-18 02:12:05Z"
    assert wording.iso(NOW.astimezone(BERLIN)) == "2026-03-18T02:12:05Z"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.02, "under 0.1 s"),
        (0.2, "0.2 s"),
        (12.1, "12.1 s"),
        (59.94, "59.9 s"),
        (59.97, "1 min"),
        (64, "1 min 04 s"),
        (3599.6, "1 h"),
        (7800, "2 h 10 min"),
        (86_399, "1 d"),
        (4 * 86_400, "4 d"),
        (2 * 86_400 + 11 * 3600, "2 d 11 h"),
        (timedelta(minutes=5), "5 min"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float | timedelta | None, words: str) -> None:
    assert plain(wording.duration(seconds)) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.0, "0 s"), (0.03, "0 s"), (3.84, "+3.8 s"), (64.0, "+1 min 04 s")])
def test_how_long_after_the_press_something_began(seconds: float, words: str) -> None:
    assert plain(wording.offset(seconds)) == words


def test_a_limit_or_estimate_leaves_out_the_tenths() -> None:
    assert plain(wording.duration(20.4, whole=True)) == "20 s"
    assert plain(wording.duration(59.6, whole=True)) == "1 min"
    assert plain(wording.about(20.4, "from 5 rehearsals")) == "about 20 s, from 5 rehearsals"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (None, "ms", "–"),
        (float("nan"), "ms", "–"),
        (0, "ms", "0 ms"),
        (810.4, "ms", "810 ms"),
        (1234, "ms", "1,230 ms"),
        (12.34, "ms", "12.3 ms"),
        (9.996, "ms", "10 ms"),
        (999.6, "ms", "1,000 ms"),
        (0.4123, "", "0.412"),
        (-12.5, "", "−12.5"),
        (30, "", "30"),
        (0.000451, "s", "0.000451 s"),
    ],
)
def test_a_figure_has_three_significant_digits(value: float | None, unit: str, words: str) -> None:
    assert plain(figures.number(value, unit)) == words


@pytest.mark.parametrize(
    ("value", "limit", "words"),
    [(810, 300, "810"), (300.4, 300, "300.4"), (300.04, 300, "300.04"), (1256, 1255, "1,256")],
)
def test_a_figure_that_broke_a_limit_is_never_written_as_the_limit(value: float, limit: float, words: str) -> None:
    assert figures.beside(value, limit) == words


def test_a_unit_follows_a_thin_space_that_does_not_break() -> None:
    assert figures.number(810, "ms") == "810\u202fms"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (205, 810, "+295 % (205 → 810 ms)"),
        (810, 205, "−74.7 % (810 → 205 ms)"),
        (205, 205, "unchanged (205 ms)"),
        (0, 12, "0 → 12 ms"),
        (None, 12, "–"),
        (12, None, "–"),
    ],
)
def test_a_change_names_both_figures(before: float | None, after: float | None, words: str) -> None:
    assert plain(figures.change(before, after, "ms")) == words


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (2100, "2.1 kB"),
        (20_000, "20 kB"),
        (999_960, "1 MB"),
        (2.5e9, "2.5 GB"),
    ],
)
def test_a_size_is_written_in_decimal_units(octets: int | None, words: str) -> None:
    assert plain(wording.size(octets)) == words


def test_a_count_is_exact_and_agrees_with_its_noun() -> None:
    assert wording.count(12406) == "12,406"
    assert wording.count(1, "person", "people") == "1 person"
    assert wording.count(2, "person", "people") == "2 people"
    assert wording.count(0, "probe") == "0 probes"
    assert wording.count(None) == "–"


def test_a_digest_is_shortened_in_the_middle_and_a_commit_at_the_end() -> None:
    assert wording.digest("0123456789abcdef" * 4) == "01234567…89abcdef"
    assert wording.digest("short") == "short"
    assert wording.commit("0123456789abcdef") == "0123456789"


def test_a_list_reads_as_a_sentence() -> None:
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b", "c"]) == "a, b and c"
    assert wording.listed([]) == ""


def test_a_long_text_begins_with_three_lines() -> None:
    assert wording.first_lines("a\nb\nc\nd") == "a\nb\nc"
    assert wording.first_lines("a\nb\nc") == "a\nb\nc"
    assert wording.first_lines("x" * 241) == "x" * 240
