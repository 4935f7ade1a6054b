"""The probes at a real nginx: its `proxy_cache` tells no age, knows no PURGE, and has words of its own."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

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

LOCATIONS = {
    "cache": f"{CACHING} {TELLING}",
    "mute": CACHING,
    "careless": f"{CACHING} {TELLING} {CARELESS}",
    "accepts-anything": f'if ($request_method = PURGE) {{ return 200 "ok"; }} {CACHING} {TELLING}',
    "forbids": f"limit_except GET HEAD POST {{ deny all; }} {CACHING} {TELLING}",
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


def test_nginx_words_for_hit_and_miss_are_understood(behind: World) -> None:
    path = behind.service.public_routes[0]
    settings = {"routes": [{"path": path, "expect": "shared"}]}
    edge = f"{path} at the edge"
    first, second = behind.ask("cache_headers", **settings), behind.ask("cache_headers", **settings)
    assert first.figures["routes"][edge]["hit"] is False
    assert second.figures["routes"][edge]["hit"] is True


def test_a_cookie_that_nginx_will_not_store_is_seen_as_never_cached(behind: World) -> None:
    """RFC 9111 lets a cache store an answer that sets a cookie; nginx does not."""
    behind.service.tracks = True
    path = behind.service.public_routes[0]
    answer = behind.ask("cache_headers", routes=[{"path": path, "expect": "shared"}])
    assert kinds_of(answer) == {"never_from_cache"}


def test_an_nginx_told_to_ignore_cache_control_answers_from_what_it_must_not_keep(world: World, nginx: Nginx) -> None:
    world.edge = nginx.url("careless")
    path = world.service.public_routes[0]
    world.service.cache[path] = {"Cache-Control": "private, no-store"}
    settings = {"routes": [{"path": path, "expect": "private"}]}
    world.ask("cache_headers", **settings)
    assert kinds_of(world.ask("cache_headers", **settings)) == {"answered_from_cache"}


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
    assert answer.verdict is Verdict.FAIL
    assert len(answer.findings) >= 2
