"""The rig does what it says: otherwise tests that lean on it prove nothing."""

import http.client
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from pytest_httpserver import HTTPServer

from tests.rig.brokers import Broker
from tests.rig.members import Members, run_members
from tests.rig.nginx import run_nginx
from tests.rig.ports import accepts, free_port
from tests.rig.postgres import PostgresServer
from tests.rig.processes import bare_environment, run_process
from tests.rig.varnish import Varnish, purging_vcl
from tests.rig.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.once


def test_postgresql_makes_databases_that_know_nothing_of_each_other(postgres_server: PostgresServer) -> None:
    first, second = postgres_server.create_database("one"), postgres_server.create_database("two")
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE seen (id int)")
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT to_regclass('seen')").fetchone() == (None,)


def test_redis_never_evicts_and_keeps_a_log(redis_server: Broker) -> None:
    with redis_server.client() as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}


def test_varnish_keeps_a_page_until_it_is_purged(varnish: Callable[[str], Varnish], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/page").respond_with_data("text", headers={"Cache-Control": "max-age=60"})
    cache = varnish(purging_vcl([httpserver.port]))

    def get() -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", cache.port, timeout=5)
        connection.request("GET", "/page")
        answer = connection.getresponse()
        connection.close()
        # Two numbers: this request, and the one that fetched what is kept.
        return answer.getheader("X-Varnish")

    assert [len((get() or "").split()) for _ in range(2)] == [1, 2]
    assert cache.purge("/page") == 200
    assert len((get() or "").split()) == 1


def test_nginx_keeps_a_page_until_its_file_is_removed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/page").respond_with_data("text", headers={"Cache-Control": "max-age=60"})
    cached = "proxy_pass http://origin; proxy_cache pages; add_header X-Cache-Status $upstream_cache_status;"
    with run_nginx([httpserver.port], {"cache": cached}) as nginx:

        def said() -> str:
            with urllib.request.urlopen(nginx.url("cache") + "/page", timeout=5) as answer:
                return str(answer.headers["X-Cache-Status"])

        assert [said(), said()] == ["MISS", "HIT"]
        assert nginx.forget("cache", "/page")
        assert not nginx.forget("cache", "/page")
        assert said() == "MISS"


def test_the_browser_shows_a_page(browser: "Browser") -> None:
    page = browser.new_page()
    page.set_content("<h1>Board</h1>")
    assert page.inner_text("h1") == "Board"
    page.close()


def test_a_process_is_ended_with_everything_it_started(tmp_path: Path) -> None:
    port = free_port()
    child = f"import socket, signal; s = socket.create_server(('127.0.0.1', {port})); signal.pause()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with run_process([sys.executable, "-c", parent], bare_environment(), tmp_path / "log"):
        wait_until(lambda: accepts(port), 10, "the grandchild listens")
    wait_until(lambda: not accepts(port), 5, "the grandchild is gone")


def test_the_members_site_is_served_with_the_settings_of_the_test(members: Members) -> None:
    with (
        run_members(members, SESSION_COOKIE_NAME="member") as url,
        urllib.request.urlopen(f"{url}/login/", timeout=5) as answer,
    ):
        cookies = answer.headers.get_all("Set-Cookie")
        assert answer.headers["Server"] == "gunicorn"
    assert [cookie.partition("=")[0] for cookie in sorted(cookies)] == ["csrftoken", "member"]


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.05 s: the moon rises"):
        wait_until(lambda: False, 0.05, "the moon rises")
