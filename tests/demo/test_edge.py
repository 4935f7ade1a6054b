"""Both caches: what they keep, purge, and do about an instance that is gone."""

import asyncio
import os
import signal
import threading

import httpx
import pytest

from demo.cache.edge import Edge
from demo.cache.upstream import Instance, Upstream
from tests.demo.running import Production, Reader, free_base, from_cache, sign_in, until

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def good_version(production: Production) -> None:
    production.serve("2026.11.2")


def test_a_public_page_is_answered_from_the_cache_with_its_age(edge: str, reader: Reader) -> None:
    client = reader(edge)
    first, second = client.get("/articles"), client.get("/articles")
    assert (from_cache(first), from_cache(second)) == (False, True)
    assert int(second.headers["age"]) < 60
    assert first.headers["x-request-id"] == second.headers["x-request-id"]
    assert first.text == second.text


def test_a_cookie_does_not_keep_a_public_page_out_of_the_cache(
    production: Production, edge: str, reader: Reader
) -> None:
    """RFC 9111 section 7.3"""
    ada, nobody = reader(edge), reader(edge)
    sign_in(ada, "ada", production.password(0))
    ada.get("/articles")
    assert from_cache(nobody.get("/articles"))


def test_a_personal_page_is_never_kept(production: Production, edge: str, reader: Reader) -> None:
    ada = reader(edge)
    sign_in(ada, "ada", production.password(0))
    assert not any(from_cache(ada.get("/account")) for _ in range(3))


def test_a_purge_refreshes_only_the_route_it_names(edge: str, reader: Reader) -> None:
    client = reader(edge)
    for route in ("/", "/articles", "/articles?page=2"):
        client.get(route)
    assert client.request("PURGE", "/articles").status_code == 200
    assert not from_cache(client.get("/articles"))
    assert from_cache(client.get("/"))
    assert from_cache(client.get("/articles?page=2"))


def test_a_purge_takes_what_head_is_answered_from_as_well(edge: str, reader: Reader) -> None:
    client = reader(edge)
    client.get("/articles")
    assert from_cache(client.head("/articles"))
    client.request("PURGE", "/articles")
    assert not from_cache(client.head("/articles"))


def test_a_reader_that_has_the_page_already_is_told_so(edge: str, reader: Reader) -> None:
    client = reader(edge)
    etag = client.get("/articles").headers["etag"]
    again = client.get("/articles", headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


def test_requests_take_turns_between_the_instances(edge: str, reader: Reader) -> None:
    client = reader(edge)
    assert {client.get("/version").json()["instance"] for _ in range(6)} == {"web-1", "web-2"}


def test_readers_do_not_notice_a_killed_instance(production: Production, edge: str, reader: Reader) -> None:
    client = reader(edge)
    os.kill(production.supervisor.pid("production-web-1"), signal.SIGKILL)
    assert {client.get(f"/articles?gone={number}").status_code for number in range(30)} == {200}
    until(lambda: answers_at(production.environment.instances[0].url), "the killed instance")


def answers_at(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_many_readers_at_once_get_their_own_answers(production: Production, reader: Reader) -> None:
    url = production.environment.url
    wrong: list[str] = []

    def read(number: int) -> None:
        with httpx.Client(base_url=url, timeout=20, trust_env=False) as client:
            for again in range(5):
                target = f"/articles?page={number % 6 + 1}&reader={number if again % 2 else 'all'}"
                response = client.get(target)
                if f"Page {number % 6 + 1} of" not in response.text:
                    wrong.append(f"{target}: {response.status_code}")

    threads = [threading.Thread(target=read, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nobody_else_may_purge() -> None:
    """Asked from another address than this machine's own."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=Edge(Upstream([])), client=("192.0.2.7", 4711))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
            return await client.request("PURGE", "/articles")

    response = asyncio.run(ask())
    assert response.status_code == 405
    assert "PURGE" not in response.headers["allow"]


def test_with_every_instance_gone_the_cache_says_so() -> None:
    async def ask() -> httpx.Response:
        gone = free_base() + 101
        transport = httpx.ASGITransport(app=Edge(Upstream([Instance("127.0.0.1", gone)])))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
            return await client.get("/articles")

    response = asyncio.run(ask())
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.headers["cache-control"] == "no-store"
