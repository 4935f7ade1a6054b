"""A reader's habits: cookies, redirects, forms."""

import socket
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, strategies as st

from releases.http import Deadline, Door, TooManyRedirects
from releases.probes.places import Place
from releases.probes.reader import Reader, form_with
from tests.hostile import Handler, Hostile, hostile
from tests.probes.service import Lot


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(allow_private=True, deadline=Deadline.after(10)) as opened:
        yield opened


def saying(pages: dict[str, str]) -> Callable[[Hostile], Handler]:
    """Answer each path with the fields that stand here for it."""

    def make(server: Hostile) -> Handler:
        def handler(wire: socket.socket) -> None:
            while head := server.read_head(wire):
                path = head.split(b" ")[1].decode()
                fields = pages.get(path, "")
                status = "303 See Other" if "Location" in fields else "200 OK"
                wire.sendall(f"HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n".encode())

        return handler

    return make


def sent_cookies(server: Hostile, number: int) -> str:
    lines = server.requests[number].decode().split("\r\n")
    return next((line.partition(": ")[2] for line in lines if line.startswith("Cookie: ")), "")


@pytest.mark.parametrize(
    ("set_cookie", "sent"),
    [
        ("a=1", "a=1"),
        ("a=1; Path=/; HttpOnly; Secure; SameSite=Lax", "a=1"),
        ("a=x=y==", "a=x=y=="),
        ("a=1; Path=/elsewhere", ""),
        ("a=1; Path=/pa", ""),
        ("a=1; Path=/page", "a=1"),
        ("a=1; Max-Age=0", ""),
        ("a=1; Max-Age=-5", ""),
        ("a=1; Max-Age=60", "a=1"),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ""),
        ("a=1; Expires=nonsense", "a=1"),
        ("nonsense", ""),
        ("=1", ""),
        ("a=\xff", ""),
    ],
)
def test_a_cookie_is_sent_back_where_it_belongs(door: Door, set_cookie: str, sent: str) -> None:
    with hostile(saying({"/": f"Set-Cookie: {set_cookie}\r\n"})) as server:
        reader = Reader(door, Place("origin", server.url, False))
        reader.get("/")
        reader.get("/page/one?x=1")
    assert sent_cookies(server, 1) == sent


def test_a_cookie_set_by_a_redirect_is_there_for_the_next_page(door: Door) -> None:
    with hostile(saying({"/": "Location: /in\r\nSet-Cookie: a=1\r\n"})) as server:
        route, answer = Reader(door, Place("origin", server.url, False)).follow("/")
    assert (route, answer.status, sent_cookies(server, 1)) == ("/in", 200, "a=1")


def test_a_redirect_to_the_edge_stays_at_the_instance(door: Door) -> None:
    with hostile(saying({"/": "Location: https://shop.example/in?x=1\r\n"})) as server:
        route, answer = Reader(door, Place("origin", server.url, False), "https://shop.example").follow("/")
    assert (route, answer.status) == ("/in?x=1", 200)


@pytest.mark.parametrize("location", ["https://elsewhere.example/", "ftp://x/", "http://[", "//elsewhere.example/in"])
def test_a_redirect_that_leads_away_is_not_followed(door: Door, location: str) -> None:
    with hostile(saying({"/": f"Location: {location}\r\nSet-Cookie: a=1\r\n"})) as server:
        _, answer = Reader(door, Place("origin", server.url, False)).follow("/")
        assert (answer.status, len(server.requests)) == (303, 1)


def test_a_redirect_loop_ends(door: Door) -> None:
    with hostile(saying({"/": "Location: /\r\n"})) as server, pytest.raises(TooManyRedirects):
        Reader(door, Place("origin", server.url, False)).follow("/")
    assert len(server.requests) == 4


def test_a_base_url_with_a_path_stays_within_it(door: Door) -> None:
    with hostile(saying({"/shop/": "Location: /shop/in\r\nSet-Cookie: a=1; Path=/shop\r\n"})) as server:
        base = f"http://127.0.0.1:{server.port}/shop"
        assert Reader(door, Place("origin", base, False)).follow("/")[0] == "/in"
    assert sent_cookies(server, 1) == "a=1"


def test_the_form_with_the_inputs_is_found_among_others() -> None:
    lot = Lot("forms")
    token, name = lot.name(), lot.name()
    page = f"""
      <form action="/search"><input name="{name}" value="decoy"></form>
      <form action="/go" method=post>
        <input type="hidden" name="{token}" value="a&amp;b"><input name="{name}"><input type=password name=p>
        <input type=checkbox name=on checked><input type=checkbox name=off><input type=submit name=go value=Go>
        <select name=s><option value=1><option value=2 selected></select><select name=t><option value=3></select>
        <textarea name=text></textarea><input name=gone disabled value=1>
      </form>"""
    form = form_with({name, "p", "text"}, page)
    assert form is not None
    assert form.action == "/go"
    assert form.values == {token: "a&b", name: "", "p": "", "on": "on", "s": "2", "t": "3"}


PIECES = st.sampled_from(
    ["<form", "<input name=a", ">", "<![x[", "<!--", "</form>", "<select name=s>", "<option", "&#"]
)


@given(pieces=st.lists(PIECES | st.text(max_size=5), max_size=40))
def test_no_page_makes_it_raise(pieces: list[str]) -> None:
    form = form_with({"a"}, "".join(pieces))
    assert form is None or "a" in form.names


@pytest.mark.parametrize(
    "page", ["", "<form", "<form><form><input name=a", "<input name=a>", "<!--<form><input name=a>"]
)
def test_a_page_without_the_form_has_none(page: str) -> None:
    assert form_with({"a"}, page) is None
