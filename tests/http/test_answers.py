"""The door and what comes back: bounded, checked, decoded."""

import contextlib
import gzip
import json
import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from releases.http import (
    ConnectionLost,
    Deadline,
    DeadlineReached,
    Door,
    DoorError,
    InvalidAnswer,
    Limits,
    TooLarge,
)
from tests.hostile import Handler, Hostile, answering, dripping, hostile
from tests.http.rig import OK, SMALL

pytestmark = pytest.mark.once


def test_an_answer_comes_back_whole(door: Door) -> None:
    with hostile(answering(b"HTTP/1.1 404 No\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\nabc")) as server:
        response = door.request("GET", server.url)
    assert (response.status, response.body, response.get_all("X-a")) == (404, b"abc", ["1", "2"])
    assert response.peer == f"127.0.0.1:{server.port}"
    assert not response.truncated


def test_a_gzip_bomb_stops_at_the_decompressed_limit(door: Door) -> None:
    """B47"""
    bomb = gzip.compress(b"\0" * 50_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    with hostile(answering(head + bomb)) as server:
        with pytest.raises(TooLarge, match="larger than 100000 bytes"):
            door.request("GET", server.url)
        response = door.request("GET", server.url, truncate=True)
    assert response.truncated
    assert len(response.body) == 100_000


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd"])
def test_an_encoding_that_was_not_asked_for_is_no_valid_answer(door: Door, coding: str) -> None:
    """B47"""
    answer = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 2\r\n\r\nok".encode()
    with hostile(answering(answer)) as server, pytest.raises(InvalidAnswer, match="not asked for"):
        door.request("GET", server.url)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n", id="chunked without end"),
        pytest.param(b"Content-Length: 10000000000\r\n\r\n", id="10 GB"),
        pytest.param(b"\r\n", id="until closed"),
    ],
)
def test_an_endless_body_stops_at_the_limit(door: Door, head: bytes) -> None:
    """B48"""
    with (
        hostile(dripping(b"HTTP/1.1 200 OK\r\n" + head, b"1000\r\n" + b"x" * 4096 + b"\r\n", 0)) as server,
        pytest.raises(TooLarge),
    ):
        door.request("GET", server.url)


def test_a_body_that_just_fits_is_whole(door: Door) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    with hostile(answering(answer)) as server:
        response = door.request("GET", server.url, truncate=True)
    assert (len(response.body), response.truncated) == (100_000, False)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", InvalidAnswer, id="both"),
        pytest.param(b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", InvalidAnswer, id="two lengths"),
        pytest.param(b"Content-Length: 50\r\n\r\nhello", ConnectionLost, id="shorter than it said"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", InvalidAnswer, id="chunk size"),
        pytest.param(b"X-A: a\0b\r\n\r\n", InvalidAnswer, id="NUL in a field"),
        pytest.param(b"X" * 1_000_000 + b": 1\r\n\r\n", InvalidAnswer, id="1 MB of header"),
        pytest.param(b"X: 1\r\n" * 300 + b"\r\n", TooLarge, id="300 fields"),
        pytest.param(b"X: " + b"x" * 9000 + b"\r\n\r\n", TooLarge, id="9 kB of header"),
        pytest.param(b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", InvalidAnswer, id="no gzip"),
    ],
)
def test_an_answer_that_is_not_http_is_named(door: Door, answer: bytes, error: type[DoorError]) -> None:
    """B48, B52"""
    with hostile(answering(b"HTTP/1.1 200 OK\r\n" + answer)) as server, pytest.raises(error) as caught:
        door.request("GET", server.url)
    assert str(server.port) in str(caught.value)


def test_field_values_are_read_as_latin_1_and_unfolded(door: Door) -> None:
    """B52"""
    with hostile(answering(b"HTTP/1.1 200 OK\r\nX-A: caf\xe9\r\n \xff\r\nContent-Length: 0\r\n\r\n")) as server:
        assert door.request("GET", server.url).get("x-a") == "café ÿ"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=st.binary(max_size=300), valid_start=st.booleans())
def test_no_bytes_make_it_raise_anything_else(
    said: list[bytes], talker: Hostile, answer: bytes, valid_start: bool
) -> None:
    said[:] = [(b"HTTP/1.1 200 OK\r\n" if valid_start else b"") + answer]
    with Door(allow_private=True, deadline=Deadline.after(5), limits=SMALL) as door, contextlib.suppress(DoorError):
        assert door.request("GET", talker.url, redirects=1).text is not None


@pytest.fixture
def said() -> list[bytes]:
    return [OK]


@pytest.fixture
def talker(said: list[bytes]) -> Iterator[Hostile]:
    """A server that answers each connection with what `said` holds at that time."""

    def make(server: Hostile) -> Handler:
        def handler(wire: socket.socket) -> None:
            if server.read_head(wire):
                wire.sendall(said[0])

        return handler

    with hostile(make) as server:
        yield server


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/html; charset=latin-1", b"caf\xe9", "café"),
        ("text/html", "café".encode(), "café"),
        ("text/html; charset=nonsense", "café".encode(), "café"),
        ("text/html; charset=\"utf-16\"", "é".encode("utf-16"), "é"),
        ("text/html", b"\xff", "\ufffd"),
        ("application/json; charset=base64", json.dumps("x").encode(), '"x"'),
        ("text/html; charset=windows-1252", b"\x80", "€"),
        ("text/html; charset=ISO-8859-15", b"\xa4", "€"),
        ("text/html; charset=punycode", b"caf-dma", "caf-dma"),
        ("text/html; charset=utf-7", b"+AOk-", "+AOk-"),
        ("text/html; charset=utf-8-sig-unicode-escape", b"\\x41", "\\x41"),
    ],
)  # fmt: skip
def test_text_is_decoded_whatever_the_charset_says(door: Door, content_type: str, body: bytes, text: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with hostile(answering(head + body)) as server:
        assert door.request("GET", server.url).text == text


@pytest.mark.parametrize("said", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"])
def test_a_flood_of_interim_answers_ends_at_a_limit(said: bytes) -> None:
    """B50: each is a valid answer that announces another one, so only the bytes of all of them show the flood."""

    def make(server: Hostile) -> Handler:
        def handler(wire: socket.socket) -> None:
            server.read_head(wire)
            while True:
                wire.sendall(said * 1000)

        return handler

    limits = Limits(header_bytes=64 * 1024, wire_bytes=64 * 1024)
    with hostile(make) as server, Door(allow_private=True, deadline=Deadline.after(10), limits=limits) as door:
        began = time.monotonic()
        with pytest.raises(TooLarge):
            door.request("GET", server.url)
        assert time.monotonic() - began < 5


def test_interim_answers_that_drip_end_at_the_deadline() -> None:
    """B50"""
    drip = dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05)
    with (
        hostile(drip) as server,
        Door(allow_private=True, deadline=Deadline.after(0.5)) as door,
        pytest.raises(DeadlineReached),
    ):
        door.request("GET", server.url)


@pytest.mark.parametrize(
    "frame", [b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_http_2_that_nobody_asked_for_is_no_answer(door: Door, frame: bytes) -> None:
    """B50: a GOAWAY or a preface; HTTP/2 is never offered."""
    with hostile(answering(frame)) as server, pytest.raises((InvalidAnswer, ConnectionLost)):
        door.request("GET", server.url)
