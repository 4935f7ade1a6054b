"""Security headers against the policy, asked of a real server."""

from typing import Any

import pytest
from pydantic import ValidationError
from starlette.responses import PlainTextResponse, Response

from releases.probes import registry
from releases.states import Regression, Verdict
from tests.probes.conftest import World, kinds_of
from tests.rig.ports import free_port

KEY = "security_headers"
GOOD = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Page:
    """A page whose fields a test sets; it takes down what it was asked with."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = list(GOOD.items())
        self.status = 200
        self.origins: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.origins.append(dict(scope["headers"]).get(b"origin", b"").decode())
        response: Response = PlainTextResponse("page", self.status)
        for name, value in self.fields:
            response.headers.append(name, value)
        await response(scope, receive, send)


@pytest.fixture
def page(world: World) -> Page:
    made = Page()
    for switch in world.switches:
        switch.app = made
    world.edge = world.instances[0].url
    return made


def test_a_page_that_keeps_the_policy_passes(world: World, page: Page) -> None:
    answer = world.ask(KEY, routes=["/", "/more"])
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, set())
    assert answer.figures["results"]["/"]["x-frame-options"] == "x-frame-options-implemented-via-csp"
    assert page.origins == ["https://origin.rollbook.invalid"] * 2


@pytest.mark.finding(KEY, "weaker_than_policy")
@pytest.mark.parametrize(
    ("missing", "test"),
    [
        ("Content-Security-Policy", "content-security-policy"),
        ("X-Content-Type-Options", "x-content-type-options"),
    ],
)
def test_a_missing_header_is_named_with_what_is_wanted(world: World, page: Page, missing: str, test: str) -> None:
    page.fields = [(name, value) for name, value in GOOD.items() if name != missing]
    answer = world.ask(KEY, routes=["/"])
    assert answer.verdict is Verdict.FAIL
    [found] = [one for one in answer.findings if one.subject == f"/ {test}"]
    assert "not-implemented" in found.sentence
    assert "the policy asks for" in found.sentence


@pytest.mark.finding(KEY, "weaker_than_policy")
def test_a_page_that_shares_with_any_site_and_its_cookies_fails(world: World, page: Page) -> None:
    page.fields += [
        ("Access-Control-Allow-Origin", "https://origin.rollbook.invalid"),
        ("Access-Control-Allow-Credentials", "true"),
    ]
    answer = world.ask(KEY, routes=["/"])
    assert [one.values["result"] for one in answer.findings] == [
        "cross-origin-resource-sharing-implemented-with-universal-access"
    ]


@pytest.mark.finding(KEY, "weaker_than_policy")
def test_a_session_cookie_without_protection_fails_and_its_value_is_not_kept(world: World, page: Page) -> None:
    page.fields.append(("Set-Cookie", "sessionid=s3cr3t-value; Path=/"))
    answer = world.ask(KEY, routes=["/"])
    assert answer.findings[0].evidence["cookie sessionid"] == "no flags"
    assert "s3cr3t-value" not in repr(answer)


def test_the_catalogue_may_ask_for_more_or_for_nothing(world: World, page: Page) -> None:
    stricter = world.ask(
        KEY, routes=["/"], policy={"content-security-policy": "csp-implemented-with-no-unsafe-default-src-none"}
    )
    assert stricter.verdict is Verdict.FAIL
    page.fields = []
    nothing = dict.fromkeys(("content-security-policy", "x-content-type-options", "x-frame-options"), "ignore")
    assert world.ask(KEY, routes=["/"], policy=nothing).verdict is Verdict.PASS


@pytest.mark.parametrize("policy", [{"x-powered-by": "ignore"}, {"cookies": "cookies-fine"}])
def test_a_policy_with_an_unknown_test_or_result_is_a_mistake(policy: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="there are"):
        registry.get(KEY).settings_model.model_validate({"routes": ["/"], "policy": policy})


@pytest.mark.finding(KEY, "changed_since_baseline")
def test_a_header_that_became_weaker_is_a_regression_within_the_policy_too(world: World, page: Page) -> None:
    world.remember(world.ask(KEY, routes=["/"]))
    page.fields[2] = ("Referrer-Policy", "")
    page.fields[0] = ("Content-Security-Policy", "default-src 'self' 'unsafe-eval'; frame-ancestors 'none'")
    answer = world.ask(KEY, routes=["/"])
    assert (answer.verdict, answer.regression) == (Verdict.FAIL, Regression.YES)
    said = {one.subject: one.sentence for one in answer.findings if one.kind.id == "changed_since_baseline"}
    assert "no-unsafe before, csp-implemented-with-unsafe-eval now" in said["/ content-security-policy"]


@pytest.mark.finding(KEY, "changed_since_baseline")
def test_a_header_that_became_stronger_is_noted_and_no_regression(world: World, page: Page) -> None:
    world.remember(world.ask(KEY, routes=["/"]))
    page.fields[0] = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    answer = world.ask(KEY, routes=["/"])
    assert (answer.verdict, answer.regression) == (Verdict.PASS, Regression.NO)


def test_what_failed_before_is_no_regression(world: World, page: Page) -> None:
    page.fields = []
    answer = world.ask_again(KEY, routes=["/"])
    assert (answer.verdict, answer.regression) == (Verdict.FAIL, Regression.NO)


@pytest.mark.finding(KEY, "nothing_to_judge")
@pytest.mark.parametrize("status", [404, 500])
def test_an_error_page_says_nothing_about_the_page(world: World, page: Page, status: int) -> None:
    page.status = status
    answer = world.ask(KEY, routes=["/"])
    assert (answer.verdict, answer.regression) == (Verdict.INCONCLUSIVE, Regression.UNKNOWN)


@pytest.mark.finding(KEY, "could_not_ask")
def test_an_edge_that_is_down_is_could_not_measure(world: World) -> None:
    world.edge = f"http://127.0.0.1:{free_port()}"
    assert world.ask(KEY, routes=["/"]).verdict is Verdict.ERROR
