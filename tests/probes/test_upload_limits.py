"""`upload_limits`: taken under the limit, refused over it with 413 before the whole was read."""

import base64
import socket
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from releases.probes.base import Answer
from releases.probes.upload_limits import UploadLimitsSettings
from releases.states import Verdict
from tests.hostile import Hostile, hostile
from tests.probes.conftest import World, kinds_of
from tests.rig.browser import run_browser
from tests.rig.ports import free_port

KEY = "upload_limits"
LIMIT = 200_000
FORM_AROUND = 2_000


class Uploads:
    """A service that takes files at `/files`, as it is told to."""

    def __init__(self) -> None:
        self.refuse_by_length = True
        self.refuse_while_reading = False
        self.refuse_after_reading = False
        self.refusal = 413
        self.limit = LIMIT
        self.taken: Callable[[], Response] = lambda: PlainTextResponse("kept", 201)
        self.forbidden: tuple[str, ...] = ()
        self.bodies: list[bytes] = []
        self.read = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        answer = await self._answer(request)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "GET":
            page = '<form method=post enctype=multipart/form-data><input type=hidden name=csrf value="t&amp;1">'
            return HTMLResponse(f"{page}<input type=file name=file></form>")
        most = self.limit + FORM_AROUND
        if self.refuse_by_length and int(request.headers["content-length"]) > most:
            return self._refused()
        body = b""
        async for chunk in request.stream():
            body += chunk
            self.read = len(body)
            if self.refuse_while_reading and len(body) > most:
                return self._refused()
        self.bodies.append(body)
        if self.refuse_after_reading and len(body) > most:
            return self._refused()
        if any(word.encode() in body for word in self.forbidden):
            return PlainTextResponse("not this", 415)
        return self.taken()

    def _refused(self) -> Response:
        return PlainTextResponse("too large", self.refusal, headers={"Connection": "close"})


@pytest.fixture
def uploads(world: World) -> Uploads:
    service = Uploads()
    for switch in world.switches:
        switch.app = service
    world.edge = world.instances[0].url
    world.instances = []
    return service


def ask(world: World, **settings: Any) -> Answer:
    return world.ask(KEY, **{"path": "/files", "limit_bytes": LIMIT, **settings})


# --- The limit --------------------------------------------------------------------------------------------------------


def test_a_limit_that_holds_by_the_declared_length_passes_with_nothing_sent(world: World, uploads: Uploads) -> None:
    answer = ask(world)
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])
    figures = answer.figures["over_the_limit"]["edge"]
    assert figures["sent_bytes"] == 0
    assert LIMIT < figures["whole_bytes"] < LIMIT * 1.1 + 70_000
    assert [len(body) // 1000 for body in uploads.bodies] == [LIMIT // 1000]


def test_a_limit_that_holds_while_reading_passes(world: World, uploads: Uploads) -> None:
    uploads.refuse_by_length, uploads.refuse_while_reading = False, True
    answer = ask(world)
    assert answer.verdict is Verdict.PASS
    figures = answer.figures["over_the_limit"]["edge"]
    assert LIMIT < figures["sent_bytes"] < figures["whole_bytes"]


def test_it_never_sends_more_than_it_says(world: World, uploads: Uploads) -> None:
    uploads.refuse_by_length = False
    figures = ask(world).figures["over_the_limit"]["edge"]
    assert uploads.read == figures["sent_bytes"] == figures["whole_bytes"]


@pytest.mark.finding(KEY, "refused_late")
def test_a_refusal_after_the_whole_body_fails(world: World, uploads: Uploads) -> None:
    uploads.refuse_by_length, uploads.refuse_after_reading = False, True
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"refused_late"})


@pytest.mark.finding(KEY, "over_accepted")
@pytest.mark.parametrize("taken", [PlainTextResponse("kept", 201), RedirectResponse("/done", 303)])
def test_taking_what_is_too_large_fails(world: World, uploads: Uploads, taken: Response) -> None:
    uploads.refuse_by_length, uploads.taken = False, lambda: taken
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"over_accepted"})


@pytest.mark.finding(KEY, "under_refused")
def test_refusing_what_is_not_too_large_fails(world: World, uploads: Uploads) -> None:
    uploads.limit = LIMIT // 2
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"under_refused"})
    assert "(answered 413)" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "refused_otherwise")
@pytest.mark.parametrize("status", [400, 500, 502])
def test_refusing_it_with_another_status_fails(world: World, uploads: Uploads, status: int) -> None:
    uploads.refusal = status
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"refused_otherwise"})


@pytest.mark.finding(KEY, "no_answer")
def test_hanging_up_instead_of_answering_fails(world: World) -> None:
    def make(server: Hostile) -> Any:
        def handle(wire: socket.socket) -> None:
            head = server.read_head(wire)
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            if length > LIMIT + FORM_AROUND:
                return
            left = length - len(head.partition(b"\r\n\r\n")[2])
            while left > 0:
                left -= len(wire.recv(65536))
            wire.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

        return handle

    with hostile(make) as server:
        world.edge, world.instances = server.url, []
        answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"no_answer"})


# --- The kind of file -------------------------------------------------------------------------------------------------

KINDS = [{"name": "page.html", "type": "text/html"}, {"name": "../../note.txt"}]


def test_kinds_that_are_refused_pass(world: World, uploads: Uploads) -> None:
    uploads.forbidden = ("text/html", "..")
    assert ask(world, refused=KINDS).verdict is Verdict.PASS


@pytest.mark.finding(KEY, "kind_accepted")
def test_each_kind_that_is_taken_fails(world: World, uploads: Uploads) -> None:
    uploads.forbidden = ("text/html",)
    answer = ask(world, refused=KINDS)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"kind_accepted"})
    assert [finding.values["kind"] for finding in answer.findings] == ["../../note.txt as text/plain"]


# --- Around it --------------------------------------------------------------------------------------------------------


def test_the_hidden_inputs_of_the_form_are_sent_as_a_browser_would(world: World, uploads: Uploads) -> None:
    assert ask(world, page="/files").verdict is Verdict.PASS
    assert b'name="csrf"\r\n\r\nt&1\r\n' in uploads.bodies[0]


def test_an_account_sends_in_its_own_name_through_the_cache(world: World) -> None:
    """The little service has no such form: it answers 404 or 405, which says nothing about limits."""
    answer = world.ask(KEY, path="/nowhere", limit_bytes=LIMIT, logged_in=True, login=world.service.login_settings())
    assert "unclear_answer" in kinds_of(answer)
    assert "could_not_ask" not in kinds_of(answer)


@pytest.mark.finding(KEY, "unclear_answer")
@pytest.mark.parametrize("status", [404, 405, 500])
def test_an_answer_that_says_nothing_about_limits_is_no_pass(world: World, uploads: Uploads, status: int) -> None:
    uploads.taken = lambda: PlainTextResponse("?", status)
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"unclear_answer"})


def test_being_led_to_the_login_form_is_no_pass(world: World, uploads: Uploads) -> None:
    uploads.taken = lambda: RedirectResponse("/login?next=/files", 303)
    assert kinds_of(ask(world)) == {"unclear_answer"}


def test_without_an_account_it_does_not_apply_to_what_needs_one(world: World) -> None:
    world.accounts = ()
    assert ask(world, logged_in=True).verdict is Verdict.SKIPPED


@pytest.mark.finding(KEY, "could_not_ask")
def test_a_service_that_cannot_be_asked_is_an_error(world: World) -> None:
    world.edge, world.instances = f"http://127.0.0.1:{free_port()}", []
    assert ask(world).verdict is Verdict.ERROR


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit_bytes": 10},
        {"limit_bytes": 33 * 1024 * 1024},
        {"name": 'a"b'},
        {"name": "a\r\nb"},
        {"type": "text"},
        {"refused": [{"type": "a/b\r\nX: y"}]},
    ],
)
def test_settings_that_would_break_the_request_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        UploadLimitsSettings.model_validate({"path": "/files", "limit_bytes": LIMIT, **wrong})


@pytest.mark.parametrize("kind", ["png", "gif"])
def test_an_image_is_sent_as_one_that_a_browser_can_show(world: World, uploads: Uploads, kind: str) -> None:
    """A service that looks into a file refuses text that calls itself an image."""
    assert ask(world, name=f"dot.{kind}", type=f"image/{kind}").verdict is Verdict.PASS
    body = uploads.bodies[0]
    sent = body[body.rindex(b"\r\n\r\n") + 4 : body.rindex(b"\r\n--")]
    assert len(sent) == LIMIT
    with run_browser() as browser:
        page = browser.new_page()
        page.set_content(f'<img src="data:image/{kind};base64,{base64.b64encode(sent).decode()}">')
        image = page.locator("img")
        image.evaluate("image => image.decode()")
        assert image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [1, 1]
