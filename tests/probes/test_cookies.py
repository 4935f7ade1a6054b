"""What a Set-Cookie line says, and whether browsers take it."""

import pytest
from hypothesis import given, strategies as st

from releases.probes.cookies import read_cookie, refused_because

HOST = "www.shop.example"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a=1", ""),
        ("a=1; SameSite=Lax", ""),
        ("a=1; SameSite=None; Secure", ""),
        ("a=1; SameSite=None", "SameSite=None wants Secure"),
        ("a=1; SameSite=nonsense", ""),
        ("a=1; Domain=shop.example", ""),
        ("a=1; Domain=.Shop.Example", ""),
        ("a=1; Domain=www.shop.example", ""),
        ("a=1; Domain=op.example", "its Domain does not hold"),
        ("a=1; Domain=other.shop.example", "its Domain does not hold"),
        ("__Secure-a=1; Secure", ""),
        ("__Secure-a=1", "__Secure- wants"),
        ("__secure-a=1", "__Secure- wants"),
        ("__Host-a=1; Secure; Path=/", ""),
        ("__Host-a=1; Secure", "__Host- wants"),
        ("__Host-a=1; Path=/", "__Host- wants"),
        ("__Host-a=1; Secure; Path=/shop", "__Host- wants"),
        ("__Host-a=1; Secure; Path=/; Domain=shop.example", "__Host- wants"),
    ],
)
def test_browsers_refuse_what_breaks_the_rules_of_its_name_site_or_domain(line: str, why: str) -> None:
    cookie = read_cookie(line)
    assert cookie is not None
    said = refused_because(cookie, HOST)
    assert why in said
    assert bool(said) == bool(why)


def test_the_last_attribute_of_a_name_counts_and_names_are_read_in_any_case() -> None:
    cookie = read_cookie("a=1; PATH=/x; secure; HTTPONLY; samesite=Strict; path=/y", "/login")
    assert cookie is not None
    assert (cookie.path, cookie.secure, cookie.http_only, cookie.same_site) == ("/y", True, True, "strict")


def test_a_cookie_without_a_path_belongs_to_where_it_was_set() -> None:
    cookie = read_cookie("a=1", "/shop")
    assert cookie is not None
    assert (cookie.path, cookie.sent_to) == ("", "/shop")


def test_the_value_is_in_no_representation() -> None:
    """B33"""
    assert "secret" not in repr(read_cookie("a=secret; Path=/"))


@given(line=st.text(max_size=60))
def test_no_line_makes_it_raise(line: str) -> None:
    cookie = read_cookie(line)
    assert cookie is None or refused_because(cookie, HOST) is not None
