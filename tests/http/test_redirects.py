"""The door and redirects: each hop is checked, and credentials stay at home."""

import socket

import pytest

from releases.http import (
    AddressRefused,
    Door,
    InvalidUrl,
    TooManyRedirects,
)
from tests.hostile import Handler, Hostile, answering, hostile
from tests.http.rig import OK

pytestmark = pytest.mark.once


def redirect_to(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def test_a_redirect_loop_ends_after_three(door: Door) -> None:
    """B46"""
    with hostile(answering(redirect_to("/again"))) as server, pytest.raises(TooManyRedirects):
        door.request("GET", server.url, redirects=1000)
    assert len(server.requests) == 4


def test_a_redirect_is_only_followed_on_request(door: Door) -> None:
    with hostile(answering(redirect_to("/next"))) as server:
        assert door.request("GET", server.url).get("location") == "/next"


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x", "http://u:p@127.0.0.1/"])
def test_a_redirect_to_another_scheme_is_not_followed(door: Door, location: str) -> None:
    """B46"""
    with hostile(answering(redirect_to(location))) as server, pytest.raises(InvalidUrl):
        door.request("GET", server.url, redirects=3)


def test_the_address_of_every_redirect_is_checked(door: Door) -> None:
    """B46: metadata stays refused even where private addresses are allowed."""
    with (
        hostile(answering(redirect_to("http://169.254.169.254/latest/"))) as server,
        pytest.raises(AddressRefused, match="metadata"),
    ):
        door.request("GET", server.url, redirects=3)


def test_credentials_are_dropped_when_a_redirect_leaves_the_origin(door: Door) -> None:
    """B46: another port is another origin, even when the way leads back."""
    secret = {"Cookie": "session=abc", "Authorization": "Bearer abc", "X-Kept": "yes"}
    with hostile(answering(OK)) as other, hostile(answering(redirect_to(other.url))) as server:
        door.request("GET", server.url, headers=secret, redirects=1)
    assert b"session=abc" in server.requests[0]
    assert b"abc" not in other.requests[0]
    assert b"X-Kept: yes" in other.requests[0]


def test_credentials_stay_within_the_origin_and_a_form_is_not_sent_twice(door: Door) -> None:
    def make(server: Hostile) -> Handler:
        def handler(wire: socket.socket) -> None:
            first = server.read_head(wire).startswith(b"POST /")
            wire.sendall(redirect_to("/done", 303) if first else OK)

        return handler

    with hostile(make) as server:
        door.request("POST", server.url, headers={"Cookie": "session=abc"}, body=b"a=1", redirects=1)
    assert server.requests[1].startswith(b"GET /done ")
    assert b"session=abc" in server.requests[1]
    assert b"Content-Length" not in server.requests[1]


def test_a_body_is_never_taken_to_another_origin(door: Door) -> None:
    """B46: 307 would have the password of a form sent on to whomever the server names."""
    with hostile(answering(OK)) as other, hostile(answering(redirect_to(other.url, 307))) as server:
        response = door.request("POST", server.url, body=b"password=abc", redirects=3)
        assert (response.status, other.connections) == (307, 0)
