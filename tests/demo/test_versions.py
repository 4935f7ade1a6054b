"""The versions do what the README says of them."""

import re
import statistics
import subprocess
import time

import httpx
import pytest

from demo.accounts import ACCOUNTS
from demo.places import PROJECT, demo_home
from releases.catalogue import load
from releases.migration_report import read_report
from releases.probes.base import Account, Instance
from releases.states import Verdict
from tests.demo.running import Production, Reader, from_cache, sign_in, token_in
from tests.probes.conftest import World
from tests.probes.service import Lot, Service

pytestmark = pytest.mark.once

GOOD = "2026.11.2"


def median_ms(url: str, times: int = 5) -> float:
    """Return how long a page takes at its instance, without the first answer."""
    taken = []
    with httpx.Client(trust_env=False, timeout=10) as client:
        for _ in range(times + 1):
            began = time.perf_counter()
            assert client.get(url).status_code == 200
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken[1:])


def test_the_second_version_is_faster_and_the_third_several_times_slower(production: Production) -> None:
    took = {}
    for version in ("2026.11.1", GOOD, "2026.11.3"):
        production.serve(version)
        took[version] = median_ms(production.environment.instances[0].url + "/articles")
    assert took[GOOD] < 0.7 * took["2026.11.1"]
    assert took["2026.11.3"] > 4 * took["2026.11.1"]


def test_going_back_from_the_third_version_loses_the_days_and_keeps_what_was_kept(
    production: Production, reader: Reader
) -> None:
    production.serve("2026.11.3")
    ada = reader(production.environment.instances[0].url)
    sign_in(ada, "ada", production.password(0))
    ada.post("/bookmarks", data={"slug": "library-json", "token": token_in(ada.get("/account").text)})
    assert re.search(r"library-json.*since \d{4}-\d\d-\d\d", ada.get("/account").text)
    assert lost(production) == "the values of `bookmark.kept_on` in 1 row"
    done = production.deploy(GOOD)
    assert "bookmark.kept_on is dropped, with what it held" in done.stdout, done.stderr
    page = ada.get("/account").text
    assert "library-json" in page
    assert "since" not in page
    assert lost(production) is None


def lost(production: Production) -> str | None:
    """Return what the catalogue's command says is lost on the way from the third version to the second."""
    program = [PROJECT / "demo/bin/migrations", f"--home={production.home}", "--environment=production"]
    done = subprocess.run([*program, "--from=2026.11.3", f"--to={GOOD}"], capture_output=True, timeout=60)
    (one,) = read_report(done.stdout)
    return one.loses


def test_the_leaking_version_shows_one_readers_name_to_another(
    production: Production, edge: str, reader: Reader
) -> None:
    """B58"""
    production.serve("2026.11.4")
    ada, grace, nobody = reader(edge), reader(edge), reader(edge)
    sign_in(ada, "ada", production.password(0))
    sign_in(grace, "grace", production.password(1))
    assert ACCOUNTS[0].shown in ada.get("/account").text
    for other in (grace, nobody):
        leaked = other.get("/account")
        assert from_cache(leaked)
        assert ACCOUNTS[0].shown in leaked.text


def test_the_leak_is_gone_after_going_back_and_purging(production: Production, reader: Reader) -> None:
    production.serve("2026.11.4")
    edge = production.environment.url
    ada, grace = reader(edge), reader(edge)
    sign_in(ada, "ada", production.password(0))
    sign_in(grace, "grace", production.password(1))
    ada.get("/account")
    production.serve(GOOD)
    assert ACCOUNTS[0].shown in grace.get("/account").text, "the cache still holds what leaked"
    assert production.purge("/account").returncode == 0
    assert ACCOUNTS[1].shown in grace.get("/account").text
    assert ACCOUNTS[0].shown in ada.get("/account").text


def test_a_good_version_shows_each_reader_only_its_own_page(production: Production, edge: str, reader: Reader) -> None:
    production.serve(GOOD)
    ada, grace = reader(edge), reader(edge)
    sign_in(ada, "ada", production.password(0))
    sign_in(grace, "grace", production.password(1))
    for _ in range(2):
        assert ACCOUNTS[0].shown in ada.get("/account").text
        assert ACCOUNTS[1].shown in grace.get("/account").text


def test_what_the_catalogue_asks_of_logins_holds_at_the_edge_and_both_instances(
    production: Production, edge: str
) -> None:
    production.serve(GOOD)
    catalogue = load(str(demo_home(production.home) / "catalogue.toml"))
    place = next(environment for environment in catalogue.environments() if environment.production)
    accounts = tuple(
        Account(each.name, ACCOUNTS[number].username, production.password(number), each.marker)
        for number, each in enumerate(place.accounts)
    )
    instances = [Instance(each.name, each.url) for each in place.instances]
    world = World(Service(Lot("archive")), edge, instances, accounts, produced=set(), switches=[])
    answer = world.ask("logged_in_traffic", **place.checklist["logged_in_traffic"])
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])
    assert answer.figures["session_cookies"] == ["archive_session"]
    assert {subject.rpartition(" at the ")[2] for subject in answer.figures["seen"]} == {
        "edge",
        *(f"instance {each.name}" for each in instances),
    }


def held(client: httpx.Client, *routes: str) -> list[str]:
    return [route for route in routes if from_cache(client.get(route))]


@pytest.mark.parametrize(("version", "left"), [(GOOD, ["/", "/articles/library-json"]), ("2026.11.5", [])])
def test_only_one_versions_purge_command_purges_more_than_its_route(
    production: Production, reader: Reader, version: str, left: list[str]
) -> None:
    """B55"""
    production.serve(version)
    client = reader(production.environment.url)
    routes = ("/", "/articles", "/articles/library-json")
    for route in routes:
        client.get(route)
    assert held(client, *routes) == list(routes)
    done = production.purge("/articles")
    assert (done.returncode, done.stdout) == (0, "Purged /articles.\n")
    assert held(client, *routes) == left


@pytest.mark.parametrize(
    "arguments", [[], ["articles"], ["//other"], ["/articles/*"], ["/a b"], ["/a", "/b"], ["/a\n"]]
)
def test_the_purge_command_refuses_what_is_not_one_route(production: Production, arguments: list[str]) -> None:
    """C15, C53"""
    done = subprocess.run(
        ["bin/purge", *arguments], cwd=production.environment.current, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 2
    assert "Nothing was purged." in done.stderr
