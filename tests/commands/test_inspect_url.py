"""inspect_url at a terminal, against a real server."""

import time
from types import SimpleNamespace

import pytest
from pytest_httpserver import HTTPServer

from tests.commands.conftest import Terminal
from tests.rig.ports import free_port


def serve(server: HTTPServer, **fields: str) -> str:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    server.expect_request("/page").respond_with_data("page", headers=headers)
    return str(server.url_for("/page"))


def test_it_says_who_may_keep_the_answer_and_for_how_long(httpserver: HTTPServer, terminal: Terminal) -> None:
    url = serve(httpserver, Cache_Control="public, max-age=60, s-maxage=300", Age="20", Vary="Accept-Encoding")
    said = terminal("inspect_url", url, "--allow-private")
    assert "Status 200 from 127.0.0.1" in said
    assert "s-maxage keeps it fresh for 300 s (RFC 9111 4.2.1)" in said
    assert "Fresh for 300 s by s-maxage; 280 s of them are left after an age of 20 s." in said
    assert "Fresh for 60 s by max-age" in said
    assert "Kept apart by the request's accept-encoding." in said


def test_it_names_what_is_not_kept_not_protected_and_not_valid(httpserver: HTTPServer, terminal: Terminal) -> None:
    url = serve(httpserver, Cache_Control="no-store, max-age=soon", Set_Cookie="sessionid=1")
    said = terminal("inspect_url", url, "--allow-private")
    assert "May not keep it: no-store (RFC 9111 5.2.2.5)." in said
    assert "max-age='soon' is no number of seconds" in said
    assert "csp-not-implemented (8 of 8, 1 is best)" in said
    assert "cookies-session-without-httponly-flag" in said


def test_a_clock_that_is_wrong_is_said(
    httpserver: HTTPServer, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B21: the server dates its answer with its own clock, which is this one's; ours is ahead."""
    ahead = SimpleNamespace(time=lambda: time.time() + 300)
    monkeypatch.setattr("releases.management.commands.inspect_url.time", ahead)
    said = terminal("inspect_url", serve(httpserver, Cache_Control="max-age=60"), "--allow-private")
    assert "The server's clock is 5 minutes behind." in said


def test_a_targeted_field_counts_where_it_is_asked_for(httpserver: HTTPServer, terminal: Terminal) -> None:
    """RFC 9213"""
    url = serve(httpserver, Cache_Control="no-store", CDN_Cache_Control="max-age=600")
    assert "fresh for 600 s" not in terminal("inspect_url", url, "--allow-private")
    assert "fresh for 600 s" in terminal("inspect_url", url, "--allow-private", "--targeted", "CDN-Cache-Control")


def test_escapes_of_the_server_do_not_reach_the_terminal(httpserver: HTTPServer, terminal: Terminal) -> None:
    """B32"""
    said = terminal("inspect_url", serve(httpserver, Cache_Control="max-age=\x1b[31m5"), "--allow-private")
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:1/", "a loopback address, which is not allowed here"),
        ("ftp://example.org/", "nly http:// and https://"),
        ("https://user:word@example.org/", "credentials"),
    ],
)
def test_what_must_not_be_asked_is_refused_with_the_reason(refusal: Terminal, url: str, says: str) -> None:
    """C6, C7, C8"""
    said = refusal("inspect_url", url)
    assert says in said
    assert "word" not in said.replace("password", "")


def test_a_server_that_is_down_is_named(refusal: Terminal) -> None:
    port = free_port()
    assert f"127.0.0.1:{port}" in refusal("inspect_url", f"http://127.0.0.1:{port}/", "--allow-private")
