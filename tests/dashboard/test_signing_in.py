"""Signing in: where it leads, what it says, and how long somebody waits who guesses."""

import html
import re
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from config import settings as programs_own
from releases.models import SignInTries, User
from releases.services.signing_in import FREE
from tests import factory
from tests.dashboard.pages import words

pytestmark = pytest.mark.django_db

RIGHT = "correct horse battery"


@pytest.fixture
def cho() -> User:
    return factory.on_call()


def sign_in(client: Client, password: str = RIGHT, username: str = "cho", **more: Any) -> Any:
    return client.post("/login", {"username": username, "password": password} | more)


def guess(client: Client, times: int, username: str = "cho") -> Any:
    return [sign_in(client, "wrong", username) for _ in range(times)][-1]


@pytest.mark.parametrize(
    "asked",
    [
        "/s/archive/production/rollback?seen=2",
        "/s/archive/production/rollback?to=1&reason=users&words=two%20%26%20three",
        "/releases/1?deployment=2",
        "/",
    ],
)
def test_it_leads_to_the_page_that_was_asked_for_with_its_query(client: Client, cho: User, asked: str) -> None:
    factory.story()
    sent = client.get(asked)
    assert sent.status_code == 302
    page = client.get(sent["Location"])
    kept = re.search(r'name="next" value="([^"]*)"', page.content.decode())
    assert kept
    answer = sign_in(client, next=html.unescape(kept[1]))
    assert (answer.status_code, answer["Location"]) == (302, asked)


def test_a_wrong_password_on_the_way_forgets_no_destination(client: Client, cho: User) -> None:
    asked = "/s/archive/production/rollback?seen=2"
    refused = sign_in(client, "wrong", next=asked)
    assert f'name="next" value="{asked}"' in refused.content.decode()
    assert sign_in(client, next=asked)["Location"] == asked


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:///evil.example"],
)
def test_it_leads_nowhere_else(client: Client, cho: User, elsewhere: str) -> None:
    assert sign_in(client, next=elsewhere)["Location"] == "/"
    client.logout()
    assert client.post(f"/login?next={quote(elsewhere)}", {"username": "cho", "password": RIGHT})["Location"] == "/"


def test_a_wrong_password_and_a_wrong_name_read_the_same(client: Client, cho: User) -> None:
    wrong_password = words(guess(client, 1))
    wrong_name = words(guess(client, 1, "nobody"))
    assert "The user name and the password do not belong together, or the account is closed." in wrong_password
    assert wrong_password == wrong_name


@pytest.mark.parametrize("username", ["cho", "nobody"])
def test_after_several_failures_it_says_how_long_to_wait(client: Client, cho: User, username: str) -> None:
    guess(client, FREE["account"], username)
    answer = sign_in(client, username=username)
    assert (answer.status_code, answer["Retry-After"]) == (429, "2")
    assert "Expected: a pause of 2 s; then try again. No account is locked." in words(answer)
    assert f'value="{username}"' in answer.content.decode()
    assert RIGHT not in answer.content.decode()


def test_while_one_waits_the_password_is_not_looked_at(client: Client, cho: User) -> None:
    guess(client, FREE["account"])
    assert sign_in(client).status_code == 429
    assert "_auth_user_id" not in client.session


def test_after_the_wait_one_is_signed_in(client: Client, cho: User) -> None:
    guess(client, FREE["account"])
    SignInTries.objects.update(last_at="2026-01-01T00:00:00Z")
    assert sign_in(client)["Location"] == "/"


def test_a_browser_that_signed_in_before_does_not_wait_for_somebody_elses_guesses(client: Client, cho: User) -> None:
    sign_in(client)
    client.post("/logout")
    guess(Client(), FREE["account"] + 1)
    assert sign_in(Client()).status_code == 429
    assert sign_in(client).status_code == 302


def test_a_browser_is_known_by_what_we_signed_and_for_its_person_alone(client: Client, cho: User) -> None:
    factory.lead()
    sign_in(client, username="ana")
    client.post("/logout")
    guess(Client(), FREE["account"])
    assert sign_in(client).status_code == 429
    client.cookies["device"] = "cho:1f"
    assert sign_in(client).status_code == 429


def test_the_cookie_that_knows_a_browser_is_not_for_scripts(client: Client, cho: User) -> None:
    sign_in(client)
    cookie = client.cookies["device"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")


def test_a_form_without_a_password_is_no_attempt(client: Client, cho: User) -> None:
    assert sign_in(client, password="").status_code == 200
    assert not SignInTries.objects.exists()


def test_a_closed_account_reads_like_a_wrong_password(client: Client, cho: User) -> None:
    User.objects.update(is_active=False)
    answer = sign_in(client)
    assert "or the account is closed" in words(answer)
    assert "_auth_user_id" not in client.session


def test_passwords_are_hashed_with_argon2() -> None:
    """The tests use a fast hasher; the program does not."""
    assert programs_own.PASSWORD_HASHERS[0] == "django.contrib.auth.hashers.Argon2PasswordHasher"


def test_a_session_lasts_thirty_days(client: Client, cho: User) -> None:
    sign_in(client)
    assert client.cookies["sessionid"]["max-age"] == 30 * 24 * 3600
    assert client.cookies["sessionid"]["httponly"]
