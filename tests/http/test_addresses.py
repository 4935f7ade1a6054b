"""The door and addresses: the one that was checked is the one connected to."""

import ipaddress
import socket
import time
from collections.abc import Callable, Sequence

import pytest

from releases.addresses import refused_because
from releases.http import (
    AddressRefused,
    CouldNotConnect,
    Deadline,
    DeadlineReached,
    Door,
    NameNotResolved,
)
from tests.hostile import answering, hostile
from tests.http.rig import OK, full_backlog
from tests.rig.ports import free_port

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.0.3", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1",
        "169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1",
        "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    """C7, in every spelling of IPv6 that leads to one."""
    assert refused_because(ipaddress.ip_address(address), allow_private=False)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"])
def test_a_public_address_is_not_refused(address: str) -> None:
    assert refused_because(ipaddress.ip_address(address), allow_private=False) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "fd00::1"])
def test_a_private_address_is_allowed_where_the_environment_says_so(address: str) -> None:
    assert refused_because(ipaddress.ip_address(address), allow_private=True) is None


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "[::ffff:127.0.0.1]", "[::1]"]
)
def test_no_spelling_leads_to_this_machine(host: str) -> None:
    """C7: nothing is sent, whatever the system's resolver makes of it."""
    with hostile(answering(OK)) as server, Door(allow_private=False, deadline=Deadline.after(5)) as door:
        with pytest.raises((AddressRefused, NameNotResolved)):
            door.request("GET", f"http://{host}:{server.port}/")
        assert server.connections == 0


def resolving(*answers: Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    """Return a resolver that gives these answers, one after another."""
    left = list(answers)
    return lambda host, port: left.pop(0)


def test_one_private_address_among_public_ones_refuses_all() -> None:
    """B51"""
    resolver = resolving(["93.184.215.14", "2606:2800:21f::1", "10.0.0.1"])
    with (
        Door(allow_private=False, deadline=Deadline.after(5), resolver=resolver) as door,
        pytest.raises(AddressRefused, match=r"10\.0\.0\.1"),
    ):
        door.request("GET", "http://mixed.example/")


def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """B51: a name that resolves otherwise the second time is not asked a second time."""
    resolver = resolving(["127.0.0.1"], ["169.254.169.254"])
    with (
        hostile(answering(OK)) as server,
        Door(allow_private=True, deadline=Deadline.after(5), resolver=resolver) as door,
    ):
        response = door.request("GET", f"http://rebinding.example:{server.port}/")
    assert response.status == 200
    assert f"Host: rebinding.example:{server.port}".encode() in server.requests[0]


def test_a_name_that_does_not_exist_is_said() -> None:
    """B51"""

    def nothing(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with (
        Door(allow_private=True, deadline=Deadline.after(5), resolver=nothing) as door,
        pytest.raises(NameNotResolved, match=r"nowhere\.example"),
    ):
        door.request("GET", "http://nowhere.example/")


def test_a_resolver_that_hangs_is_left_at_the_deadline() -> None:
    """B51"""

    def slow(host: str, port: int) -> Sequence[str]:
        time.sleep(2)
        return ["127.0.0.1"]

    with Door(allow_private=True, deadline=Deadline.after(0.2), resolver=slow) as door:
        began = time.monotonic()
        with pytest.raises(DeadlineReached) as caught:
            door.request("GET", "http://slow.example/")
        assert time.monotonic() - began < 1
    assert caught.value.phase == "resolving"


def test_the_next_address_is_tried_when_one_does_not_listen() -> None:
    resolver = resolving(["127.0.0.2", "127.0.0.1"])
    with (
        hostile(answering(OK)) as server,
        Door(allow_private=True, deadline=Deadline.after(5), resolver=resolver) as door,
    ):
        assert door.request("GET", f"http://two.example:{server.port}/").status == 200


def test_an_address_that_swallows_everything_leaves_time_for_the_next_one() -> None:
    with hostile(answering(OK)) as server, full_backlog("127.0.0.2", server.port):
        resolver = resolving(["127.0.0.2", "127.0.0.1"])
        with Door(allow_private=True, deadline=Deadline.after(1), resolver=resolver) as door:
            assert door.request("GET", f"http://two.example:{server.port}/").status == 200


def test_a_port_where_nobody_listens_is_said(door: Door) -> None:
    with pytest.raises(CouldNotConnect, match="refused"):
        door.request("GET", f"http://127.0.0.1:{free_port()}/")


def test_proxies_of_the_environment_are_not_used(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with hostile(answering(OK)) as server:
        assert door.request("GET", server.url).status == 200
