"""`purge`, against a real Varnish that does what it is told, and others that do not."""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import ValidationError

from releases.probes.base import Answer, CommandResult
from releases.probes.purge import PurgeSettings
from releases.probes.purge_calls import PurgeCall, PurgeRequest
from releases.states import Regression, Verdict
from tests.probes.conftest import World, kinds_of
from tests.probes.edge import configuration
from tests.rig.ports import free_port
from tests.rig.round_robin import run_round_robin
from tests.rig.varnish import Varnish, run_varnish
from tests.rig.waiting import wait_until

KEY = "purge"


def ask(world: World, edge: str = "", **more: Any) -> Answer:
    """Purge the first public route of the service and expect the others to stay."""
    world.edge += edge
    affected, *control = world.service.public_routes
    return world.ask(KEY, affected=[affected], control=control, **more)


@pytest.mark.parametrize(("edge", "fetched"), [("", 2), ("/aged", 2), ("/worded", 3)])
def test_a_purge_that_refreshes_one_route_and_no_other_passes(world: World, edge: str, fetched: int) -> None:
    """By X-Varnish, by Age, and by X-Cache alone, which does not tell a purge from expiry: there it purges twice."""
    answer = ask(world, edge)
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])
    affected, *control = world.service.public_routes
    assert world.service.fetched[affected] == fetched
    assert [world.service.fetched[route] for route in control] == [1, 1]
    assert answer.figures["routes"][affected]["purged"] is True


def test_a_header_of_the_service_is_proof_where_the_cache_says_nothing(world: World) -> None:
    assert ask(world, "/mute", generation="X-Generation").verdict is Verdict.PASS


@pytest.mark.finding(KEY, "without_effect")
def test_a_header_of_the_service_shows_a_purge_without_effect(world: World) -> None:
    """B54"""
    assert kinds_of(ask(world, "/ignores", generation="X-Generation")) == {"without_effect"}


@pytest.mark.finding(KEY, "cannot_tell")
def test_a_cache_that_says_nothing_leaves_it_open(world: World) -> None:
    answer = ask(world, "/mute")
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"cannot_tell"})


@pytest.mark.finding(KEY, "without_effect")
def test_a_purge_that_is_accepted_and_ignored_fails(world: World) -> None:
    """B54"""
    answer = ask(world, "/ignores")
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"without_effect"})
    assert "PURGE answered 200" in answer.findings[0].sentence


@pytest.fixture
def two_nodes(world: World) -> Iterator[tuple[Varnish, Varnish]]:
    """Two real caches behind one round robin; a purge reaches the one whose turn it is."""
    ports = [urlsplit(instance.url).port or 0 for instance in world.instances]
    with (
        run_varnish(configuration(ports)) as first,
        run_varnish(configuration(ports, older=True)) as second,
        run_round_robin([first.port, second.port]) as url,
    ):
        world.edge = url
        yield first, second


@pytest.mark.finding(KEY, "node_still_stale")
@pytest.mark.parametrize("generation", ["", "X-Generation"])
@pytest.mark.usefixtures("two_nodes")
def test_a_node_that_the_purge_did_not_reach_is_found(world: World, generation: str) -> None:
    """B57"""
    answer = ask(world, generation=generation)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"node_still_stale"})
    assert "2 of 4 answers" in answer.findings[0].sentence


@pytest.mark.parametrize("generation", ["", "X-Generation"])
def test_a_purge_of_every_node_passes(world: World, two_nodes: tuple[Varnish, Varnish], generation: str) -> None:
    """B57: by a command, as sites do that have several nodes."""

    def everywhere(_: str, values: Mapping[str, str]) -> CommandResult:
        statuses = [node.purge(values["route"], urlsplit(world.edge).netloc) for node in two_nodes]
        return CommandResult(0, f"{statuses}", 0.1)

    world.purging, world.run_command = "command", everywhere
    answer = ask(world, generation=generation)
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])


@pytest.mark.parametrize("generation", ["", "X-Generation"])
@pytest.mark.parametrize("method", ["PURGE", "BAN"])
def test_a_purge_that_is_sent_to_every_node_passes(
    world: World, two_nodes: tuple[Varnish, Varnish], method: str, generation: str
) -> None:
    """B57: the nodes stand in the catalogue, and are asked in the name of the edge."""
    world.purging = method
    ban = ("X-Ban-Path", "^{pattern}$") if method == "BAN" else ("", "")
    world.purge_request = PurgeRequest(method, *ban, tuple(node.url for node in two_nodes))
    answer = ask(world, generation=generation)
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param("^{pattern}$", None, id="one route"),
        pytest.param("^/", "everything_purged", marks=pytest.mark.finding(KEY, "everything_purged"), id="all"),
        pytest.param("^{pattern}/x$", "without_effect", marks=pytest.mark.finding(KEY, "without_effect"), id="none"),
    ],
)
def test_a_ban_forgets_what_its_pattern_says(world: World, value: str, kind: str | None) -> None:
    world.purging, world.purge_request = "BAN", PurgeRequest("BAN", "X-Ban-Path", value)
    assert kinds_of(ask(world)) == ({kind} if kind else set())


@pytest.mark.finding(KEY, "purge_failed")
def test_a_ban_that_the_cache_does_not_understand_fails(world: World) -> None:
    world.purging, world.purge_request = "BAN", PurgeRequest("BAN")
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"purge_failed"})
    assert "BAN was answered with 400" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "everything_purged")
def test_emptying_every_node_fails(world: World, two_nodes: tuple[Varnish, Varnish]) -> None:
    """B57"""

    def everything(_: str, values: Mapping[str, str]) -> CommandResult:
        for node, route in itertools.product(two_nodes, world.service.public_routes):
            node.purge(route, urlsplit(world.edge).netloc)
        return CommandResult(0, "", 0.1)

    world.purging, world.run_command = "command", everything
    assert kinds_of(ask(world)) == {"everything_purged"}


@pytest.mark.finding(KEY, "not_allowed")
def test_a_purge_that_is_not_allowed_fails(world: World) -> None:
    """B54"""
    answer = ask(world, "/refuses")
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"not_allowed"})
    assert "405" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "purge_failed")
def test_a_purge_that_breaks_fails(world: World) -> None:
    """B54"""
    assert kinds_of(ask(world, "/fails")) == {"purge_failed"}


@pytest.mark.finding(KEY, "everything_purged")
def test_a_purge_that_empties_the_cache_fails(world: World) -> None:
    """B55"""
    answer = ask(world, "/bans-all")
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"everything_purged"})
    for route in world.service.public_routes[1:]:
        assert route in answer.findings[0].sentence


@pytest.mark.finding(KEY, "control_purged")
def test_a_purge_that_takes_another_route_along_fails(world: World) -> None:
    """B55"""
    world.edge += "/bans-first"
    first, near, far = "/a1", "/a2", "/b3"
    for route in (first, near, far):
        add_public(world, route)
    answer = world.ask(KEY, affected=[first], control=[near, far])
    assert [(one.kind.id, one.subject) for one in answer.findings] == [("control_purged", near)]


@pytest.mark.finding(KEY, "could_be_expiry")
def test_a_route_that_expired_by_itself_proves_nothing(world: World) -> None:
    """B56: the cache keeps everything for two seconds, and the purge command takes longer than that."""
    world.purging = "command"
    world.run_command = waiting_until_fetched_anew(world)
    answer = ask(world, "/forgets")
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"could_be_expiry"})


@pytest.mark.finding(KEY, "without_effect")
def test_an_expiry_that_nothing_tells_of_is_found_out_by_a_second_purge(world: World) -> None:
    """B56: the page had been in the cache for longer than the probe could know."""
    world.edge += "/mute"
    affected = world.service.public_routes[0]
    world.service.cache[affected] = {"Cache-Control": "public, max-age=4"}
    httpx.get(world.edge + affected)
    stored_at = time.monotonic()
    expire = waiting_until_fetched_anew(world)

    def expires_once(name: str, values: Mapping[str, str]) -> CommandResult:
        return expire(name, values) if time.monotonic() - stored_at < 4 else CommandResult(0, "did nothing", 0.1)

    wait_until(lambda: time.monotonic() - stored_at > 2.5, 5, "the stored page is 2.5 s old")
    world.purging, world.run_command = "command", expires_once
    answer = ask(world, generation="X-Generation")
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"without_effect"})


@pytest.mark.finding(KEY, "not_cached")
@pytest.mark.parametrize("cache_control", ["no-store", "private", "max-age=0"])
def test_a_route_that_is_not_cached_proves_nothing(world: World, cache_control: str) -> None:
    affected = world.service.public_routes[0]
    world.service.cache[affected] = {"Cache-Control": cache_control}
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"not_cached"})


def test_nothing_is_purged_while_no_control_route_is_in_the_cache(world: World) -> None:
    for route in world.service.public_routes[1:]:
        world.service.cache[route] = {"Cache-Control": "no-store"}
    answer = ask(world)
    assert answer.verdict is Verdict.INCONCLUSIVE
    assert world.service.fetched[world.service.public_routes[0]] == 1


@pytest.mark.finding(KEY, "broken_afterwards")
def test_a_route_that_breaks_once_it_is_fetched_anew_fails(world: World) -> None:
    world.purging = "command"
    affected = world.service.public_routes[0]

    def purge(name: str, values: Mapping[str, str]) -> CommandResult:
        world.service.statuses[affected] = 503
        return purging(world)(name, values)

    world.run_command = purge
    assert kinds_of(ask(world)) == {"broken_afterwards"}


def test_the_command_of_the_catalogue_purges(world: World) -> None:
    world.purging = "command"
    asked: list[tuple[str, Mapping[str, str]]] = []

    def purge(name: str, values: Mapping[str, str]) -> CommandResult:
        asked.append((name, dict(values)))
        return purging(world)(name, values)

    world.run_command = purge
    assert ask(world).verdict is Verdict.PASS
    assert asked == [("purge", {"route": world.service.public_routes[0]})]


@pytest.mark.finding(KEY, "purge_failed")
def test_a_command_that_fails_is_shown_with_its_output(world: World) -> None:
    world.purging = "command"
    world.run_command = lambda name, values: CommandResult(2, "no such cache", 0.1)
    answer = ask(world)
    assert kinds_of(answer) == {"purge_failed"}
    assert answer.findings[0].evidence["output"] == "no such cache"


@pytest.mark.finding(KEY, "not_run")
def test_a_command_that_did_not_end_is_could_not_measure(world: World) -> None:
    world.purging = "command"
    world.run_command = lambda name, values: CommandResult(None, "the lock is held", 0.1)
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.ERROR, {"not_run"})


@pytest.mark.finding(KEY, "without_effect")
def test_a_command_that_does_nothing_fails(world: World) -> None:
    """B54"""
    world.purging = "command"
    world.run_command = lambda name, values: CommandResult(0, "done", 0.1)
    assert kinds_of(ask(world)) == {"without_effect"}


@pytest.mark.parametrize("edge", ["", "/aged"])
def test_a_reader_who_comes_first_does_not_hide_that_the_route_is_new(world: World, edge: str) -> None:
    """On a busy route the probe's first look after the purge is a hit again, on the new object."""
    world.purging = "command"

    def purge(name: str, values: Mapping[str, str]) -> CommandResult:
        result = purging(world)(name, values)
        httpx.get(world.edge + values["route"])
        return result

    world.run_command = purge
    assert ask(world, edge).verdict is Verdict.PASS


@pytest.mark.finding(KEY, "could_not_ask")
def test_an_edge_that_is_down_is_could_not_measure(world: World) -> None:
    world.edge = f"http://127.0.0.1:{free_port()}"
    answer = ask(world)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.ERROR, {"could_not_ask"})
    assert len(answer.findings) == 3


def test_without_a_way_to_purge_it_does_not_apply(world: World) -> None:
    world.purging = ""
    assert ask(world).verdict is Verdict.SKIPPED


def test_a_purge_that_stops_working_is_a_regression(world: World) -> None:
    world.remember(ask(world))
    assert ask(world, "/ignores").regression is Regression.YES


@pytest.mark.parametrize(
    ("affected", "control"),
    [
        ([], ["/a"]),
        (["/a"], []),
        (["/a"], ["/a"]),
        (["/*"], ["/a"]),
        (["/.*"], ["/a"]),
        (["/a["], ["/b"]),
        (["/a$"], ["/b"]),
        ([""], ["/b"]),
        (["a"], ["/b"]),
        (["https://other.example/a"], ["/b"]),
        (["//other.example/a"], ["/b"]),
        (["/a\\b"], ["/b"]),
    ],
)
def test_what_could_purge_more_than_one_route_of_this_service_is_refused(
    affected: list[str], control: list[str]
) -> None:
    """C14, C15, C16"""
    with pytest.raises(ValidationError):
        PurgeSettings.model_validate({"affected": affected, "control": control})


def add_public(world: World, route: str) -> None:
    """Give the service one more public page."""
    page = world.service._public(route)
    for switch in world.switches:
        switch.app.get(route)(page)


def purging(world: World) -> Callable[[str, Mapping[str, str]], CommandResult]:
    """Return a purge command that does what it should."""

    def purge(name: str, values: Mapping[str, str]) -> CommandResult:
        answered = httpx.request("PURGE", world.edge + values["route"])
        return CommandResult(0, f"{answered.status_code}", 0.1)

    return purge


def waiting_until_fetched_anew(world: World) -> Callable[[str, Mapping[str, str]], CommandResult]:
    """Return a purge command that purges nothing, and returns once the route has expired by itself."""

    def purge(name: str, values: Mapping[str, str]) -> CommandResult:
        fetched = world.service.fetched[values["route"]]

        def was_fetched() -> bool:
            httpx.get(world.edge + values["route"])
            return world.service.fetched[values["route"]] > fetched

        wait_until(was_fetched, 10, "it expires by itself")
        return CommandResult(0, "", 2.0)

    return purge


def test_the_route_stands_in_the_field_as_it_is_or_as_a_pattern() -> None:
    request = PurgeRequest("BAN", "X-Key", "{route} ^{pattern}$", ("http://10.0.0.1:6081/", "http://10.0.0.2:6081"))
    assert list(request.calls("https://archive.example.org/en", "/a.b?page=2")) == [
        PurgeCall(
            "BAN",
            f"http://10.0.0.{number}:6081/en/a.b?page=2",
            {"Host": "archive.example.org", "X-Key": r"/en/a.b?page=2 ^/en/a\.b\?page=2$"},
        )
        for number in (1, 2)
    ]
    assert list(PurgeRequest().calls("https://archive.example.org", "/a")) == [
        PurgeCall("PURGE", "https://archive.example.org/a", {})
    ]
