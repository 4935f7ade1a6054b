"""`logged_in_traffic`: leaks are seen where readers see them, and nothing secret is told about it."""

from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI, Response

from releases.probes.base import Instance
from releases.states import Regression, Verdict
from tests.hostile import hostile, silent
from tests.probes.conftest import World, kinds_of
from tests.rig.ports import free_port

KEY = "logged_in_traffic"
LEAKS = {"Cache-Control": "public, max-age=60"}


def settings(world: World, **more: Any) -> dict[str, Any]:
    service = world.service
    return {"login": service.login_settings(), "personal": [service.personal_route], **more}


def anonymous(world: World) -> dict[str, Any]:
    return settings(world, anonymous=world.service.public_routes[:1])


def action(world: World, **more: Any) -> dict[str, Any]:
    note = {"page": world.service.action_route, "fields": {world.service.note_input: "seen & kept"}, **more}
    return settings(world, action=note)


def test_it_passes_when_everybody_sees_their_own(world: World) -> None:
    answer = world.ask(KEY, **anonymous(world))
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])
    route = world.service.personal_route
    for place in ("edge", "instance web-1", "instance web-2"):
        assert [(one["viewer"], one["shown"]) for one in answer.figures["seen"][f"{route} at the {place}"]] == [
            ("reader-a", ["reader-a"]),
            ("reader-b", ["reader-b"]),
            ("reader-a", ["reader-a"]),
            ("reader-b", ["reader-b"]),
            ("nobody", []),
            ("nobody", []),
        ]
    assert answer.figures["session_cookies"] == [world.service.cookie]


@pytest.mark.finding(KEY, "anothers_marker")
@pytest.mark.finding(KEY, "shared_cacheable")
def test_a_personal_page_out_of_the_cache_is_a_leak_at_the_edge_and_its_cause_is_at_the_instances(world: World) -> None:
    """B58"""
    world.service.personal_cache = LEAKS
    answer = world.ask(KEY, **settings(world))
    route = world.service.personal_route
    assert {(one.kind.id, one.subject) for one in answer.findings} == {
        ("anothers_marker", f"{route} at the edge"),
        ("shared_cacheable", f"{route} at the edge"),
        ("shared_cacheable", f"{route} at the instance web-1"),
        ("shared_cacheable", f"{route} at the instance web-2"),
    }
    leak = next(one for one in answer.findings if one.kind.id == "anothers_marker")
    assert leak.sentence == f"{route} at the edge shows what belongs to reader-a to reader-b and anonymous readers"
    assert leak.evidence["seen"][0]["cache-control"] == "public, max-age=60"
    assert leak.evidence["seen"][0]["viewer"] == "reader-b"


def test_neither_answer_nor_evidence_holds_credentials_cookies_markers_or_bodies(world: World) -> None:
    """B33, B58"""
    world.service.personal_cache = LEAKS
    world.service.tracks = True
    answer = world.ask(KEY, **anonymous(world))
    told = repr(answer) + "".join(finding.sentence for finding in answer.findings)
    assert "set-cookie" in told
    for person in world.service.people:
        assert person.password not in told
        assert person.username not in told
        assert person.marker not in told
    for session in world.service._sessions:
        assert session not in told


@pytest.mark.finding(KEY, "anothers_marker")
def test_a_leak_that_an_earlier_release_left_in_the_cache_is_still_a_leak(world: World) -> None:
    world.service.personal_cache = LEAKS
    world.ask(KEY, **settings(world))
    world.service.personal_cache = {"Cache-Control": "private, no-store"}
    answer = world.ask(KEY, **settings(world))
    assert {one.subject.rpartition(" ")[2] for one in answer.findings if one.kind.id == "anothers_marker"} == {"edge"}


@pytest.mark.finding(KEY, "anothers_marker")
def test_a_mix_up_inside_the_service_is_seen_at_the_instances_too(world: World) -> None:
    world.service.mixes_up = True
    answer = world.ask(KEY, **settings(world))
    leaks = [one for one in answer.findings if one.kind.id == "anothers_marker"]
    assert {one.subject.rpartition(" ")[2] for one in leaks} == {"edge", "web-1", "web-2"}


@pytest.mark.finding(KEY, "shared_cacheable")
@pytest.mark.parametrize("fields", [{}, {"Cache-Control": "max-age=60"}, {"Cache-Control": "public"}])
def test_a_personal_page_without_protection_fails_before_anybody_sees_it(world: World, fields: dict[str, str]) -> None:
    world.service.personal_cache = fields
    world.edge = world.instances[0].url
    answer = world.ask(KEY, **settings(world))
    assert kinds_of(answer) == {"shared_cacheable"}


@pytest.mark.finding(KEY, "kept_apart_by_vary")
def test_vary_on_the_cookie_is_noted_as_the_only_protection(world: World) -> None:
    world.service.personal_cache = {"Cache-Control": "max-age=60", "Vary": "Cookie"}
    answer = world.ask(KEY, **settings(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, {"kept_apart_by_vary"})


@pytest.mark.finding(KEY, "anothers_marker")
def test_a_public_page_that_greets_its_reader_leaks_the_name(world: World) -> None:
    world.service.greets = True
    answer = world.ask(KEY, **anonymous(world))
    public = world.service.public_routes[0]
    assert ("anothers_marker", f"{public} at the edge") in {(one.kind.id, one.subject) for one in answer.findings}


@pytest.mark.finding(KEY, "cookie_kept")
def test_a_cookie_for_everybody_fails_where_a_cache_may_keep_it(world: World) -> None:
    world.service.tracks = True
    assert kinds_of(world.ask(KEY, **anonymous(world))) == {"cookie_kept"}
    world.service.public_cache = {"Cache-Control": "private"}
    world.edge = world.instances[0].url
    assert world.ask(KEY, **anonymous(world)).verdict is Verdict.PASS


@pytest.mark.finding(KEY, "own_page_broken")
def test_a_personal_page_that_shows_nothing_personal_is_broken(world: World) -> None:
    world.service.hides_marker = True
    answer = world.ask(KEY, **settings(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"own_page_broken"})
    assert "reader-a and reader-b: answered 200" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "login_refused")
def test_a_session_that_is_forgotten_at_once_is_no_login(world: World) -> None:
    world.service.forgets_sessions = True
    assert kinds_of(world.ask(KEY, **settings(world))) >= {"login_refused"}


@pytest.mark.finding(KEY, "login_form_missing")
def test_a_login_page_without_a_form_is_named(world: World) -> None:
    world.service.without_form = True
    answer = world.ask(KEY, **settings(world))
    assert "login_form_missing" in kinds_of(answer)
    assert answer.verdict is Verdict.FAIL


@pytest.mark.finding(KEY, "login_refused")
def test_an_account_that_is_not_let_in_is_named(world: World) -> None:
    world.service.people[1].password = "changed"
    answer = world.ask(KEY, **settings(world))
    refused = [one for one in answer.findings if one.kind.id == "login_refused"]
    assert {one.values["account"] for one in refused} == {"reader-b"}
    assert answer.verdict is Verdict.FAIL


def test_an_action_with_its_token_works(world: World) -> None:
    assert world.ask(KEY, **action(world, shows="seen & kept")).verdict is Verdict.PASS
    assert world.ask(KEY, **action(world, path=world.service.action_route)).verdict is Verdict.PASS


@pytest.mark.finding(KEY, "action_failed")
def test_an_action_that_is_refused_is_named(world: World) -> None:
    world.service.wants_other_token = True
    answer = world.ask(KEY, **action(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"action_failed"})


@pytest.mark.finding(KEY, "action_failed")
def test_an_action_that_shows_something_else_is_named(world: World) -> None:
    assert kinds_of(world.ask(KEY, **action(world, shows="all is well"))) == {"action_failed"}


@pytest.mark.finding(KEY, "action_form_missing")
def test_a_page_without_the_form_of_the_action_is_named(world: World) -> None:
    assert kinds_of(world.ask(KEY, **action(world, fields={"absent": "1"}))) == {"action_form_missing"}


@pytest.mark.finding(KEY, "action_failed")
def test_a_form_that_leads_to_another_host_is_not_sent(world: World) -> None:
    app = FastAPI(openapi_url=None)
    page = '<form action="https://elsewhere.example/"><input name="a"></form>'
    login = '<form method="post" action="/in"><input name="username"><input name="password" type="password"></form>'
    kept = {"Cache-Control": "no-store"}
    app.get("/in")(lambda: Response(login, media_type="text/html", headers=kept))
    app.post("/in")(lambda: Response("in", headers=kept | {"Set-Cookie": "s=1"}))
    app.get("/p")(lambda: Response(page, media_type="text/html", headers=kept))
    for switch in world.switches:
        switch.app = app
    answer = world.ask(KEY, login={"path": "/in"}, personal=["/p"], action={"page": "/p", "fields": {"a": "1"}})
    said = [one.sentence for one in answer.findings if one.kind.id == "action_failed"]
    assert "another host" in " ".join(said), [one.sentence for one in answer.findings]


@pytest.mark.finding(KEY, "too_few_accounts")
@pytest.mark.parametrize("count", [0, 1])
def test_one_account_is_too_few_to_tell(world: World, count: int) -> None:
    world.accounts = world.accounts[:count]
    assert world.ask(KEY, **settings(world)).verdict is Verdict.INCONCLUSIVE


@pytest.mark.finding(KEY, "could_not_ask")
def test_a_service_that_is_down_is_could_not_measure(world: World) -> None:
    world.edge = f"http://127.0.0.1:{free_port()}"
    world.instances = []
    answer = world.ask(KEY, **action(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.ERROR, {"could_not_ask"})


# --- Every instance ---------------------------------------------------------------------------------------------------


@pytest.fixture
def one_behind(world: World) -> World:
    """The world with an edge that leads to the first instance only, and knows nothing of the second."""
    world.edge = world.instances[0].url
    return world


@pytest.mark.finding(KEY, "anothers_marker")
def test_a_leak_at_one_instance_of_several_names_it(one_behind: World) -> None:
    """B58"""
    one_behind.service.mixes_up_at = frozenset({1})
    answer = one_behind.ask(KEY, **settings(one_behind))
    leaks = {one.subject for one in answer.findings if one.kind.id == "anothers_marker"}
    assert leaks == {f"{one_behind.service.personal_route} at the instance web-2"}


@pytest.mark.finding(KEY, "own_page_broken")
def test_a_broken_page_at_one_instance_of_several_names_it(one_behind: World) -> None:
    one_behind.service.hides_marker_at = frozenset({1})
    answer = one_behind.ask(KEY, **settings(one_behind))
    assert [(one.kind.id, one.subject) for one in answer.findings] == [
        ("own_page_broken", f"{one_behind.service.personal_route} at the instance web-2")
    ]


def test_instances_that_do_not_share_sessions_are_each_logged_in_to(one_behind: World) -> None:
    one_behind.service.shares_sessions = False
    assert one_behind.ask(KEY, **settings(one_behind)).verdict is Verdict.PASS


@pytest.mark.finding(KEY, "could_not_ask")
def test_instances_that_hang_leave_time_for_the_others(world: World) -> None:
    good = world.instances[1]
    world.seconds = 8.0
    with hostile(silent) as server:
        world.instances = [
            *(Instance(f"web-{number}", server.url) for number in range(1, 8)),
            replace(good, name="web-8"),
        ]
        answer = world.ask(KEY, **settings(world))
    unanswered = {one.subject for one in answer.findings if one.kind.id == "could_not_ask"}
    assert {f"login at the instance web-{number}" for number in range(1, 8)} <= unanswered
    assert not any("web-8" in one.subject or "edge" in one.subject for one in answer.findings)
    assert len(answer.figures["seen"][f"{world.service.personal_route} at the instance web-8"]) == 6


@pytest.mark.finding(KEY, "out_of_time")
def test_an_instance_for_which_there_was_no_time_is_named(world: World) -> None:
    world.service.delays = {world.service.personal_route: 0.2}
    world.seconds = 2.5
    answer = world.ask(KEY, **settings(world))
    late = [one for one in answer.findings if one.kind.id == "out_of_time"]
    assert "instance web-2" in {one.subject for one in late}
    assert "was asked for 0 of 1 pages" in late[-1].sentence
    assert answer.verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR)


# --- The session's cookie ---------------------------------------------------------------------------------------------


@pytest.mark.finding(KEY, "session_without_httponly")
def test_a_session_that_scripts_can_read_fails(world: World) -> None:
    world.service.session_flags["httponly"] = False
    answer = world.ask(KEY, **settings(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"session_without_httponly"})
    evidence = {"secure": True, "httponly": False, "samesite": "lax", "path": "/", "domain": ""}
    assert answer.findings[0].evidence["cookies"] == [{"name": world.service.cookie, **evidence}]


@pytest.mark.parametrize("readable", ["session", "seal"])
def test_a_session_of_two_cookies_is_kept_by_the_one_that_scripts_cannot_read(world: World, readable: str) -> None:
    world.service.seal = "needed"
    (world.service.session_flags if readable == "session" else world.service.seal_flags)["httponly"] = False
    answer = world.ask(KEY, **settings(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, set())
    assert answer.figures["session_cookies"] == [f"{world.service.cookie} + {world.service.cookie}_seal"]


@pytest.mark.finding(KEY, "session_without_httponly")
@pytest.mark.parametrize("readable", ["session", "seal"])
def test_of_two_cookies_that_each_log_in_both_are_judged(world: World, readable: str) -> None:
    world.service.seal = "enough"
    (world.service.session_flags if readable == "session" else world.service.seal_flags)["httponly"] = False
    answer = world.ask(KEY, **settings(world))
    name = world.service.cookie + ("_seal" if readable == "seal" else "")
    assert [(one.kind.id, one.subject) for one in answer.findings] == [
        ("session_without_httponly", f"session cookie {name} at the edge")
    ]


@pytest.mark.finding(KEY, "session_sent_across_sites")
def test_a_session_for_other_sites_too_is_noted(world: World) -> None:
    world.service.session_flags["samesite"] = "none"
    answer = world.ask(KEY, **settings(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, {"session_sent_across_sites"})
    assert "SameSite=None" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "session_refused_by_browsers")
def test_a_session_for_another_domain_is_refused_by_browsers(world: World) -> None:
    world.service.session_flags["domain"] = "shop.example"
    answer = world.ask(KEY, **settings(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"session_refused_by_browsers"})
    assert "its Domain does not hold 127.0.0.1" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "session_unknown")
def test_a_page_that_breaks_without_a_cookie_does_not_tell_which_is_the_session(world: World) -> None:
    world.service.fails_anonymously = True
    answer = world.ask(KEY, **settings(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"session_unknown"})
    assert f"answered 500 without {world.service.cookie}" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "session_unknown")
def test_a_session_that_ends_while_it_is_looked_for_is_not_judged(world: World) -> None:
    world.service.seal = "watched"
    answer = world.ask(KEY, **settings(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"session_unknown"})
    assert "no longer knew its reader" in answer.findings[0].sentence


@pytest.mark.finding(KEY, "session_unknown")
def test_a_session_among_many_cookies_is_looked_for_within_bounds(world: World) -> None:
    world.service.clutter = 7
    assert world.ask(KEY, **settings(world)).figures["session_cookies"] == [world.service.cookie]
    world.service.clutter = 8
    answer = world.ask(KEY, **settings(world))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"session_unknown"})
    assert "no single one of the 8 cookies" in answer.findings[0].sentence


def test_a_leak_that_was_not_there_before_is_a_regression(world: World) -> None:
    world.remember(world.ask(KEY, **settings(world)))
    world.service.personal_cache = LEAKS
    assert world.ask(KEY, **settings(world)).regression is Regression.YES
    world.remember(world.ask(KEY, **settings(world)))
    assert world.ask(KEY, **settings(world)).regression is Regression.NO
