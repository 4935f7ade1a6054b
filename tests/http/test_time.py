"""The door and time: every request ends by its deadline, and times are stamped at the socket."""

import socket
import time

import pytest

from releases.http import (
    Deadline,
    DeadlineReached,
    Door,
)
from tests.hostile import Handler, Hostile, dripping, hostile, silent
from tests.http.rig import full_backlog

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X", id="a header, byte by byte"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x", id="a body, byte by byte"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", id="interim answers without end"),
    ],
)
def test_a_dripping_server_is_left_at_the_deadline(door: Door, begin: bytes, drop: bytes) -> None:
    """B44: per-read timeouts would be renewed by every byte."""
    with hostile(dripping(begin, drop, 0.05)) as server:
        began = time.monotonic()
        with pytest.raises(DeadlineReached) as caught:
            door.request("GET", server.url, timeout=0.5)
        assert 0.4 < time.monotonic() - began < 1.5
    assert caught.value.phase == "reading"


def test_a_server_that_never_answers_is_told_from_one_that_never_accepts(door: Door) -> None:
    """B45"""
    with hostile(silent) as server, pytest.raises(DeadlineReached) as caught:
        door.request("GET", server.url, timeout=0.3)
    assert caught.value.phase == "waiting for the first byte"
    with full_backlog() as port, pytest.raises(DeadlineReached) as caught:
        door.request("GET", f"http://127.0.0.1:{port}/", timeout=0.3)
    assert caught.value.phase == "connecting"


def test_the_deadline_of_the_door_ends_every_later_request_at_once() -> None:
    with hostile(silent) as server, Door(allow_private=True, deadline=Deadline.after(0.2)) as door:
        for _ in range(2):
            with pytest.raises(DeadlineReached):
                door.request("GET", server.url, timeout=5)
        began = time.monotonic()
        with pytest.raises(DeadlineReached):
            door.request("GET", server.url)
        assert time.monotonic() - began < 0.1


def test_a_server_that_takes_no_request_body_is_left_at_the_deadline(door: Door) -> None:
    with hostile(silent) as server, pytest.raises(DeadlineReached) as caught:
        door.request("POST", server.url, body=b"x" * 50_000_000, timeout=0.5)
    assert caught.value.phase == "sending"


def test_times_are_stamped_at_the_socket(door: Door) -> None:
    def make(server: Hostile) -> Handler:
        def handler(wire: socket.socket) -> None:
            while server.read_head(wire):
                time.sleep(0.05)
                wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
                time.sleep(0.05)
                wire.sendall(b"k")

        return handler

    with hostile(make) as server:
        first = door.request("GET", server.url, keep=True).timings
        second = door.request("GET", server.url, keep=True).timings
    assert first.connect_ms > 0
    assert second.connect_ms == 0
    for timings in (first, second):
        assert timings.first_byte_ms >= 50
        assert timings.total_ms >= 100
