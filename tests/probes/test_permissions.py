"""The matrix of routes and roles, asked of a real service."""

from typing import Any

import pytest
from pydantic import ValidationError

from releases.probes import registry
from releases.states import Regression, Verdict
from tests.probes.conftest import World, kinds_of
from tests.rig.ports import free_port

KEY = "permissions"


def matrix(world: World, **expect: Any) -> dict[str, Any]:
    wanted = expect or {"nobody": "refused", "reader-a": "allowed", "reader-b": "refused"}
    wanted = {role.replace("_", "-"): what for role, what in wanted.items()}
    return {
        "login": world.service.login_settings(),
        "routes": [{"path": world.service.guarded_route, "expect": wanted}],
    }


def test_a_route_that_lets_in_and_refuses_as_listed_passes(world: World) -> None:
    answer = world.ask(KEY, **matrix(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, set())
    got = answer.figures["matrix"][world.service.guarded_route]
    assert got["reader-a"] == {"edge": "200", "origin": "200"}
    assert got["reader-b"] == {"edge": "403", "origin": "403"}
    assert got["nobody"]["edge"] == "the login form (200)"


@pytest.mark.finding(KEY, "open_to")
def test_a_route_that_lets_in_everybody_fails_for_each_role_that_must_be_refused(world: World) -> None:
    world.service.guards = False
    answer = world.ask(KEY, **matrix(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"open_to"})
    assert {one.subject for one in answer.findings} == {
        f"{world.service.guarded_route} at the {place} as {role}"
        for place in ("edge", "origin")
        for role in ("nobody", "reader-b")
    }


@pytest.mark.finding(KEY, "open_to")
def test_a_page_that_the_cache_hands_to_everybody_fails_at_the_edge_only(world: World) -> None:
    """The cache ignores cookies: what the first account got, the others get."""
    world.service.personal_cache = {"Cache-Control": "public, max-age=60"}
    settings = matrix(world, reader_a="allowed", nobody="refused")
    settings["routes"][0]["path"] = world.service.personal_route
    answer = world.ask(KEY, **settings)
    assert [(one.kind.id, one.subject) for one in answer.findings] == [
        ("open_to", f"{world.service.personal_route} at the edge as nobody")
    ]


@pytest.mark.finding(KEY, "closed_to")
@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_role_that_is_shut_out_fails(world: World, status: int) -> None:
    world.service.guarded_status = status
    answer = world.ask(KEY, **matrix(world))
    assert {(one.kind.id, one.subject.rpartition(" ")[2]) for one in answer.findings} == {("closed_to", "reader-a")}


@pytest.mark.finding(KEY, "closed_to")
def test_the_login_form_in_the_place_of_the_page_is_a_refusal(world: World) -> None:
    answer = world.ask(KEY, **matrix(world, nobody="allowed"))
    assert kinds_of(answer) == {"closed_to"}
    assert "the login form" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "other_status")
def test_one_exact_status_may_be_asked_for(world: World) -> None:
    assert world.ask(KEY, **matrix(world, nobody=302, reader_b=403)).verdict is Verdict.PASS
    answer = world.ask(KEY, **matrix(world, reader_b=404))
    assert "answered 403, not 404" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "unclear_answer")
@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_error_is_neither_yes_nor_no(world: World, status: int) -> None:
    world.service.guarded_status = status
    assert world.ask(KEY, **matrix(world)).verdict is Verdict.INCONCLUSIVE


@pytest.mark.finding(KEY, "unknown_role")
def test_a_role_without_an_account_is_inconclusive(world: World) -> None:
    answer = world.ask(KEY, **matrix(world, nobody="refused", editor="allowed"))
    assert (answer.verdict, [one.subject for one in answer.findings]) == (Verdict.INCONCLUSIVE, ["editor"])


@pytest.mark.finding(KEY, "could_not_log_in")
def test_an_account_that_cannot_log_in_is_could_not_measure(world: World) -> None:
    world.service.people[0].password = "changed"
    answer = world.ask(KEY, **matrix(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.ERROR, {"could_not_log_in"})


@pytest.mark.finding(KEY, "could_not_ask")
def test_a_service_that_is_down_is_could_not_measure(world: World) -> None:
    world.edge, world.instances = f"http://127.0.0.1:{free_port()}", []
    assert world.ask(KEY, **matrix(world, nobody="refused")).verdict is Verdict.ERROR


def test_a_route_that_was_opened_is_a_regression(world: World) -> None:
    world.remember(world.ask(KEY, **matrix(world)))
    world.service.guards = False
    assert world.ask(KEY, **matrix(world)).regression is Regression.YES


def test_nothing_that_is_kept_holds_credentials(world: World) -> None:
    """B33"""
    told = repr(world.ask(KEY, **matrix(world)))
    assert not any(person.password in told or person.username in told for person in world.service.people)


@pytest.mark.parametrize(
    "routes",
    [
        [],
        [{"path": "/a", "expect": {}}],
        [{"path": "/a", "expect": {"nobody": "maybe"}}],
        [{"path": "/a", "expect": {"nobody": 99}}],
        [{"path": "/a", "expect": {"nobody": "refused"}}, {"path": "/a", "expect": {"x": "refused"}}],
    ],
)
def test_a_matrix_that_says_nothing_is_a_mistake(routes: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        registry.get(KEY).settings_model.model_validate({"routes": routes})
