"""Changing one's own password: with the old one, which ends every other session."""

import pytest
from django.test import Client

from releases.models import Event, User, UserSession
from releases.services.signing_in import FREE
from tests import factory
from tests.dashboard.pages import signed_in, words

pytestmark = pytest.mark.django_db

ADDRESS = "/account/password"
OLD, NEW = "correct horse battery", "another horse battery"
TYPED = {"password": OLD, "new_password": NEW, "again": NEW}


@pytest.fixture
def cho() -> User:
    return factory.on_call()


@pytest.fixture
def browser(cho: User) -> Client:
    return signed_in(cho)


def test_the_new_one_counts_and_ends_the_other_sessions_but_not_this_one(browser: Client, cho: User) -> None:
    phone = signed_in(cho)
    key = browser.session.session_key
    answer = browser.post(ADDRESS, TYPED)
    assert (answer.status_code, answer["Location"]) == (303, "/account")
    assert User.objects.get(pk=cho.pk).check_password(NEW)
    assert "this device" in words(browser.get("/account"))
    assert phone.get("/account").status_code == 302
    assert browser.session.session_key != key
    assert UserSession.objects.count() == 1
    event = Event.objects.get()
    assert (event.action, event.object_tag) == ("person:password_chosen", cho.tag)
    assert NEW not in str(event.payload)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": ""}, "The password is missing."),
        ({"password": "wrong"}, "This is not your password."),
        ({"new_password": ""}, "The new password is missing."),
        ({"again": "something else"}, "The two passwords differ."),
        ({"new_password": "short", "again": "short"}, "This password is too short."),
    ],
)
def test_what_is_wrong_is_said_and_the_password_stays(
    browser: Client, cho: User, change: dict[str, str], said: str
) -> None:
    answer = browser.post(ADDRESS, TYPED | change)
    assert answer.status_code == 422
    assert said in words(answer)
    assert User.objects.get(pk=cho.pk).check_password(OLD)


def test_guesses_of_the_old_one_are_slowed_down(browser: Client) -> None:
    for _ in range(FREE["account"]):
        browser.post(ADDRESS, TYPED | {"password": "wrong"})
    answer = browser.post(ADDRESS, TYPED)
    assert (answer.status_code, answer["Retry-After"]) == (429, "2")
