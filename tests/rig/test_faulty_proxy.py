"""The faulty proxy does what it says: otherwise the drills that lean on it prove nothing."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.rig.faulty_proxy import FaultyProxy, run_faulty_proxy
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.once


class Echo(socketserver.BaseRequestHandler):
    heard: list[bytes] = []

    def handle(self) -> None:
        while chunk := self.request.recv(1024):
            self.heard.append(chunk)
            self.request.sendall(chunk)


@pytest.fixture
def proxy() -> Iterator[FaultyProxy]:
    Echo.heard = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        with run_faulty_proxy(server.server_address[1]) as running:
            yield running
        server.shutdown()
        thread.join()


def connected(proxy: FaultyProxy, timeout: float = 5) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout)


def asked(wire: socket.socket, text: bytes) -> tuple[bytes, float]:
    """Send a text, and return its whole echo and how long that took."""
    begun, answer = time.monotonic(), b""
    wire.sendall(text)
    while len(answer) < len(text) and (chunk := wire.recv(1024)):
        answer += chunk
    return answer, time.monotonic() - begun


def test_without_a_fault_everything_is_passed_on(proxy: FaultyProxy) -> None:
    with connected(proxy) as wire:
        assert asked(wire, b"hello")[0] == b"hello"
    assert (proxy.accepted, proxy.resets) == (1, 0)


def test_latency_delays_each_direction_also_of_an_open_connection(proxy: FaultyProxy) -> None:
    with connected(proxy) as wire:
        assert asked(wire, b"fast")[1] < 0.3
        proxy.faults.latency = 0.3
        answer, seconds = asked(wire, b"slow")
    assert answer == b"slow"
    assert seconds >= 0.6


def test_a_trickle_takes_as_long_as_it_says(proxy: FaultyProxy) -> None:
    proxy.faults.bandwidth = 1000
    with connected(proxy) as wire:
        answer, seconds = asked(wire, b"x" * 500)
    assert answer == b"x" * 500
    assert seconds >= 0.5


def test_an_answer_is_cut_in_the_middle(proxy: FaultyProxy) -> None:
    proxy.faults.reset_after = 3
    with connected(proxy) as wire:
        wire.sendall(b"answer")
        assert wire.recv(3, socket.MSG_WAITALL) == b"ans"
        with pytest.raises(ConnectionResetError):
            wire.recv(1024)
    assert proxy.resets == 1


def test_what_was_sought_arrives_and_its_answer_does_not(proxy: FaultyProxy) -> None:
    proxy.faults.swallow_after = b"COMMIT"
    with connected(proxy) as wire:
        assert asked(wire, b"INSERT")[0] == b"INSERT"
        wire.sendall(b"COMMIT")
        with pytest.raises(ConnectionResetError):
            wire.recv(1024)
    assert Echo.heard[-1] == b"COMMIT"
    with connected(proxy) as wire:
        assert asked(wire, b"COMMIT")[0] == b"COMMIT", "it happens once"


def test_it_accepts_and_never_answers_until_it_is_healed(proxy: FaultyProxy) -> None:
    proxy.faults.silent = True
    with connected(proxy, timeout=0.3) as wire:
        wire.sendall(b"anybody?")
        with pytest.raises(TimeoutError):
            wire.recv(1024)
        proxy.heal()
        wait_until(lambda: wire.recv(1024) == b"anybody?", 5, "the answer comes after all")


def test_every_open_connection_can_be_cut(proxy: FaultyProxy) -> None:
    with connected(proxy) as one, connected(proxy) as two:
        assert asked(one, b"one")[0] + asked(two, b"two")[0] == b"onetwo"
        proxy.cut()
        for wire in (one, two):
            with pytest.raises(ConnectionResetError):
                wire.recv(1024)
    assert proxy.resets == 2
