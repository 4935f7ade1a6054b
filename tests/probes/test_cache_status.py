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
        ([("X-Cache", "MISS, MISS"), ("X-Cache-Hits", "0, 0")], False),  # Fastly, shield and edge
        ([("X-Cache", "HIT, MISS"), ("X-Cache-Hits", "2, 0")], True),
        ([("X-Cache", "OriginShieldHit from cloudfront")], True),
        ([("X-Cache", "LambdaGeneratedResponse from cloudfront")], None),
        ([("X-Cache", "FunctionGeneratedResponse from cloudfront")], None),
        ([("CF-Cache-Status", "HIT")], True),
        ([("CF-Cache-Status", "UPDATING")], True),
        ([("CF-Cache-Status", "REVALIDATED")], None),
        ([("CF-Cache-Status", "NONE/UNKNOWN")], None),
        ([("X-Cache", "TCP_MISS from a23-1.deploy.akamaitechnologies.com (AkamaiGHost/11.4.4)")], False),
        ([("X-Cache", "TCP_REFRESH_HIT from a23-1.deploy.akamaitechnologies.com (AkamaiGHost/11.4.4)")], None),
        ([("X-Cache", "TCP_DENIED from a23-1.deploy.akamaitechnologies.com")], None),
        ([("Akamai-Cache-Status", "Hit from child")], True),
        ([("Akamai-Cache-Status", "Miss from child, Hit from parent")], True),
        ([("Server-Timing", 'cdn-cache; desc=HIT, edge; dur=1, ak_p; desc="1, cdn-cache; desc=MISS"')], True),
        ([("Server-Timing", "cdn-cache; desc=MISS, origin; dur=12")], False),
        ([("Server-Timing", "cdn-cache; desc=REVALIDATE")], None),
        ([("Server-Timing", "db; dur=53")], None),
        ([("X-Cache", "TCP_REMOTE_HIT")], True),  # Azure Front Door
        ([("X-Cache", "CONFIG_NOCACHE")], False),
        ([("X-Cache", "PARTIAL_HIT")], None),
        ([("X-Cache-Status", "BYPASS")], False),  # nginx
        ([("X-Cache-Status", "UPDATING")], True),
        ([("X-LiteSpeed-Cache", "hit,private")], True),
        # Apache Traffic Server
        ([("X-Cache", "hit-fresh")], True),
        ([("X-Cache", "hit-stale")], None),
        ([("Via", "http/1.1 cache1 (ApacheTrafficServer/9.2.3 [cHs f ])")], True),
        ([("Via", "http/1.1 cache1 (ApacheTrafficServer [cRs f ])")], True),
        ([("Via", "http/1.1 cache1 (ApacheTrafficServer [cMsSf ])")], False),
        ([("Via", "http/1.1 cache1 (ApacheTrafficServer [cMsSfW])")], False),
        ([("Via", "http/1.1 cache1 (ApacheTrafficServer [cSsNfU])")], None),
        ([("Via", "http/1.1 cache1 (ApacheTrafficServer [uScMsSf pSeN:t cCMi p sS])")], False),
        ([("Via", "http/1.1 cache1 (ApacheTrafficServer [uScHs f p eN:t cCHi p s ])")], True),
        ([("Via", "http/1.1 a (ApacheTrafficServer [cHs f ]), http/1.1 b (ApacheTrafficServer [cMsSf ])")], True),
        ([("Via", "1.1 varnish (Varnish/7.1)")], None),
        ([("Via", "http/1.1 cache1 (ApacheTrafficServer [strange])")], None),
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


NAMES = st.sampled_from(["cache-status", "x-cache", "x-varnish", "age", "cf-cache-status", "via", "server-timing"])


@given(lines=st.lists(st.tuples(NAMES, st.text(st.characters(max_codepoint=255), max_size=100)), max_size=8))
def test_no_fields_make_it_raise(lines: Lines) -> None:
    assert read(lines).hit in (True, False, None)


@pytest.mark.parametrize("value", ['"' * 60_000, '"\\' * 30_000, "a;" * 30_000, "a," * 30_000, "1" * 60_000])
def test_64_kilobytes_of_nonsense_take_milliseconds(value: str) -> None:
    began = time.perf_counter()
    for name in ("Cache-Status", "X-Cache", "X-Varnish", "Age"):
        read([(name, value)])
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("lines", "expired"),
    [
        ([("Cache-Status", "ExampleCache; fwd=stale; stored")], True),
        ([("Cache-Status", "ExampleCache; fwd=uri-miss; stored")], False),
        ([("X-Cache-Status", "EXPIRED")], True),
        ([("X-Cache-Status", "MISS")], False),
        ([("X-Cache-Status", "STALE")], False),
        ([("X-Cache", "TCP_REFRESH_MISS from a1.example (AkamaiGHost)")], True),
        ([("CF-Cache-Status", "EXPIRED")], True),
        ([("X-Cache", "HIT, TCP_EXPIRED_MISS")], False),
        ([], False),
    ],
)
def test_what_was_fetched_because_it_had_expired_is_told_from_what_was_not_there(lines: Lines, expired: bool) -> None:
    """B56"""
    assert read(lines).expired is expired
