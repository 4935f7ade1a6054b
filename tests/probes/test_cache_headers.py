"""`cache_headers`: each route against its expectation, at a real Varnish and at the service itself."""

from typing import Any

import pytest
from pydantic import ValidationError

from releases.probes.cache_headers import CacheHeadersSettings
from releases.states import Level, Regression, Verdict
from tests.probes.conftest import World, kinds_of
from tests.rig.ports import free_port

KEY = "cache_headers"


def answers(world: World, cache_control: str | None, **expectation: Any) -> dict[str, Any]:
    """Let a public route answer with this Cache-Control, and return the settings that expect something of it."""
    route = world.service.public_routes[0]
    world.service.cache[route] = {} if cache_control is None else {"Cache-Control": cache_control}
    return {"routes": [{"path": route, **expectation}]}


@pytest.mark.parametrize(
    ("cache_control", "expectation"),
    [
        ("public, max-age=300", {"expect": "shared", "lifetime": [60, 600]}),
        ("max-age=0, s-maxage=60", {"expect": "shared", "lifetime": [60, 60]}),
        (None, {"expect": "shared"}),
        ("private, max-age=60", {"expect": "private", "lifetime": [1, 60]}),
        ("no-store", {"expect": "private"}),
        ("no-store", {"expect": "none"}),
        ("no-cache", {"expect": "none"}),
        ("private, max-age=0", {"expect": "none", "lifetime": [0, 0]}),
    ],
)
def test_a_route_that_is_cached_as_expected_passes(
    world: World, cache_control: str | None, expectation: dict[str, Any]
) -> None:
    answer = world.ask(KEY, **answers(world, cache_control, **expectation))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, set())
    assert len(answer.figures["routes"]) == 2  # at the edge and at the origin


@pytest.mark.parametrize(
    ("cache_control", "expectation", "kind"),
    [
        pytest.param(cache_control, expectation, kind, marks=pytest.mark.finding(KEY, kind))
        for cache_control, expectation, kind in [
            ("no-store", {"expect": "shared"}, "not_shared"),
            ("private, max-age=60", {"expect": "shared"}, "not_shared"),
            ("max-age=0", {"expect": "shared"}, "not_shared"),
            ("public, max-age=60", {"expect": "private"}, "may_be_stored"),
            (None, {"expect": "private"}, "may_be_stored"),
            ("public, max-age=60", {"expect": "none"}, "may_be_reused"),
            ("private, max-age=60", {"expect": "none"}, "may_be_reused"),
            (None, {"expect": "none"}, "may_be_reused"),
            ("max-age=60", {"expect": "shared", "lifetime": [61, 600]}, "lifetime_outside"),
            ("max-age=60", {"expect": "shared", "lifetime": [0, 59]}, "lifetime_outside"),
            ("private", {"expect": "private", "lifetime": [1, 60]}, "lifetime_not_stated"),
            (None, {"expect": "shared", "lifetime": [1, 60]}, "lifetime_not_stated"),
        ]
    ],
)
def test_a_route_that_is_cached_otherwise_fails_at_edge_and_origin(
    world: World, cache_control: str | None, expectation: dict[str, Any], kind: str
) -> None:
    settings = answers(world, cache_control, **expectation)
    answer = world.ask(KEY, **settings)
    assert answer.verdict is Verdict.FAIL
    route = settings["routes"][0]["path"]
    assert {one.subject for one in answer.findings if one.kind.id == kind} == {
        f"{route} at the edge",
        f"{route} at the origin",
    }


@pytest.mark.finding(KEY, "answered_from_cache")
def test_a_cache_that_still_holds_what_it_must_not_is_seen_although_the_service_is_right(world: World) -> None:
    """The bad release is gone, and its answer is still in the cache."""
    settings = answers(world, "public, max-age=300", expect="private")
    world.ask(KEY, **settings)
    world.service.cache[settings["routes"][0]["path"]] = {"Cache-Control": "private"}
    answer = world.ask(KEY, **settings)
    failing = {(one.kind.id, one.subject.rpartition(" ")[2]) for one in answer.findings}
    assert failing == {("answered_from_cache", "edge"), ("may_be_stored", "edge")}


@pytest.mark.finding(KEY, "never_from_cache")
def test_a_cache_that_never_keeps_what_it_may_is_noted(world: World) -> None:
    """Varnish, as others do, passes on what carries `no-cache` for single fields, which RFC 9111 does not ask for."""
    answer = world.ask(KEY, **answers(world, 'max-age=60, no-cache="Set-Cookie"', expect="shared"))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, {"never_from_cache"})


@pytest.mark.finding(KEY, "malformed")
def test_a_malformed_field_is_noted(world: World) -> None:
    answer = world.ask(KEY, **answers(world, "max-age=60, max-age=90", expect="shared"))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, {"malformed"})


@pytest.mark.finding(KEY, "malformed")
def test_the_letter_of_the_rfc_is_told_where_caches_make_nothing_of_it(world: World) -> None:
    settings = answers(world, "public, max-age=60", expect="shared")
    world.service.cache[settings["routes"][0]["path"]]["Last-Modified"] = "yesterday"
    answer = world.ask(KEY, **settings)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, {"malformed"})
    assert "Last-Modified header's value isn't a valid date" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "field_changed")
def test_what_changed_since_the_baseline_is_shown_field_by_field(world: World) -> None:
    settings = answers(world, "public, max-age=60", expect="shared")
    path = settings["routes"][0]["path"]
    world.service.cache[path]["Vary"] = "Accept-Encoding"
    world.remember(world.ask(KEY, **settings))
    world.service.cache[path] = {"Cache-Control": "public, max-age=90"}
    world.edge = world.instances[0].url
    changed = [one.sentence for one in world.ask(KEY, **settings).findings if one.kind.id == "field_changed"]
    assert changed[:2] == [
        f'{path} at the edge: cache-control was "public, max-age=60" in the baseline, now "public, max-age=90"',
        f'{path} at the edge: vary was "Accept-Encoding" in the baseline, now not there',
    ]


@pytest.mark.finding(KEY, "nothing_to_judge")
@pytest.mark.parametrize("status", [404, 500, 503])
def test_an_error_page_says_nothing_about_the_page(world: World, status: int) -> None:
    settings = answers(world, "public, max-age=60", expect="private")
    world.service.statuses[settings["routes"][0]["path"]] = status
    answer = world.ask(KEY, **settings)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"nothing_to_judge"})


def test_a_personal_route_is_judged_logged_in(world: World) -> None:
    route = {"path": world.service.personal_route, "expect_logged_in": "private"}
    settings = {"routes": [route], "login": world.service.login_settings()}
    assert world.ask(KEY, **settings).verdict is Verdict.PASS
    world.service.personal_cache = {"Cache-Control": "public, max-age=60"}
    answer = world.ask(KEY, **settings)
    assert kinds_of(answer) == {"may_be_stored", "answered_from_cache"}
    assert world.accounts[0].password not in repr(answer)


def test_one_route_is_judged_for_anonymous_readers_and_for_logged_in_ones(world: World) -> None:
    path = world.service.public_routes[0]
    world.service.cache[path] = {"Cache-Control": "public, max-age=60"}
    route = {"path": path, "expect": "shared", "expect_logged_in": "private"}
    answer = world.ask(KEY, routes=[route], login=world.service.login_settings())
    assert {(one.kind.id, one.subject) for one in answer.findings} == {
        ("may_be_stored", f"{path} logged in at the edge"),
        ("answered_from_cache", f"{path} logged in at the edge"),
        ("may_be_stored", f"{path} logged in at the origin"),
    }


@pytest.mark.finding(KEY, "could_not_log_in")
@pytest.mark.parametrize("accounts", [True, False])
def test_without_a_login_a_personal_route_is_not_judged(world: World, accounts: bool) -> None:
    world.service.without_form = True
    world.accounts = world.accounts if accounts else ()
    route = {"path": world.service.personal_route, "expect_logged_in": "private"}
    answer = world.ask(KEY, routes=[route], login=world.service.login_settings())
    assert (answer.verdict, kinds_of(answer)) == (Verdict.ERROR, {"could_not_log_in"})


@pytest.mark.finding(KEY, "could_not_ask")
def test_a_service_that_is_down_is_could_not_measure(world: World) -> None:
    world.edge = f"http://127.0.0.1:{free_port()}"
    answer = world.ask(KEY, **answers(world, "max-age=60", expect="shared"))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.ERROR, {"could_not_ask"})


def test_what_failed_before_is_no_regression_and_what_did_not_is(world: World) -> None:
    first = answers(world, "no-store", expect="shared")
    assert world.ask_again(KEY, **first).regression is Regression.NO
    second = {"path": world.service.public_routes[1], "expect": "none"}
    assert world.ask(KEY, routes=[*first["routes"], second]).regression is Regression.YES


def test_a_field_that_targets_the_cdn_counts_only_where_the_catalogue_says_so(world: World) -> None:
    settings = answers(world, "no-store", expect="shared")
    world.service.cache[settings["routes"][0]["path"]]["CDN-Cache-Control"] = "max-age=60"
    world.instances = []
    assert kinds_of(world.ask(KEY, **settings)) == {"not_shared"}
    answer = world.ask(KEY, **settings, targeted=["CDN-Cache-Control"])
    assert {one.kind.level for one in answer.findings} <= {Level.NOTE}


@pytest.mark.parametrize(
    "route",
    [
        {"path": "/a", "expect": "public"},
        {"path": "a", "expect": "shared"},
        {"path": "//other.example/a", "expect": "shared"},
        {"path": "https://other.example/a", "expect": "shared"},
        {"path": "/a b", "expect": "shared"},
        {"path": "/a\r\nX: 1", "expect": "shared"},
        {"path": "/a#b", "expect": "shared"},
        {"path": "/a", "expect": "shared", "lifetime": [60, 1]},
        {"path": "/a", "expect": "shared", "lifetime": [-1, 1]},
        {"path": "/a", "expect": "shared", "lifetime": [1]},
        {"path": "/a", "expect": "shared", "vary": "x"},
        {"path": "/a"},
        {"path": "/a", "expect_logged_in": "private", "lifetime": [1, 60]},
        {"path": "/a", "expect": "shared", "lifetime_logged_in": [1, 60]},
    ],
)
def test_a_route_that_makes_no_sense_is_refused(route: dict[str, Any]) -> None:
    """C5, C12, B53"""
    with pytest.raises(ValidationError):
        CacheHeadersSettings.model_validate({"routes": [route]})
