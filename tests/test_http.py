"""The door to the network, against servers that do not behave."""

import contextlib
import gzip
import ipaddress
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from releases.addresses import refused_because
from releases.http import (
    AddressRefused,
    ConnectionLost,
    CouldNotConnect,
    Deadline,
    DeadlineReached,
    Door,
    DoorError,
    InvalidAnswer,
    InvalidUrl,
    Limits,
    NameNotResolved,
    TlsFailed,
    TooLarge,
    TooManyRedirects,
)
from tests.hostile import Handler, Hostile, answering, dripping, hostile, silent
from tests.rig.ports import free_port

pytestmark = pytest.mark.once

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SMALL = Limits(header_bytes=8_000, header_count=50, wire_bytes=200_000, body_bytes=100_000)


@pytest.fixture
def door() -> Iterator[Door]:
    """A door that lets us reach the servers of the test, for ten seconds."""
    with Door(allow_private=True, deadline=Deadline.after(10), limits=SMALL) as opened:
        yield opened


def test_an_answer_comes_back_whole(door: Door) -> None:
    with hostile(answering(b"HTTP/1.1 404 No\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\nabc")) as server:
        response = door.request("GET", server.url)
    assert (response.status, response.body, response.get_all("X-a")) == (404, b"abc", ["1", "2"])
    assert response.peer == f"127.0.0.1:{server.port}"
    assert not response.truncated


# --- Time ------------------------------------------------------------------------------------------------------------


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
        assert timings.total_ms >= timings.first_byte_ms + 49


# --- Size ------------------------------------------------------------------------------------------------------------


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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


# --- Redirects -------------------------------------------------------------------------------------------------------


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


# --- Addresses -------------------------------------------------------------------------------------------------------


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


# --- Requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "example.com/x", "ftp://h/", "file:///etc/passwd", "javascript:alert(1)", "http:///x", "http://h:0/",
        "http://h:65536/", "http://h:abc/", "http://user:pass@h/", "http://h/\r\nX: 1", "http://h/a b", "http://h\\x/",
        "http://" + "a" * 64 + ".example/", "http://" + "a." * 127 + "example/", "http://[::1/", "http://-a/", "http://é/",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_asked_is_refused_before_anything_is_sent(door: Door, url: str) -> None:
    """B53, C5 to C12"""
    with pytest.raises(InvalidUrl) as caught:
        door.request("GET", url)
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    ("method", "headers"),
    [("GET", {"X-A": "1\r\nX-B: 2"}), ("GET", {"X-A\r\nB": "1"}), ("GET", {"X-A": "\0"}), ("G ET", {})],
)
def test_a_line_break_in_a_request_is_refused_before_anything_is_sent(
    door: Door, method: str, headers: dict[str, str]
) -> None:
    """B53"""
    with hostile(answering(OK)) as server:
        with pytest.raises(InvalidUrl):
            door.request(method, server.url, headers=headers)
        assert server.connections == 0


def test_an_encoded_line_break_stays_encoded_on_the_wire(door: Door) -> None:
    """C13"""
    with hostile(answering(OK)) as server:
        door.request("GET", f"{server.url}%0d%0aX:1")
    assert server.requests[0].startswith(b"GET /%0d%0aX:1 HTTP/1.1\r\n")


# --- Connections -----------------------------------------------------------------------------------------------------


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


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and certificates of it: `good` for 127.0.0.1, `expired`, and `elsewhere` for another host."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
    subject = ("-days", "2", "-subj", "/CN=Test authority")
    openssl("req", "-x509", *key, *usage, *subject, "-keyout", "ca.key", "-out", "ca.pem")
    for name, host in (("good", "127.0.0.1"), ("expired", "127.0.0.1"), ("elsewhere", "10.9.9.9")):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / f"{name}.ext").write_text(f"subjectAltName=IP:{host}\nauthorityKeyIdentifier=keyid\n")
        if name == "expired":
            _sign_expired(folder, openssl)
        else:
            signer = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", f"{name}.ext")
            openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signer, "-days", "2")
    return folder


def _sign_expired(folder: Path, openssl: Callable[..., None]) -> None:
    """Sign with dates in the past, which only `openssl ca` can do in every version in use."""
    (folder / "index.txt").write_text("")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=ca.serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n"
        "[p]\ncommonName=supplied\n"
    )
    (folder / "ca.serial").write_text("0A\n")
    dates = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
    files = ("-in", "expired.csr", "-out", "expired.pem", "-cert", "ca.pem", "-keyfile", "ca.key")
    openssl("ca", "-batch", "-config", "ca.cnf", "-extfile", "expired.ext", "-notext", *dates, *files)


def tls_server(certificates: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return context


@pytest.fixture
def trusting_door(certificates: Path) -> Iterator[Door]:
    """A door that trusts the test's authority."""
    tls = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    with Door(allow_private=True, deadline=Deadline.after(10), tls=tls) as opened:
        yield opened


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


# --- Text ------------------------------------------------------------------------------------------------------------


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


class full_backlog:
    """A port that listens, but whose queue of connections is full: nothing more gets in."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = socket.create_server((host, port), backlog=0)
        self._waiting = [socket.socket() for _ in range(4)]

    def __enter__(self) -> int:
        address = self._listener.getsockname()
        for wire in self._waiting:
            wire.setblocking(False)
            wire.connect_ex(address)
        time.sleep(0.05)  # nothing tells when the kernel has put them into the queue
        return int(address[1])

    def __exit__(self, *_: object) -> None:
        for wire in (*self._waiting, self._listener):
            wire.close()


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
