"""What a cache may do, as a table with the section of RFC 9111 (or another, where named) beside each row."""

import time

import pytest
from hypothesis import given, strategies as st

from releases.probes.caching import LONGEST, Caching, judge

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
HOUR_LATER = "Sun, 06 Nov 1994 09:49:37 GMT"
HOUR_BEFORE = "Sun, 06 Nov 1994 07:49:37 GMT"
NOW = 784111777.0
"""DATE, in seconds since the epoch."""

Lines = list[tuple[str, str]]


def caching(*lines: tuple[str, str], status: int = 200, method: str = "GET", request: Lines | None = None) -> Caching:
    return judge(status=status, response=[("Date", DATE), *lines], now=NOW, method=method, request=request or [])


def by(value: str) -> Caching:
    return caching(("Cache-Control", value))


@pytest.mark.parametrize(
    ("section", "cache_control", "stores", "reuses", "lifetime"),
    [
        # 5.2.2.1 max-age
        ("5.2.2.1", "max-age=60", True, True, 60),
        ("5.2.2.1", "max-age=0", True, False, 0),
        ("1.2.2", "max-age=99999999999999999999", True, True, LONGEST),
        ("4.2.1", "max-age=60, max-age=5", True, True, 60),
        ("4.2.1", "max-age=sixty", True, False, 0),
        ("4.2.1", "max-age=-1", True, False, 0),
        ("4.2.1", "max-age=1.5", True, False, 0),
        ("4.2.1", "max-age", True, False, 0),
        # 5.2 names without case, arguments as token or quoted string
        ("5.2", "MAX-AGE=60", True, True, 60),
        ("5.2", 'max-age="60"', True, True, 60),
        ("5.2", "extension=1, max-age=60", True, True, 60),
        ("5.2", 'extension="private, no-store", max-age=60', True, True, 60),
        ("5.6.1 of 9110", ", ,max-age=60,,", True, True, 60),
        # 5.2.2.10 s-maxage is for shared caches, and stronger there
        ("5.2.2.10", "s-maxage=5, max-age=60", True, True, 5),
        ("5.2.2.10", "max-age=60, s-maxage=0", True, False, 0),
        ("4.2.1", "s-maxage=x, max-age=60", True, False, 0),
        # 5.2.2.7 private
        ("5.2.2.7", "private", False, False, None),
        ("5.2.2.7", "PRIVATE, max-age=60", False, False, None),
        ("5.2.2.7", 'private="X-Name", max-age=60', True, True, 60),
        ("5.2.2.7", 'private="X-Name", private, max-age=60', False, False, None),
        ("5.2.2.7", "public, private, max-age=60", False, False, None),
        # 5.2.2.5 no-store
        ("5.2.2.5", "no-store", False, False, None),
        ("5.2.2.5", "max-age=60, no-store", False, False, None),
        ("5.2.2.3", "must-understand, no-store, max-age=60", True, True, 60),
        # 5.2.2.4 no-cache
        ("5.2.2.4", "no-cache", True, False, None),
        ("5.2.2.4", "no-cache, max-age=60", True, False, 60),
        ("5.2.2.4", 'no-cache="Set-Cookie", max-age=60', True, True, 60),
        # 4.2.2 nothing explicit
        ("4.2.2", "", True, True, None),
        ("4.2.2", "public", True, True, None),
        ("4.2.2", "must-revalidate", True, True, None),
        # What is not valid does not count, and does not hide what is
        ("5.2", 'foo="bar, private', False, False, None),
        ("5.2", "no store, max-age=60", True, True, 60),
        ("5.2", "private=, max-age=60", False, False, None),
    ],
)
def test_cache_control_decides_for_a_shared_cache(
    section: str, cache_control: str, stores: bool, reuses: bool, lifetime: int | None
) -> None:
    use = by(cache_control).shared
    assert (use.stores, use.reuses, use.lifetime) == (stores, reuses, lifetime), section


@pytest.mark.parametrize(
    ("section", "cache_control", "stores", "reuses", "lifetime"),
    [
        ("5.2.2.7", "private, max-age=60", True, True, 60),
        ("5.2.2.10", "s-maxage=5, max-age=60", True, True, 60),
        ("5.2.2.10", "s-maxage=5", True, True, None),
        ("5.2.2.5", "no-store, private", False, False, None),
        ("5.2.2.4", "no-cache", True, False, None),
    ],
)
def test_cache_control_decides_for_a_browser(
    section: str, cache_control: str, stores: bool, reuses: bool, lifetime: int | None
) -> None:
    use = by(cache_control).private
    assert (use.stores, use.reuses, use.lifetime) == (stores, reuses, lifetime), section


@pytest.mark.parametrize(
    ("section", "lines", "lifetime", "source"),
    [
        ("5.3", [("Expires", HOUR_LATER)], 3600, "Expires"),
        ("5.3", [("Expires", HOUR_BEFORE)], -3600, "Expires"),
        ("5.3", [("Expires", "0")], 0, "Expires"),
        ("5.3", [("Expires", "never")], 0, "Expires"),
        ("5.3", [("Expires", HOUR_LATER), ("Cache-Control", "max-age=60")], 60, "max-age"),
        ("5.3", [("Expires", HOUR_LATER), ("Cache-Control", "s-maxage=30")], 30, "s-maxage"),
        ("4.2.1", [("Cache-Control", "max-age=60"), ("Cache-Control", "s-maxage=30")], 30, "s-maxage"),
    ],
)
def test_expires_counts_from_date_where_nothing_stronger_does(
    section: str, lines: Lines, lifetime: int, source: str
) -> None:
    use = caching(*lines).shared
    assert (use.lifetime, use.lifetime_from, use.reuses) == (lifetime, source, lifetime > 0), section


def test_without_date_expires_counts_from_the_arrival() -> None:
    """RFC 9110 section 6.6.1"""
    assert judge(status=200, response=[("Expires", HOUR_LATER)], now=NOW - 60).shared.lifetime == 3660


@pytest.mark.parametrize(
    ("status", "cache_control", "stores"),
    [
        (200, "", True), (204, "", True), (301, "", True), (404, "", True), (410, "", True),
        (302, "", False), (303, "", False), (307, "", False), (403, "", False), (500, "", False), (503, "", False),
        (302, "max-age=60", True), (500, "public", True), (302, "s-maxage=5", True),
        (304, "max-age=60", False), (103, "max-age=60", False),
    ],
)  # fmt: skip
def test_the_status_decides_where_nothing_is_explicit(status: int, cache_control: str, stores: bool) -> None:
    """RFC 9111 section 3, RFC 9110 section 15.1"""
    assert caching(("Cache-Control", cache_control), status=status).shared.stores is stores


@pytest.mark.parametrize(
    ("cache_control", "stores"),
    [
        ("max-age=60", False), ("", False), ("public", True), ("s-maxage=5", True),
        ("must-revalidate, max-age=60", True), ("private", False),
    ],
)  # fmt: skip
def test_an_authorized_answer_is_shared_only_when_it_says_so(cache_control: str, stores: bool) -> None:
    """RFC 9111 section 3.5"""
    judged = caching(("Cache-Control", cache_control), request=[("authorization", "Basic eA==")])
    assert judged.shared.stores is stores
    assert judged.private.stores is True


def test_set_cookie_does_not_keep_an_answer_out_of_a_cache() -> None:
    """RFC 9111 section 7.3"""
    judged = caching(("Set-Cookie", "a=b"), ("Cache-Control", "max-age=60"))
    assert judged.shared.reuses
    assert judged.sets_cookie


def test_only_get_and_head_are_kept() -> None:
    """RFC 9111 section 3"""
    assert not caching(("Cache-Control", "max-age=60"), method="POST").shared.stores
    assert caching(("Cache-Control", "max-age=60"), method="HEAD").shared.stores


def test_vary_star_matches_nothing() -> None:
    """RFC 9111 section 4.1"""
    judged = caching(("Vary", "Accept, *"), ("Cache-Control", "max-age=60"))
    assert judged.shared.stores
    assert not judged.shared.reuses


@pytest.mark.parametrize(
    ("vary", "apart"), [("Cookie", True), ("accept, COOKIE", True), ("Authorization", True), ("Accept-Encoding", False)]
)
def test_vary_tells_whether_readers_are_kept_apart(vary: str, apart: bool) -> None:
    assert caching(("Vary", vary)).kept_apart_by_reader is apart


@pytest.mark.parametrize(
    ("lines", "age"),
    [([("Age", "7")], 7), ([("Age", "7, 9")], 7), ([("Age", "x")], 0), ([("Age", "-1")], 0), ([], 0)],
)
def test_age_is_read_as_whole_seconds(lines: Lines, age: int) -> None:
    """RFC 9111 section 5.1"""
    assert caching(*lines).age == age


@pytest.mark.parametrize(
    ("section", "lines", "stores", "lifetime"),
    [
        ("2.2", [("CDN-Cache-Control", "max-age=600"), ("Cache-Control", "no-store")], True, 600),
        ("2.2", [("CDN-Cache-Control", "no-store"), ("Cache-Control", "max-age=60")], False, None),
        ("2.2", [("CDN-Cache-Control", "max-age=600"), ("Expires", HOUR_BEFORE)], True, 600),
        ("2.1", [("CDN-Cache-Control", "max-age=600, &"), ("Cache-Control", "max-age=60")], True, 60),
        ("2.1", [("CDN-Cache-Control", ""), ("Cache-Control", "max-age=60")], True, 60),
        ("2.1", [("CDN-Cache-Control", 'max-age="600", public'), ("Cache-Control", "max-age=60")], True, None),
        ("3.2 of 8941", [("CDN-Cache-Control", "max-age=5, max-age=600")], True, 600),
        ("3.2 of 8941", [("CDN-Cache-Control", "no-store=?0, max-age=600")], True, 600),
        ("3.2 of 8941", [("CDN-Cache-Control", 'note="a, b";x=1, max-age=600;y')], True, 600),
        ("2.2", [("Cache-Control", "max-age=60")], True, 60),
    ],
)
def test_a_targeted_field_replaces_cache_control_for_the_caches_it_targets(
    section: str, lines: Lines, stores: bool, lifetime: int | None
) -> None:
    """RFC 9213"""
    judged = judge(status=200, response=lines, now=NOW, targeted=["CDN-Cache-Control"])
    assert (judged.shared.stores, judged.shared.lifetime) == (stores, lifetime), section
    untargeted = [line for line in lines if line[0] != "CDN-Cache-Control"]
    assert judged.private == judge(status=200, response=untargeted, now=NOW).private


def test_a_targeted_field_that_the_cache_does_not_know_changes_nothing() -> None:
    judged = judge(status=200, response=[("CDN-Cache-Control", "no-store"), ("Cache-Control", "max-age=6")], now=NOW)
    assert judged.shared.lifetime == 6


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ([("Cache-Control", "max-age=x")], "no number of seconds"),
        ([("Cache-Control", "max-age=1, max-age=2")], "given twice"),
        ([("Cache-Control", "public, private")], "both public and private"),
        ([("Cache-Control", "no store")], "not valid"),
        ([("Cache-Control", '"')], "not valid"),
        ([("Expires", "tomorrow")], "no date"),
        ([("Age", "old")], "no number of seconds"),
    ],
)
def test_what_is_malformed_is_told(lines: Lines, word: str) -> None:
    assert word in " ".join(caching(*lines).problems)


@pytest.mark.parametrize(
    "value", ["max-age=60", "public, max-age=60, stale-while-revalidate=5", "private, no-store", ""]
)
def test_what_is_well_formed_is_not_complained_about(value: str) -> None:
    assert by(value).problems == ()


FIELD_NAMES = st.sampled_from(["Cache-Control", "CDN-Cache-Control", "Expires", "Date", "Age", "Vary", "Set-Cookie"])
PIECES = st.sampled_from(["max-age", "=", '"', ",", "\\", "private", "no-store", ";", " ", "1", "9" * 30, "?0", "\x00"])
VALUES = st.text(st.characters(max_codepoint=255), max_size=200) | st.lists(PIECES, max_size=60).map("".join)


@given(lines=st.lists(st.tuples(FIELD_NAMES, VALUES), max_size=20), status=st.integers(0, 999))
def test_no_fields_make_it_raise_or_contradict_itself(lines: Lines, status: int) -> None:
    judged = judge(status=status, response=lines, now=NOW, targeted=["CDN-Cache-Control"])
    for use in (judged.shared, judged.private):
        assert use.because
        assert use.stores or not use.reuses
        assert not (use.reuses and use.lifetime is not None and use.lifetime <= 0)


@pytest.mark.parametrize(
    "value", ['a="' * 20_000, "," * 60_000, '"\\' * 30_000, "a" * 60_000, "a=" * 30_000, 'a;"' * 20_000]
)
def test_64_kilobytes_of_nonsense_take_milliseconds(value: str) -> None:
    began = time.perf_counter()
    judge(
        status=200,
        response=[("Cache-Control", value), ("CDN-Cache-Control", value)],
        now=NOW,
        targeted=["CDN-Cache-Control"],
    )
    assert time.perf_counter() - began < 0.2
