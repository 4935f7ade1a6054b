"""Files, debug pages and secrets that anybody could read, on real servers."""

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from releases.probes.exposures import FILES, alike, redacted, secrets_in
from releases.states import Regression, Verdict
from tests.probes.conftest import World, kinds_of
from tests.rig.ports import free_port

KEY = "secrets"
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
PRIVATE = "-----BEGIN RSA " + "PRIVATE KEY-----"
GITHUB = "ghp_" + "A1b2" * 9
REAL: dict[str, bytes] = {
    "/.env": b"DEBUG=0\nSECRET_KEY=abc\n",
    "/.env.production": b"export DATABASE_URL=postgres://x\n",
    "/.git/HEAD": b"ref: refs/heads/main\n",
    "/.git/config": b"[core]\n\trepositoryformatversion = 0\n",
    "/.svn/entries": b"12\n",
    "/.hg/requires": b"dotencode\nstore\n",
    "/.DS_Store": b"\x00\x00\x00\x01Bud1\x00",
    "/.htpasswd": b"admin:$apr1$abc$def\n",
    "/.ssh/id_rsa": PRIVATE.encode() + b"\nMII\n",
    "/backup.sql": b"-- PostgreSQL database dump\n",
    "/dump.sql": b"CREATE TABLE x (y int);\n",
    "/database.sql": b"\nINSERT INTO x VALUES (1);\n",
    "/backup.zip": b"PK\x03\x04rest",
    "/backup.tar.gz": b"\x1f\x8brest",
    "/db.sqlite3": b"SQLite format 3\x00rest",
    "/settings.py": b"import os\nSECRET_KEY = 'x'\n",
    "/config.py.bak": b"TOKEN = 'x'\n",
    "/docker-compose.yml": b"services:\n  web:\n",
    "/phpinfo.php": b"<title>phpinfo()</title>",
    "/wp-config.php.bak": b"define('DB_PASSWORD', 'x');",
    "/server-status": b"<h1>Apache Server Status for x</h1>",
    "/actuator/env": b'{"propertySources": []}',
    "/debug/pprof/": b"<html><head><title>/debug/pprof/</title>",
    "/console": b"<h1>Interactive Console</h1>",
    "/__debug__/": b'<div id="djDebug">',
}


class Site:
    """A site whose pages a test sets; everything else is 404, or for `soft` a page that says so with 200."""

    def __init__(self) -> None:
        self.pages: dict[str, Response] = {"/": HTMLResponse("<h1>Welcome</h1>")}
        self.soft: str | None = None
        self.missing = Response("not found", 404)
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = Request(scope).url.path
        self.asked.append(path)
        nothing = self.missing if self.soft is None else HTMLResponse(self.soft.format(path=path))
        await self.pages.get(path, nothing)(scope, receive, send)


@pytest.fixture
def site(world: World) -> Site:
    made = Site()
    for switch in world.switches:
        switch.app = made
    world.edge = world.instances[0].url
    return made


def test_a_site_that_shows_nothing_passes_within_a_few_requests(world: World, site: Site) -> None:
    answer = world.ask(KEY)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, set())
    assert len(site.asked) == answer.figures["requests"] == len(FILES) + 2


@pytest.mark.finding(KEY, "file_reachable")
@pytest.mark.parametrize("path", list(FILES))
def test_a_well_known_file_counts_when_its_content_is_what_it_promises(world: World, site: Site, path: str) -> None:
    site.pages[path] = Response(REAL[path])
    answer = world.ask(KEY, routes=[])
    assert [(one.kind.id, one.subject) for one in answer.findings] == [("file_reachable", path)]
    assert REAL[path].decode("latin-1").strip()[-8:] not in repr(answer.findings[0].evidence)


@pytest.mark.parametrize(
    "soft",
    [
        "<h1>{path} is not here</h1>",
        "<html><body>SECRET_KEY=none [core] {path} services: PK</body></html>",
        "SINGLE PAGE APP",
    ],
)
def test_a_site_that_answers_200_to_everything_is_no_page_of_false_alarms(world: World, site: Site, soft: str) -> None:
    site.soft = soft
    answer = world.ask(KEY, paths=["/admin-backup", "/old/"])
    assert kinds_of(answer) == set()


@pytest.mark.finding(KEY, "file_reachable")
def test_a_path_of_the_catalogues_own_must_not_be_there(world: World, site: Site) -> None:
    site.pages["/internal/report"] = Response("figures")
    assert [one.subject for one in world.ask(KEY, paths=["/internal/report"]).findings] == ["/internal/report"]
    assert world.ask(KEY, paths=["/internal/report"], allow=["/internal/report"]).verdict is Verdict.PASS


@pytest.mark.finding(KEY, "cannot_tell_apart")
def test_a_path_that_differs_on_a_site_without_404_is_inconclusive(world: World, site: Site) -> None:
    site.soft = "<h1>Nothing here, sorry, go home to the start page</h1>"
    site.pages["/internal/report"] = Response("figures of the year in a long table of their own")
    assert world.ask(KEY, paths=["/internal/report"]).verdict is Verdict.INCONCLUSIVE


@pytest.mark.finding(KEY, "debug_page")
def test_a_debug_page_where_nothing_is_fails(world: World, site: Site) -> None:
    text = "<p>You're seeing this error because you have <code>DEBUG = True</code> in your settings</p>"
    site.missing = Response(text, 404, media_type="text/html")
    answer = world.ask(KEY, routes=[])
    assert [one.sentence for one in answer.findings] == ["an address where nothing is answers with a debug page"]


@pytest.mark.finding(KEY, "stack_trace")
@pytest.mark.parametrize(
    "trace",
    [
        'Traceback (most recent call last):\n  File "/srv/app.py", line 1',
        "Error: x\n    at Object.<anonymous> (/srv/app/index.js:10:15)",
        "java.lang.NullPointerException\n\tat org.example.Page.show(Page.java:42)",
        "goroutine 1 [running]:\nmain.main()",
    ],
)
def test_a_stack_trace_on_a_listed_page_fails(world: World, site: Site, trace: str) -> None:
    site.pages["/broken"] = Response(trace, 500)
    assert kinds_of(world.ask(KEY, routes=["/broken"])) == {"stack_trace"}


def test_prose_about_errors_is_no_stack_trace(world: World, site: Site) -> None:
    site.pages["/"] = Response("We met at Berlin (in the js:club). A traceback is what Python prints.")
    assert world.ask(KEY).verdict is Verdict.PASS


@pytest.mark.finding(KEY, "directory_listing")
def test_a_directory_listing_fails(world: World, site: Site) -> None:
    site.pages["/files/"] = HTMLResponse("<title>Index of /files</title><h1>Index of /files</h1>")
    assert kinds_of(world.ask(KEY, routes=["/files/"])) == {"directory_listing"}


@pytest.mark.finding(KEY, "source_map")
def test_the_source_map_of_a_script_fails_unless_it_is_allowed(world: World, site: Site) -> None:
    site.pages["/"] = HTMLResponse('<script src="/static/app.js"></script><script src="https://cdn.invalid/x.js">')
    site.pages["/static/app.js"] = Response("go()\n//# sourceMappingURL=app.js.map\n")
    assert world.ask(KEY).verdict is Verdict.PASS
    site.pages["/static/app.js.map"] = Response('{"version":3,"mappings":"AAAA"}')
    assert [one.subject for one in world.ask(KEY).findings] == ["/static/app.js.map"]
    assert world.ask(KEY, allow=["/static/app.js.map"]).verdict is Verdict.PASS


@pytest.mark.finding(KEY, "source_map")
def test_a_source_map_inside_the_script_fails(world: World, site: Site) -> None:
    site.pages["/"] = HTMLResponse("<script src=/app.js></script>")
    site.pages["/app.js"] = Response("go()\n//# sourceMappingURL=data:application/json;base64,e30=")
    assert kinds_of(world.ask(KEY)) == {"source_map"}


@pytest.mark.finding(KEY, "secret_in_answer")
def test_a_secret_in_a_page_a_script_or_a_field_is_found_and_redacted(world: World, site: Site) -> None:
    page = HTMLResponse(f"<p>\nkey {AWS}</p><script src=/app.js></script>")
    page.headers["X-Debug"] = GITHUB
    site.pages["/"] = page
    site.pages["/app.js"] = Response(f"const k = `{PRIVATE}`")
    answer = world.ask(KEY)
    assert {one.subject.partition(",")[0] for one in answer.findings} == {"/", "/app.js"}
    assert "AWS Access Key" in answer.findings[0].sentence
    told = repr(answer) + "".join(one.sentence for one in answer.findings)
    assert AWS not in told
    assert GITHUB not in told


def test_csrf_tokens_sessions_and_digests_are_no_secrets(world: World, site: Site) -> None:
    page = HTMLResponse(
        '<input type="hidden" name="csrfmiddlewaretoken" value="kO9mX2bV7cR4tY8uI1oP5aS3dF6gH0jK">'
        '<script nonce="r4nd0mNonceValue==" integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K"></script>'
        "<p>password: enter yours. 3f786850e387550fdab836ed7e6dc881de23001b</p>"
    )
    page.set_cookie("sessionid", "q8w7e6r5t4y3u2i1o0p9a8s7d6f5g4h3")
    site.pages["/"] = page
    assert world.ask(KEY).verdict is Verdict.PASS


def test_a_secret_that_came_with_the_release_is_a_regression(world: World, site: Site) -> None:
    world.remember(world.ask(KEY))
    site.pages["/.env"] = Response(REAL["/.env"])
    assert world.ask(KEY).regression is Regression.YES


@pytest.mark.finding(KEY, "could_not_ask")
def test_an_edge_that_is_down_is_asked_once(world: World) -> None:
    world.edge = f"http://127.0.0.1:{free_port()}"
    answer = world.ask(KEY)
    assert (answer.verdict, len(answer.findings), answer.figures["requests"]) == (Verdict.ERROR, 1, 1)


def test_a_long_text_is_searched_in_time() -> None:
    assert not list(secrets_in("a" * 1_000_000 + "\n" + "eyJ" * 100_000))
    assert len(list(secrets_in(f"{AWS}\n" * 100))) == 20


def test_what_is_shown_of_a_secret_is_its_beginning_and_its_length() -> None:
    assert redacted(AWS) == "AK… (20 characters)"
    assert alike("", "")
    assert not alike("a b c d", "w x y z")
