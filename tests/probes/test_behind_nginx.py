"""The probes at a real nginx: its `proxy_cache` tells no age, knows no PURGE, and has words of its own."""

import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from releases.probes import cache_status
from releases.probes.base import Answer, CommandResult
from releases.states import Verdict
from tests.probes.conftest import World, kinds_of
from tests.probes.server import Instance
from tests.probes.test_upload_limits import Uploads
from tests.rig.nginx import Nginx, run_nginx
from tests.rig.waiting import wait_until

CACHING = "proxy_pass http://origin; proxy_cache pages; proxy_cache_methods GET HEAD;"
TELLING = "add_header X-Cache-Status $upstream_cache_status always;"
CARELESS = "proxy_ignore_headers Cache-Control Expires Set-Cookie Vary; proxy_cache_valid 200 60s;"

HEADERS = (
    "add_header X-Content-Type-Options nosniff; add_header X-Frame-Options DENY;"
    " add_header Content-Security-Policy \"default-src 'self'\";"
)
FIELDS = {"Cache-Control": "max-age=1", "ETag": '"1"'}

LOCATIONS = {
    "cache": f"{CACHING} {TELLING}",
    "mute": CACHING,
    "reuses": f"{CACHING} {TELLING} proxy_cache_use_stale updating http_503; proxy_cache_revalidate on;",
    "refreshes": f"{CACHING} {TELLING} proxy_cache_bypass $http_x_refresh;",
    "careless": f"{CACHING} {TELLING} {CARELESS}",
    "accepts-anything": f'if ($request_method = PURGE) {{ return 200 "ok"; }} {CACHING} {TELLING}',
    "forbids": f"limit_except GET HEAD POST {{ deny all; }} {CACHING} {TELLING}",
    "headers": f"{HEADERS} location /plain {{ return 200; }} location /marked {{ {TELLING} return 200; }}",
    "limits": "proxy_pass http://origin; proxy_request_buffering off; client_max_body_size 202k;",
}


@pytest.fixture(scope="session")
def nginx(instances: Sequence[Instance]) -> Iterator[Nginx]:
    with run_nginx([instance.port for instance in instances], LOCATIONS) as running:
        yield running


@pytest.fixture
def behind(world: World, nginx: Nginx) -> World:
    """The world with the nginx that behaves as its edge."""
    world.edge = nginx.url("cache")
    return world


def ask_purge(world: World, **more: Any) -> Answer:
    affected, *control = world.service.public_routes
    return world.ask("purge", affected=[affected], control=control, **more)


def removing(nginx: Nginx, name: str) -> Any:
    """Return a purge command that removes the stored file, as sites with plain nginx have."""

    def purge(_: str, values: Mapping[str, str]) -> CommandResult:
        assert nginx.forget(name, values["route"])
        return CommandResult(0, "removed", 0.1)

    return purge


@pytest.mark.parametrize(
    ("cache_control", "expect", "verdict"),
    [
        ("public, max-age=300", "shared", Verdict.PASS),
        ("private, max-age=300", "private", Verdict.PASS),
        ("no-store", "none", Verdict.PASS),
        ("public, max-age=300", "private", Verdict.FAIL),
    ],
)
def test_cache_headers_are_judged_alike_behind_nginx(
    behind: World, cache_control: str, expect: str, verdict: Verdict
) -> None:
    path = behind.service.public_routes[0]
    behind.service.cache[path] = {"Cache-Control": cache_control}
    assert behind.ask("cache_headers", routes=[{"path": path, "expect": expect}]).verdict is verdict


@pytest.mark.parametrize(
    ("fields", "expect", "kinds"),
    [
        pytest.param({"Cache-Control": "max-age=0, s-maxage=60"}, "shared", set(), id="s-maxage before max-age"),
        pytest.param({"Cache-Control": "max-age=60, s-maxage=0"}, "shared", {"not_shared"}, id="s-maxage of nothing"),
        # RFC 9111 lets a cache store these, nginx does not.
        pytest.param(
            {"Cache-Control": "max-age=9", "Set-Cookie": "a=1"}, "shared", {"never_from_cache"}, id="a cookie"
        ),
        pytest.param({"Cache-Control": "public"}, "shared", {"never_from_cache"}, id="no lifetime"),
        pytest.param({"Cache-Control": 'max-age=9, no-cache="a"'}, "shared", {"never_from_cache"}, id="one field"),
        # It obeys this field of its own before Cache-Control, and shows it to nobody.
        pytest.param(
            {"X-Accel-Expires": "60", "Cache-Control": "private, no-store"},
            "private",
            {"answered_from_cache"},
            id="own",
        ),
    ],
)
def test_what_nginx_stores_by_rules_of_its_own_is_seen(
    behind: World, fields: dict[str, str], expect: str, kinds: set[str]
) -> None:
    path = behind.service.public_routes[0]
    behind.service.cache[path] = fields
    behind.instances = []
    assert kinds_of(behind.ask("cache_headers", routes=[{"path": path, "expect": expect}])) == kinds


def test_an_nginx_told_to_ignore_cache_control_answers_from_what_it_must_not_keep(world: World, nginx: Nginx) -> None:
    """Also where nothing was in the cache before, as after a purge."""
    world.edge = nginx.url("careless")
    path = world.service.public_routes[0]
    world.service.cache[path] = {"Cache-Control": "private, no-store"}
    answer = world.ask("cache_headers", routes=[{"path": path, "expect": "private"}])
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"answered_from_cache"})


def test_each_word_of_nginx_is_read_for_what_it_means(world: World, nginx: Nginx) -> None:
    asked_again = threading.Event()
    may_answer = threading.Event()
    app = FastAPI(openapi_url=None)

    @app.get("/{once_expired}")
    def page(once_expired: str, request: Request) -> Response:
        if "if-none-match" in request.headers:
            if once_expired == "unchanged":
                return Response(status_code=304, headers=FIELDS)
            if once_expired == "broken":
                return Response(status_code=503)
            if once_expired == "slow":
                asked_again.set()
                may_answer.wait(20)
        return Response("text", headers=FIELDS)

    for switch in world.switches:
        switch.app = app

    def said(page: str, **fields: str) -> tuple[str, bool | None, bool]:
        answer = httpx.get(nginx.url("reuses") + page, headers=fields)
        read = cache_status.read(list(answer.headers.items()))
        return answer.headers["X-Cache-Status"], read.hit, read.expired

    pages = ("/changed", "/unchanged", "/broken", "/slow")
    assert [said(page) for page in pages] == [("MISS", False, False)] * 4
    assert [said(page) for page in pages] == [("HIT", True, False)] * 4
    stored_by = time.monotonic()
    wait_until(lambda: time.monotonic() - stored_by > 2.1, 5, "a page of one second is stale, as nginx counts")
    assert said("/changed") == ("EXPIRED", False, True)
    assert said("/unchanged") == ("REVALIDATED", None, False)
    assert said("/broken") == ("STALE", True, False)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(said, "/slow")
        try:
            wait_until(asked_again.is_set, 10, "nginx asks for the slow page anew")
            assert said("/slow") == ("UPDATING", True, False)
        finally:
            may_answer.set()
        assert first.result() == ("EXPIRED", False, True)


def test_the_times_of_a_hit_and_of_the_service_behind_nginx_are_told_apart(behind: World) -> None:
    route = behind.service.public_routes[0]
    behind.service.delays[route] = 0.06
    answer = behind.ask("response_time", routes=[{"path": route, "budget_ms": 50}], samples=20, pause_ms=0, warm_up=1)
    over_budget = [one.subject for one in answer.findings if one.kind.id == "over_budget"]  # others: a busy machine
    assert over_budget == [f"{route} at the origin"]


def test_a_leak_through_an_nginx_that_ignores_cookies_is_found(world: World, nginx: Nginx) -> None:
    """B58: the service says `private`, so its fields alone look right."""
    world.edge = nginx.url("careless")
    answer = world.ask(
        "logged_in_traffic", login=world.service.login_settings(), personal=[world.service.personal_route]
    )
    assert "anothers_marker" in kinds_of(answer)
    assert answer.verdict is Verdict.FAIL


def test_readers_are_kept_apart_by_an_nginx_that_obeys(behind: World) -> None:
    answer = behind.ask(
        "logged_in_traffic", login=behind.service.login_settings(), personal=[behind.service.personal_route]
    )
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, set())


def test_a_command_that_removes_the_stored_file_purges_one_route(behind: World, nginx: Nginx) -> None:
    behind.purging, behind.run_command = "command", removing(nginx, "cache")
    answer = ask_purge(behind)
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])
    affected, *control = behind.service.public_routes
    assert [behind.service.fetched[route] for route in (affected, *control)] == [2, 1, 1]


def test_an_age_that_nginx_passes_on_is_not_taken_for_that_of_its_object(behind: World, nginx: Nginx) -> None:
    """A cache behind it sent it once; nginx repeats it for as long as it keeps the page."""
    behind.service.public_cache["Age"] = "50"
    behind.purging, behind.run_command = "command", removing(nginx, "cache")
    answer = ask_purge(behind)
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])


def test_a_request_past_the_cache_does_not_remove_what_may_no_longer_be_stored(world: World, nginx: Nginx) -> None:
    """B58: the release that leaked is gone. `proxy_cache_bypass` replaces only what the service lets nginx store."""
    world.edge = nginx.url("refreshes")
    route = world.service.personal_route
    settings = {"login": world.service.login_settings(), "personal": [route]}

    def refresh(_: str, values: Mapping[str, str]) -> CommandResult:
        answer = httpx.get(world.edge + values["route"], headers={"X-Refresh": "1"})
        assert answer.headers["X-Cache-Status"] == "BYPASS"
        return CommandResult(0, "refreshed", 0.1)

    world.purging, world.run_command = "command", refresh
    assert ask_purge(world, generation="X-Generation").verdict is Verdict.PASS
    world.service.personal_cache = {"Cache-Control": "public, max-age=60"}
    assert "anothers_marker" in kinds_of(world.ask("logged_in_traffic", **settings))
    world.service.personal_cache = {"Cache-Control": "private, no-store"}
    refresh("purge", {"route": route})
    assert "anothers_marker" in kinds_of(world.ask("logged_in_traffic", **settings))
    assert nginx.forget("refreshes", route)
    assert world.ask("logged_in_traffic", **settings).verdict is Verdict.PASS


def test_an_nginx_that_tells_nothing_needs_a_mark_of_the_service(world: World, nginx: Nginx) -> None:
    world.edge = nginx.url("mute")
    world.purging, world.run_command = "command", removing(nginx, "mute")
    assert kinds_of(ask_purge(world)) == {"cannot_tell"}
    assert ask_purge(world, generation="X-Generation").verdict is Verdict.PASS


@pytest.mark.parametrize(("name", "status"), [("cache", 405), ("forbids", 403)])
def test_an_nginx_without_a_purge_module_passes_it_on_or_forbids_it(
    world: World, nginx: Nginx, name: str, status: int
) -> None:
    """B54: 405 is from the service behind it, 403 from nginx itself."""
    world.edge = nginx.url(name)
    answer = ask_purge(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"not_allowed"})
    assert str(status) in answer.findings[0].sentence


def test_an_nginx_that_answers_any_purge_with_200_is_found_out(world: World, nginx: Nginx) -> None:
    """B54"""
    world.edge = nginx.url("accepts-anything")
    assert kinds_of(ask_purge(world)) == {"without_effect"}


def test_what_expired_by_itself_is_not_called_purged_although_nginx_tells_no_age(behind: World) -> None:
    """B56: the page had been in the cache for longer than the probe could know."""
    affected = behind.service.public_routes[0]
    behind.service.cache[affected] = {"Cache-Control": "public, max-age=4"}
    behind.ask("cache_headers", routes=[{"path": affected, "expect": "shared"}])
    stored_at = time.monotonic()

    def wait_for(seconds: float) -> None:
        wait_until(lambda: time.monotonic() - stored_at > seconds, 10, f"the stored page is {seconds} s old")

    def only_wait(_: str, values: Mapping[str, str]) -> CommandResult:
        wait_for(5.2)
        return CommandResult(0, "did nothing", 0.1)

    wait_for(2.8)
    behind.purging, behind.run_command = "command", only_wait
    answer = ask_purge(behind)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"could_be_expiry"})


@pytest.mark.parametrize("limited", [True, False])
def test_the_limit_of_nginx_refuses_early(world: World, nginx: Nginx, limited: bool) -> None:
    service = Uploads()
    service.refuse_by_length = False
    for switch in world.switches:
        switch.app = service
    world.edge, world.instances = nginx.url("limits" if limited else "cache"), []
    answer = world.ask("upload_limits", path="/files", limit_bytes=200_000)
    assert answer.verdict is (Verdict.PASS if limited else Verdict.FAIL)
    if limited:
        assert answer.figures["over_the_limit"]["edge"]["sent_bytes"] < 200_000


def test_a_listing_and_a_repository_that_nginx_serves_are_found(world: World, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path / "site"], check=True)
    (tmp_path / "site" / "backups").mkdir()
    (tmp_path / "site" / "backups" / "db.sql").write_text("-- dump")
    (tmp_path / "site" / "index.html").write_text("<h1>Archive</h1>")
    with run_nginx([1], {"files": f"root {tmp_path / 'site'}; autoindex on; default_type text/html;"}) as files:
        world.edge, world.instances = files.url("files"), []
        answer = world.ask("secrets", routes=["/", "/backups/"])
    assert {(one.kind.id, one.subject) for one in answer.findings} == {
        ("file_reachable", "/.git/HEAD"),
        ("file_reachable", "/.git/config"),
        ("directory_listing", "/backups/"),
    }


def test_the_headers_that_nginx_drops_where_a_location_adds_one_are_missed(world: World, nginx: Nginx) -> None:
    """`add_header` is inherited only by locations without one of their own."""
    world.edge = nginx.url("headers")
    assert world.ask("security_headers", routes=["/plain"]).verdict is Verdict.PASS
    answer = world.ask("security_headers", routes=["/marked"])
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"weaker_than_policy"})
