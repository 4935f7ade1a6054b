"""The door and connections: kept where told, replaced when closed."""

import socket

import pytest

from releases.http import (
    ConnectionLost,
    Door,
)
from tests.hostile import Handler, Hostile, answering, hostile
from tests.http.rig import OK

pytestmark = pytest.mark.once


def test_a_kept_connection_is_used_again_only_where_told(door: Door) -> None:
    with hostile(answering(OK, OK, OK)) as server:
        for keep in (True, True, False, False):
            door.request("GET", server.url, keep=keep)
    assert server.connections == 3


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(door: Door) -> None:
    with hostile(answering(OK)) as server:
        for _ in range(3):
            assert door.request("GET", server.url, keep=True).status == 200
    assert server.connections == 3


def test_a_connection_lost_without_an_answer_is_not_hidden(door: Door) -> None:
    with hostile(answering(b"")) as server, pytest.raises(ConnectionLost):
        door.request("GET", server.url, keep=True)
    assert server.connections == 1


def test_a_refusal_that_comes_before_the_body_was_sent_is_read(door: Door) -> None:
    def make(server: Hostile) -> Handler:
        def handler(wire: socket.socket) -> None:
            wire.recv(1000)
            wire.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            wire.shutdown(socket.SHUT_WR)
            while wire.recv(1_000_000):
                pass

        return handler

    with hostile(make) as server:
        assert door.request("POST", server.url, body=b"x" * 5_000_000).status == 413
