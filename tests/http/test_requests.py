"""The door and requests: what HTTP cannot carry is refused before anything is sent."""

import pytest

from releases.http import (
    Door,
    InvalidUrl,
)
from tests.hostile import answering, hostile
from tests.http.rig import OK

pytestmark = pytest.mark.once


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
