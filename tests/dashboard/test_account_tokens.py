"""Making an API token in place: shown once, no wider than asked for, never twice by one press."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from releases.models import ApiToken, Event, User
from releases.services.tokens import token_of
from tests import factory
from tests.api.conftest import START, Pipeline
from tests.dashboard.pages import hidden_key, queries_of, sign_in_again, signed_in, words

pytestmark = pytest.mark.django_db

ADDRESS = "/account/tokens/new"
GIVEN = {"name": "ci of archive", "scopes.read": "yes", "scopes.deployments:write": "yes", "days": "90", "key": "k-1"}


@pytest.fixture
def ana() -> User:
    return factory.lead()


@pytest.fixture
def browser(ana: User) -> Client:
    return signed_in(ana)


def text_of(answer: Any) -> str:
    """Return the token that a page shows."""
    return next((word for word in words(answer).split() if word.startswith("rb_")), "")


def test_the_form_offers_every_scope_in_words_and_begins_with_reading_for_some_months(browser: Client) -> None:
    page = browser.get(ADDRESS)
    assert "report deployments (deployments:write)" in words(page)
    source = page.content.decode()
    assert 'name="scopes.read" value="yes" checked' in source
    assert source.count("checked") == 1
    assert '<option value="90" selected>90 days' in source


def test_a_token_is_made_for_oneself_and_opens_the_door(browser: Client, ana: User) -> None:
    answer = browser.post(ADDRESS, GIVEN)
    assert answer.status_code == 200
    token = token_of(text_of(answer))
    assert (token.user, token.name, token.service) == (ana, "ci of archive", None)
    assert token.scopes == ["read", "deployments:write"]
    assert token.expires_at is not None
    assert abs(token.expires_at - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)
    event = Event.objects.get()
    assert (event.action, event.actor, event.object_tag) == ("token:created", "Ana Ruiz", token.tag)


def test_its_text_is_shown_once_and_is_on_no_page_after_that(browser: Client) -> None:
    text = text_of(browser.post(ADDRESS, GIVEN))
    assert text not in browser.get("/account").content.decode()
    assert text not in browser.get(ADDRESS).content.decode()
    assert text not in str(Event.objects.get().payload)


def test_the_answer_that_shows_it_is_kept_by_no_cache(browser: Client) -> None:
    assert "no-store" in browser.post(ADDRESS, GIVEN)["Cache-Control"]


def test_a_reload_of_the_answer_makes_no_second_token_and_shows_no_text(browser: Client) -> None:
    browser.post(ADDRESS, GIVEN)
    again = browser.post(ADDRESS, GIVEN)
    assert "Its text was shown when it was made" in words(again)
    assert text_of(again) == ""
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "name is missing. Expected: a name of 1-80 characters, on one line."),
        ({"name": "x" * 81}, "name has 81 characters."),
        ({"name": "ci\u202e"}, "name contains U+202E"),
        ({"scopes.read": "", "scopes.deployments:write": ""}, "scopes is missing. Expected: at least one of read"),
        ({"days": "4000"}, "Expected: 1-3650 whole days, or nothing."),
        ({"days": "1e3"}, "Expected: 1-3650 whole days, or nothing."),
        ({"service": "nowhere"}, "There is no service nowhere."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(browser: Client, change: dict[str, str], said: str) -> None:
    """C1, C2, C3"""
    answer = browser.post(ADDRESS, GIVEN | change)
    assert answer.status_code in (404, 422)
    assert said in words(answer)
    assert not ApiToken.objects.exists()
    assert 'name="scopes.rollbacks:write" value="yes" checked' not in answer.content.decode()
    if "name" not in change:
        assert 'value="ci of archive"' in answer.content.decode()


def test_without_an_end_it_lasts_until_it_is_revoked(browser: Client) -> None:
    browser.post(ADDRESS, GIVEN | {"days": ""})
    assert ApiToken.objects.get().expires_at is None


def test_a_token_for_one_service_writes_nothing_of_another(browser: Client) -> None:
    """C27, C33"""
    place, _, _ = factory.story()
    factory.release(place.service, "2026.11.5")
    factory.environment(factory.service("payments"))
    pipeline = Pipeline(text_of(browser.post(ADDRESS, GIVEN | {"service": "payments"})))
    refused = pipeline.post("deployments", START)
    assert refused.status_code == 403
    body: dict[str, Any] = refused.json()  # type: ignore[attr-defined]
    assert (body["code"], body["detail"]) == (
        "token_of_another_service",
        "The token is for payments alone. Expected: a token for archive. Do not try again.",
    )
    assert pipeline.get("releases/1").status_code != 403
    assert Event.objects.filter(action="permission:denied").count() == 1


def test_a_token_for_the_service_itself_writes_there(browser: Client) -> None:
    place, _, _ = factory.story()
    factory.release(place.service, "2026.11.5")
    pipeline = Pipeline(text_of(browser.post(ADDRESS, GIVEN | {"service": "archive"})))
    assert pipeline.post("deployments", START).status_code == 202
    assert "For archive alone; it reads all" in words(browser.get("/account"))


def test_it_may_no_more_than_its_person() -> None:
    place, _, _ = factory.story()
    factory.release(place.service, "2026.11.5")
    viewer = signed_in(factory.person("sam", "viewer"))
    assert Pipeline(text_of(viewer.post(ADDRESS, GIVEN))).post("deployments", START).status_code == 403


def test_a_session_that_ended_meanwhile_keeps_what_was_typed_and_ticked(ana: User) -> None:
    """C22"""
    client = Client()
    answer = client.post(ADDRESS, GIVEN)
    assert answer.status_code == 403
    page = sign_in_again(client, answer, ana).content.decode()
    assert 'value="ci of archive"' in page
    assert 'name="scopes.deployments:write" value="yes" checked' in page
    assert not ApiToken.objects.exists()


def test_each_form_has_a_key_of_its_own(browser: Client) -> None:
    assert hidden_key(browser.get(ADDRESS)) != hidden_key(browser.get(ADDRESS))


def test_the_page_takes_few_queries(browser: Client) -> None:
    assert queries_of(lambda: browser.get(ADDRESS)) <= 4
