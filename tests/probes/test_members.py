"""Probes against a real Django application under a real gunicorn: what they say of it is what there is."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from releases.probes.base import Account, Answer, Instance
from releases.states import Verdict
from tests.probes.conftest import World, kinds_of
from tests.rig.certificates import Certificate
from tests.rig.members import Members, run_members

LOGGED_IN = "logged_in_traffic"
SESSION, CSRF = "sessionid", "csrftoken"
Serve = Callable[..., World]


@pytest.fixture
def serve(world: World, members: Members) -> Iterator[Serve]:
    """Put the members' site, with settings of Django's, in the place of the world's service."""
    with ExitStack() as stack:

        def start(certificate: Certificate | None = None, **settings: Any) -> World:
            world.edge = stack.enter_context(run_members(members, certificate, **settings))
            world.instances = [Instance("web-1", world.edge)]
            world.accounts = tuple(Account(one.name, one.username, one.password, one.marker) for one in members.people)
            world.tls = ssl.create_default_context(cafile=str(certificate.file)) if certificate else None
            return world

        yield start


def ask(world: World, **settings: Any) -> Answer:
    action = {"page": "/note/", "fields": {"note": "seen & kept"}, "shows": "seen & kept"}
    given = {"login": {"path": "/login/"}, "personal": ["/me/"], "anonymous": ["/"], "action": action, **settings}
    return world.ask(LOGGED_IN, **given)


def test_django_as_it_comes_passes_with_its_login_its_action_and_its_session(serve: Serve) -> None:
    answer = ask(serve())
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])
    assert answer.figures["session_cookies"] == [SESSION]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        pytest.param(
            "session_without_httponly",
            {"SESSION_COOKIE_HTTPONLY": False},
            marks=pytest.mark.finding(LOGGED_IN, "session_without_httponly"),
        ),
        pytest.param(
            "session_not_renewed",
            {"RENEWS_SESSION": False},
            marks=pytest.mark.finding(LOGGED_IN, "session_not_renewed"),
        ),
        pytest.param(
            "session_refused_by_browsers",
            {"SESSION_COOKIE_SAMESITE": "None"},
            marks=pytest.mark.finding(LOGGED_IN, "session_refused_by_browsers"),
        ),
    ],
)
def test_one_wrong_setting_is_the_one_finding(serve: Serve, kind: str, settings: dict[str, Any]) -> None:
    answer = ask(serve(**settings))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {kind})
    assert answer.findings[0].subject == f"session cookie {SESSION} at the edge"


def test_a_session_that_is_kept_in_a_signed_cookie_passes(serve: Serve) -> None:
    answer = ask(serve(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, set())


@pytest.mark.finding(LOGGED_IN, "session_sent_across_sites")
def test_a_session_without_same_site_is_noted(serve: Serve) -> None:
    answer = ask(serve(SESSION_COOKIE_SAMESITE=False))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, {"session_sent_across_sites"})
    assert "only Chromium" in answer.findings[0].sentence


@pytest.mark.finding(LOGGED_IN, "session_refused_by_browsers")
def test_a_session_with_a_prefix_that_it_does_not_keep_is_refused_by_browsers(serve: Serve) -> None:
    answer = ask(serve(SESSION_COOKIE_NAME="__Host-member"))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"session_refused_by_browsers"})


@pytest.mark.finding(LOGGED_IN, "session_without_secure")
def test_over_tls_the_session_has_to_be_secure(serve: Serve, certificate: Certificate) -> None:
    answer = ask(serve(certificate))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"session_without_secure"})
    answer = ask(serve(certificate, SESSION_COOKIE_SECURE=True, CSRF_COOKIE_SECURE=True))
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, set())


def test_an_instance_behind_an_edge_that_ends_tls_is_told_so(serve: Serve, certificate: Certificate) -> None:
    """Or it leads every request to https://, and takes no form from a page of http://."""
    secure = {"SESSION_COOKIE_SECURE": True, "CSRF_COOKIE_SECURE": True, "SECURE_SSL_REDIRECT": True}
    secure["SECURE_PROXY_SSL_HEADER"] = ("HTTP_X_FORWARDED_PROTO", "https")
    behind = serve(**secure).edge
    world = serve(certificate, **secure)
    for host in ("", "members.example"):
        world.instances = [Instance("web-1", behind, host)]
        answer = ask(world)
        assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, set())


def test_nothing_of_a_session_or_an_account_is_told(serve: Serve, members: Members) -> None:
    """B33"""
    world = serve(
        SESSION_COOKIE_HTTPONLY=False,
        SESSION_ENGINE="django.contrib.sessions.backends.file",
        SESSION_FILE_PATH=str(members.home),
        SESSION_COOKIE_NAME="member",
    )
    told = repr(ask(world))
    sessions = [file.name.removeprefix("member") for file in members.home.glob("member?*") if file.suffix == ""]
    assert sessions
    secrets = [text for one in members.people for text in (one.username, one.password, one.marker)]
    assert not any(text in told for text in [*sessions, *secrets])


def test_permissions_know_djangos_own_login_redirect(serve: Serve) -> None:
    roles = {"nobody": "refused", "reader-a": "allowed", "reader-b": "refused"}
    world = serve()
    routes = [{"path": "/staff/", "expect": roles}, {"path": "/", "expect": {"nobody": "allowed"}}]
    answer = world.ask("permissions", login={"path": "/login/"}, routes=routes)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, set())
    assert answer.figures["matrix"]["/staff/"]["nobody"]["edge"] == "the login form (200)"


@pytest.mark.finding("security_headers", "weaker_than_policy")
def test_djangos_own_headers_leave_only_the_content_policy_open(serve: Serve) -> None:
    answer = serve().ask("security_headers", routes=["/", "/login/"])
    assert {one.subject for one in answer.findings} == {"/ content-security-policy", "/login/ content-security-policy"}


@pytest.mark.finding("upload_limits", "refused_otherwise")
def test_djangos_own_limit_refuses_early_but_not_with_413(serve: Serve) -> None:
    answer = serve().ask("upload_limits", path="/files/", limit_bytes=190_000)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"refused_otherwise"})
    assert "answered with 400" in answer.findings[0].sentence
    assert answer.figures["over_the_limit"]["edge"]["sent_bytes"] == 0


@pytest.mark.finding("upload_limits", "over_accepted")
def test_without_that_limit_everything_is_taken(serve: Serve) -> None:
    answer = serve(DATA_UPLOAD_MAX_MEMORY_SIZE=None).ask("upload_limits", path="/files/", limit_bytes=190_000)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"over_accepted"})
