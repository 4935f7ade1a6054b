"""The door and TLS: verified, with the reason named when it fails."""

from pathlib import Path

import pytest

from releases.http import (
    Deadline,
    DeadlineReached,
    Door,
    TlsFailed,
)
from tests.hostile import Handler, Hostile, answering, hostile, silent
from tests.http.rig import OK, tls_server

pytestmark = pytest.mark.once


def test_tls_is_spoken_with_a_host_that_proves_itself(trusting_door: Door, certificates: Path) -> None:
    with hostile(answering(OK, OK), tls_server(certificates, "good")) as server:
        url = server.url.replace("http:", "https:")
        first = trusting_door.request("GET", url, keep=True)
        second = trusting_door.request("GET", url, keep=True)
    assert (first.status, second.timings.connect_ms, server.connections) == (200, 0, 1)


@pytest.mark.parametrize(
    ("name", "reason"), [("expired", "expired"), ("elsewhere", "IP address mismatch"), ("ca", "self.signed")]
)
def test_a_certificate_that_proves_nothing_is_named(
    trusting_door: Door, certificates: Path, name: str, reason: str
) -> None:
    """B49: and it is not tried again without checking."""
    door = trusting_door if name != "ca" else Door(allow_private=True, deadline=Deadline.after(10))
    with hostile(answering(OK), tls_server(certificates, name)) as server:
        with pytest.raises(TlsFailed, match=f"(?i){reason}"):
            door.request("GET", server.url.replace("http:", "https:"))
        assert (server.connections, server.requests) == (1, [])


def test_a_server_that_does_not_speak_tls_is_named(door: Door) -> None:
    """B49"""

    def make(server: Hostile) -> Handler:
        return lambda wire: wire.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with hostile(make) as server, pytest.raises(TlsFailed):
        door.request("GET", server.url.replace("http:", "https:"))


def test_a_handshake_that_hangs_is_left_at_the_deadline(door: Door) -> None:
    """B49"""
    with hostile(silent) as server, pytest.raises(DeadlineReached) as caught:
        door.request("GET", server.url.replace("http:", "https:"), timeout=0.3)
    assert caught.value.phase == "TLS handshake"
