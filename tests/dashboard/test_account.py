"""A person's own page: who they are here, what they may do, and their time zone."""

import re

import pytest
from django.test import Client

from releases.actor import Actor
from releases.models import ApiToken, Event, User
from releases.services.tokens import create_token, token_of
from tests import factory
from tests.dashboard.pages import queries_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def cho() -> User:
    return factory.on_call()


@pytest.fixture
def browser(cho: User) -> Client:
    return signed_in(cho)


def test_it_says_who_one_is_and_what_one_may_do_in_words(browser: Client) -> None:
    page = words(browser.get("/account"))
    assert "Cho Park User name cho" in page
    assert (
        "May read releases, deployments and rollbacks, roll back, lift freezes, run checklists again and write notes"
        in page
    )


def test_somebody_of_no_group_may_read() -> None:
    assert "Groups none May read releases, deployments and rollbacks" in words(
        signed_in(factory.person("sam")).get("/account")
    )


def test_a_chosen_zone_counts_from_the_next_page_on(browser: Client, cho: User) -> None:
    answer = browser.post("/account/zone", {"time_zone": "Asia/Kolkata"})
    assert (answer.status_code, answer["Location"]) == (303, "/account")
    cho.refresh_from_db()
    assert cho.time_zone == "Asia/Kolkata"
    assert "Times are shown in Asia/Kolkata. Now it is " in words(browser.get("/account"))


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "europe", "x" * 65])
def test_a_zone_that_is_not_known_is_refused_with_a_sentence(browser: Client, cho: User, name: str) -> None:
    answer = browser.post("/account/zone", {"time_zone": name})
    assert answer.status_code == 422
    assert "Expected: a zone such as Europe/Berlin, or UTC." in words(answer)
    cho.refresh_from_db()
    assert cho.time_zone == ""


def test_without_a_choice_the_zone_of_the_browser_counts(browser: Client) -> None:
    browser.cookies["zone"] = "America/New_York"
    page = browser.get("/account")
    assert 'data-zone="America/New_York"' in page.content.decode()
    assert re.search(r"as your browser says. Now it is \d\d:\d\d E[SD]T \.", words(page))


@pytest.mark.parametrize("told", ["", "Nowhere/Land", "../etc/passwd", "\x00"])
def test_without_a_zone_that_is_known_times_are_in_utc(browser: Client, told: str) -> None:
    browser.cookies["zone"] = told
    assert "Times are shown in UTC, as nobody chose" in words(browser.get("/account"))


def test_a_choice_counts_more_than_the_browser_and_can_be_taken_back(browser: Client, cho: User) -> None:
    browser.cookies["zone"] = "America/New_York"
    browser.post("/account/zone", {"time_zone": "Asia/Tokyo"})
    assert "Times are shown in Asia/Tokyo." in words(browser.get("/account"))
    browser.post("/account/zone", {"time_zone": ""})
    assert "Times are shown in America/New_York, as your browser says" in words(browser.get("/account"))


def test_a_choice_that_is_no_longer_known_falls_back_and_says_so(browser: Client, cho: User) -> None:
    User.objects.update(time_zone="Europe/Atlantis")
    page = words(browser.get("/account"))
    assert "Europe/Atlantis is not known here" in page
    assert "Your times are shown in UTC until you choose another zone." in page
    assert "Europe/Atlantis" not in words(browser.get("/"))


def test_an_old_spelling_that_was_chosen_stays_chosen(browser: Client) -> None:
    User.objects.update(time_zone="Zulu")
    assert '<option value="Zulu" selected>' in browser.get("/account").content.decode()


def test_the_page_takes_few_queries(browser: Client) -> None:
    assert queries_of(lambda: browser.get("/account")) <= 5


TERMINAL = Actor(name="root (system user)", via="command line")


def test_ones_tokens_are_listed_with_their_scopes_and_last_use_but_not_their_text(browser: Client, cho: User) -> None:
    text = create_token(cho, "ci <b>", ["releases:write", "read"], 30, actor=TERMINAL)
    assert "Last used never" in words(browser.get("/account"))
    token_of(text)
    page = words(browser.get("/account"))
    assert f"ci <b> T-{ApiToken.objects.get().pk} Scopes releases:write, read For all services Made 0 s ago" in page
    assert "Last used 0 s ago" in page
    assert text not in page


def test_a_token_is_revoked_in_place_once_and_the_book_says_by_whom(browser: Client, cho: User) -> None:
    create_token(cho, "ci", ["read"], None, actor=TERMINAL)
    token = ApiToken.objects.get()
    for _ in range(2):
        assert browser.post(f"/account/tokens/{token.pk}/revoke").status_code == 303
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert [event.actor for event in Event.objects.filter(action="token:revoked")] == ["Cho Park"]
    assert "revoked" in words(browser.get("/account"))


def test_somebody_elses_token_is_not_there_and_stays(browser: Client) -> None:
    """C27"""
    create_token(factory.lead(), "ci", ["read"], None, actor=TERMINAL)
    token = ApiToken.objects.get()
    assert "ci" not in words(browser.get("/account")).split()
    assert browser.post(f"/account/tokens/{token.pk}/revoke").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None
