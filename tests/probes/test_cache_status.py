"""What caches say of themselves: hit, miss, or nothing that could be relied on."""

import time

import pytest
from hypothesis import given, strategies as st

from releases.probes.cache_status import read

Lines = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("lines", "hit"),
    [
        # RFC 9211
        ([("Cache-Status", "ExampleCache; hit")], True),
        ([("Cache-Status", 'OriginCache; hit; ttl=1100, "CDN Company Here"; fwd=uri-miss')], True),
        ([("Cache-Status", "OriginCache; fwd=uri-miss; stored, Edge; fwd=bypass")], False),
        ([("Cache-Status", "ExampleCache; fwd=stale; fwd-status=304; ttl=60")], None),
        ([("Cache-Status", "ExampleCache")], None),
        ([("Cache-Status", "ExampleCache; hit=?0; fwd=miss")], False),
        ([("Cache-Status", '"a; hit, b"; fwd=miss')], False),
        # vendors
        ([("X-Cache", "HIT")], True),
        ([("X-Cache", "MISS")], False),
        ([("X-Cache", "MISS, HIT")], True),
        ([("X-Cache", "Hit from cloudfront")], True),
        ([("X-Cache", "Miss from cloudfront")], False),
        ([("X-Cache", "RefreshHit from cloudfront")], None),
        ([("X-Cache", "Error from cloudfront")], None),
        ([("X-Cache", "TCP_MEM_HIT from a1.example (AkamaiGHost)")], True),
        ([("X-Cache", "HIT from proxy.example:3128")], True),
        ([("X-Cache", "maybe")], None),
        ([("X-Cache", "")], None),
        ([("X-Cache-Status", "EXPIRED")], False),
        ([("X-Cache-Status", "REVALIDATED")], None),
        ([("X-Cache-Status", "STALE")], True),
        ([("CF-Cache-Status", "DYNAMIC")], False),
        # Varnish: one number for a miss, two for a hit
        ([("X-Varnish", "32770")], False),
        ([("X-Varnish", "32772 32771")], True),
        ([("X-Varnish", "a b")], None),
        # Age alone
        ([("Age", "12")], True),
        ([("Age", "0")], None),
        ([("Age", "twelve")], None),
        ([], None),
        # the standard field before the vendors', a clear word before an unclear one
        ([("X-Cache", "HIT"), ("Cache-Status", "c; fwd=miss")], False),
        ([("X-Cache", "maybe"), ("X-Varnish", "1 2")], True),
    ],
)
def test_a_clear_word_is_read_and_an_unclear_one_is_unknown(lines: Lines, hit: bool | None) -> None:
    assert read(lines).hit is hit


def test_the_object_is_named_only_on_a_hit_of_varnish() -> None:
    assert read([("X-Varnish", "32772 32771")]).stored_as == "32771"
    assert read([("X-Varnish", "32772")]).stored_as is None


NAMES = st.sampled_from(["cache-status", "x-cache", "x-varnish", "age", "cf-cache-status"])


@given(lines=st.lists(st.tuples(NAMES, st.text(st.characters(max_codepoint=255), max_size=100)), max_size=8))
def test_no_fields_make_it_raise(lines: Lines) -> None:
    assert read(lines).hit in (True, False, None)


@pytest.mark.parametrize("value", ['"' * 60_000, '"\\' * 30_000, "a;" * 30_000, "a," * 30_000, "1" * 60_000])
def test_64_kilobytes_of_nonsense_take_milliseconds(value: str) -> None:
    began = time.perf_counter()
    for name in ("Cache-Status", "X-Cache", "X-Varnish", "Age"):
        read([(name, value)])
    assert time.perf_counter() - began < 1
