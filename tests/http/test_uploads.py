"""A body that is sent piece by piece through the door: no further than the other side wants it."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from releases.http import ConnectionLost, Deadline, DeadlineReached, Door, Upload
from tests.hostile import Hostile, hostile
from tests.http.rig import tls_server

pytestmark = pytest.mark.once

TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nno\r\n"
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
PIECES = (b"a" * 1000,) * 10


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(allow_private=True, deadline=Deadline.after(10)) as opened:
        yield opened


def reading(wanted: int, answer: bytes) -> Callable[[Hostile], Any]:
    """Read so many bytes of the body, then answer and keep the connection open."""

    def make(server: Hostile) -> Any:
        def handle(wire: socket.socket) -> None:
            got = len(server.read_head(wire).partition(b"\r\n\r\n")[2])
            while got < wanted:
                got += len(wire.recv(1000))
            wire.sendall(answer)
            server.ended.wait()

        return handle

    return make


def test_nothing_is_sent_once_the_length_alone_was_refused(door: Door) -> None:
    with hostile(reading(0, TOO_LARGE)) as server:
        upload = Upload(PIECES, {0: 5.0})
        began = time.monotonic()
        response = door.request("POST", server.url, body=upload, timeout=9)
        assert time.monotonic() - began < 4
    assert (response.status, response.body, upload.sent, upload.whole) == (413, b"no\r\n", 0, False)
    assert b"Content-Length: 10000\r\n" in server.requests[0]


def test_no_more_is_sent_once_an_answer_comes(door: Door) -> None:
    with hostile(reading(4000, TOO_LARGE)) as server:
        upload = Upload(PIECES, {4: 5.0})
        assert door.request("POST", server.url, body=upload).status == 413
    assert upload.sent == 4000


def test_a_body_that_is_wanted_is_sent_whole_after_its_pauses(door: Door) -> None:
    with hostile(reading(10_000, CREATED)) as server:
        upload = Upload(PIECES, {0: 0.05, 9: 0.05})
        assert door.request("POST", server.url, body=upload).status == 201
    assert upload.whole


def test_what_tls_says_for_itself_is_no_answer(certificates: Path) -> None:
    """Session tickets arrive behind the handshake: they must not end the body."""
    tls = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    with (
        hostile(reading(10_000, CREATED), tls_server(certificates, "good")) as server,
        Door(allow_private=True, deadline=Deadline.after(10), tls=tls) as door,
    ):
        upload = Upload(PIECES, {0: 0.2})
        assert door.request("POST", server.url.replace("http:", "https:"), body=upload).status == 201
    assert upload.whole


def test_hanging_up_is_a_lost_connection(door: Door) -> None:
    with hostile(lambda server: lambda wire: bool(server.read_head(wire)) and None) as server:
        upload = Upload(PIECES, {0: 5.0})
        with pytest.raises(ConnectionLost):
            door.request("POST", server.url, body=upload)
    assert upload.sent == 0


def test_the_deadline_holds_while_a_body_is_sent(door: Door) -> None:
    """B45"""
    with hostile(reading(10**9, b"")) as server:
        began = time.monotonic()
        with pytest.raises(DeadlineReached):
            door.request("POST", server.url, body=Upload((b"a" * 65536,) * 400, {0: 30.0}), timeout=0.5)
        assert time.monotonic() - began < 2
