"""`logging`: a request shows up in the service's log, at the right level, without what it carried as credentials."""

import base64
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from starlette.requests import Request

from releases.probes.base import Answer, CannotRead
from releases.services.logs import FileLog
from releases.states import Verdict
from tests.probes.conftest import World, kinds_of

KEY = "logging"

Says = Callable[[Request, bytes], str]
"""What a service writes of a request and its body."""


def careful(request: Request, _: bytes) -> str:
    return f"INFO {request.method} {request.url.path} for {request.headers['user-agent']}\n"


def by_id(request: Request, _: bytes) -> str:
    return f"INFO {request.headers['x-request-id']} {request.url.path}\n"


def by_query(request: Request, _: bytes) -> str:
    return f"INFO {request.url}\n"


def logs(world: World, tmp_path: Path, says: Says, *, file: str = "requests.log") -> None:
    """Have both instances write what `says` returns to a file, and the probe follow that file."""
    path = tmp_path / file
    for switch in world.switches:
        switch.app = _logging(switch.app, path, says)
    world.log = FileLog(tmp_path / "requests.log")


def _logging(app: Any, path: Path, says: Says) -> Any:
    async def logged(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        body = b""
        messages: list[Any] = []
        while not messages or messages[-1].get("more_body"):
            messages.append(await receive())
            body += messages[-1].get("body", b"")
        with path.open("a") as log:
            log.write(says(Request(scope), body))

        async def again() -> Any:
            return messages.pop(0) if messages else await receive()

        await app(scope, again, send)

    return logged


def ask(world: World, **settings: Any) -> Answer:
    return world.ask(KEY, route=world.service.public_routes[0], within_seconds=0.5, **settings)


# --- Found ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("says", [careful, by_id, by_query])
def test_a_request_that_is_logged_without_its_credentials_passes(world: World, tmp_path: Path, says: Says) -> None:
    """Services log the query, the User-Agent or the request id: any of them will do."""
    logs(world, tmp_path, says)
    answer = ask(world, level="info")
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])
    assert 0 <= answer.figures["found_after_s"] <= 0.5


def test_the_instance_is_asked_since_a_cache_may_answer_by_itself(world: World, tmp_path: Path) -> None:
    logs(world, tmp_path, careful)
    assert ask(world).verdict is Verdict.PASS
    assert ask(world).verdict is Verdict.PASS


def test_lines_that_were_there_before_do_not_count(world: World, tmp_path: Path) -> None:
    (tmp_path / "requests.log").write_text("INFO password=old\n")
    logs(world, tmp_path, careful)
    assert ask(world).verdict is Verdict.PASS


# --- Not found --------------------------------------------------------------------------------------------------------


@pytest.mark.finding(KEY, "not_logged")
@pytest.mark.parametrize(
    ("says", "file"),
    [
        pytest.param(lambda *_: "", "requests.log", id="nothing is written"),
        pytest.param(lambda *_: "INFO a request\n", "requests.log", id="nothing of the request is written"),
        pytest.param(careful, "other.log", id="it is written elsewhere"),
        pytest.param(lambda *of: careful(*of).rstrip("\n"), "requests.log", id="the line is never ended"),
    ],
)
def test_a_request_that_does_not_show_up_in_time_fails(world: World, tmp_path: Path, says: Says, file: str) -> None:
    logs(world, tmp_path, says, file=file)
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"not_logged"})
    assert "after 0.5 s" in answer.findings[0].sentence
    assert answer.figures["found_after_s"] is None


@pytest.mark.finding(KEY, "wrong_level")
def test_a_line_at_another_level_fails(world: World, tmp_path: Path) -> None:
    logs(world, tmp_path, careful)
    answer = ask(world, level="WARNING")
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"wrong_level"})


# --- Credentials ------------------------------------------------------------------------------------------------------


def _form_password(body: bytes) -> str:
    return parse_qs(body.decode()).get("password", [""])[0]


@pytest.mark.finding(KEY, "credential_logged")
@pytest.mark.parametrize(
    ("what", "how", "leak"),
    [
        ("cookie", "as it is", lambda request, _: request.headers["cookie"]),
        ("token", "as it is", lambda request, _: request.headers["authorization"]),
        ("token", "in base64", lambda request, _: _base64(request.headers["authorization"].removeprefix("Bearer "))),
        ("password", "as it is", lambda _, body: _form_password(body)),
        ("password", "URL-encoded", lambda _, body: body.decode()),
        ("password", "URL-encoded", lambda _, body: quote(_form_password(body), safe="")),
        ("password", "in base64", lambda _, body: _base64(_form_password(body))),
    ],
)
def test_a_credential_in_the_log_fails_and_is_not_shown(
    world: World, tmp_path: Path, what: str, how: str, leak: Says
) -> None:
    leaked = []

    def says(request: Request, body: bytes) -> str:
        leaked.append(leak(request, body))
        return f"{careful(request, body)}DEBUG {leaked[-1]}\n"

    logs(world, tmp_path, says)
    answer = ask(world, method="POST")
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"credential_logged"})
    (finding,) = answer.findings
    assert (finding.subject, finding.values["how"]) == (what, how)
    secret = leaked[0].removeprefix("sessionid=").removeprefix("Bearer ").rpartition("password=")[2]
    assert secret not in str(finding.evidence)
    assert f"({what})" in str(finding.evidence)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_credential_that_is_written_after_the_line_is_found_too(world: World, tmp_path: Path) -> None:
    def says(request: Request, _: bytes) -> str:
        def later() -> None:
            with (tmp_path / "requests.log").open("a") as log:
                log.write(f"DEBUG {request.headers['cookie']}\n")

        threading.Timer(0.2, later).start()
        return careful(request, b"")

    logs(world, tmp_path, says)
    assert kinds_of(ask(world)) == {"credential_logged"}


def test_a_credential_is_found_though_the_request_itself_is_not_logged(world: World, tmp_path: Path) -> None:
    logs(world, tmp_path, lambda request, _: f"DEBUG {request.headers['cookie']}\n")
    assert kinds_of(ask(world)) == {"not_logged", "credential_logged"}


# --- Not known --------------------------------------------------------------------------------------------------------


def test_where_no_log_is_named_it_does_not_apply(world: World) -> None:
    world.log = None
    assert ask(world).verdict is Verdict.SKIPPED


@pytest.mark.finding(KEY, "cannot_read_log")
def test_a_log_that_cannot_be_read_is_an_error(world: World) -> None:
    class Fails:
        def new_text(self) -> str:
            raise CannotRead("read_log ended with 3.")

    world.log = Fails()
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.ERROR, {"cannot_read_log"})
    assert "ended with 3" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "could_not_ask")
def test_a_service_that_cannot_be_asked_is_an_error(world: World, tmp_path: Path) -> None:
    world.log = FileLog(tmp_path / "requests.log")
    world.instances = [type(world.instances[0])("web-1", "http://127.0.0.1:9")]
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.ERROR, {"could_not_ask"})
