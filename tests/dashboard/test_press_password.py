"""The password at a press that changes production: asked for in place where the settings say so, all words kept."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.views.signing_in import ENTERED
from releases.models import Deployment, Environment, Event, Freeze, Rollback, User
from releases.services.signing_in import FREE
from releases.states import RollbackStatus
from tests import factory
from tests.dashboard.pages import signed_in, words

pytestmark = pytest.mark.django_db

RIGHT = "correct horse battery"
FIELD = 'name="password" type="password"'


@pytest.fixture
def minutes(settings: Any) -> int:
    settings.PRESS_PASSWORD_MINUTES = 15
    return 15


@pytest.fixture
def ana() -> User:
    return factory.lead()


@pytest.fixture
def browser(ana: User) -> Client:
    """A session whose password was entered an hour ago."""
    client = signed_in(ana)
    entered(client, timedelta(hours=1))
    return client


@pytest.fixture
def place() -> Environment:
    return factory.story()[0]


def entered(client: Client, ago: timedelta) -> None:
    session = client.session
    session[ENTERED] = (timezone.now() - ago).isoformat()
    session.save()


def presses(place: Environment, ana: User) -> dict[str, tuple[str, dict[str, str]]]:
    """Return every press that asks: its page, and what is typed there."""
    target, live = Deployment.objects.filter(environment=place).order_by("pk")
    freeze = Freeze.objects.create(environment=place, reason="leak", frozen_by="Cho", frozen_at=timezone.now())
    rollback = factory.rollback(
        factory.environment(key="other"), target, live, ana, status=RollbackStatus.QUEUED, lock_holder="4711 on w"
    )
    Environment.objects.update(production=True, command_names=["deploy", "rollback"])
    factory.release(place.service, "2026.11.5")
    return {
        "roll back": (
            "/s/archive/production/rollback",
            {"live": str(live.pk), "target": str(target.pk), "reason": "users", "words": "seen by 3 users"},
        ),
        "deploy": ("/s/archive/production/deploy", {"version": "2026.11.5", "what_changed": "the cache key"}),
        "lift": (f"/freezes/{freeze.pk}/lift", {"reason": "mended in 2026.11.5"}),
        "override": (f"/rollbacks/{rollback.pk}/override", {"reason": "4711 hangs for ever"}),
    }


PRESSES = ["roll back", "deploy", "lift", "override"]


@pytest.fixture(params=PRESSES)
def press(request: pytest.FixtureRequest, place: Environment, ana: User) -> tuple[str, dict[str, str]]:
    return presses(place, ana)[request.param]


def test_it_is_off_by_default(browser: Client, press: tuple[str, dict[str, str]]) -> None:
    address, typed = press
    assert FIELD not in browser.get(address).content.decode()
    assert browser.post(address, typed).status_code in (303, 409)


def test_without_the_password_nothing_is_done_and_every_word_stays(
    minutes: int, browser: Client, press: tuple[str, dict[str, str]]
) -> None:
    address, typed = press
    assert FIELD in browser.get(address).content.decode()
    answer = browser.post(address, typed)
    assert answer.status_code == 422
    assert "The password is missing. Expected: your password; it was last entered more than 15 min ago." in words(
        answer
    )
    assert FIELD in answer.content.decode()
    for word in typed.values():
        assert word in answer.content.decode()
    assert not Event.objects.exists()


def test_a_wrong_password_does_nothing_and_is_not_repeated(
    minutes: int, browser: Client, press: tuple[str, dict[str, str]]
) -> None:
    address, typed = press
    answer = browser.post(address, typed | {"password": "a wrong one"})
    assert answer.status_code == 422
    assert "This is not your password." in words(answer)
    assert "a wrong one" not in answer.content.decode()
    assert not Event.objects.exists()


def test_the_right_one_lets_the_press_through(
    minutes: int, browser: Client, press: tuple[str, dict[str, str]], place: Environment
) -> None:
    address, typed = press
    Freeze.objects.exclude(pk__in=[part for part in address.split("/") if part.isdigit()]).update(
        lifted_at=timezone.now()
    )
    answer = browser.post(address, typed | {"password": RIGHT})
    assert answer.status_code == 303, words(answer)
    assert Event.objects.exists()


def test_after_that_it_is_not_asked_for_until_the_time_is_over(
    minutes: int, browser: Client, place: Environment, ana: User
) -> None:
    address, typed = presses(place, ana)["lift"]
    browser.post(address, typed | {"password": RIGHT})
    Freeze.objects.update(lifted_at=None, lifted_by="")
    assert FIELD not in browser.get(address).content.decode()
    assert browser.post(address, typed).status_code == 303


def test_a_sign_in_counts_as_an_entry(minutes: int, place: Environment, ana: User) -> None:
    client = Client()
    client.post("/login", {"username": "ana", "password": RIGHT})
    assert FIELD not in client.get(presses(place, ana)["roll back"][0]).content.decode()


def test_a_session_that_does_not_say_when_is_asked(minutes: int, place: Environment, ana: User) -> None:
    assert FIELD in signed_in(ana).get(presses(place, ana)["roll back"][0]).content.decode()


def test_it_is_asked_for_in_production_alone(minutes: int, browser: Client, place: Environment, ana: User) -> None:
    address, typed = presses(place, ana)["lift"]
    Environment.objects.update(production=False)
    assert FIELD not in browser.get(address).content.decode()
    assert browser.post(address, typed).status_code == 303


def test_reading_never_asks(minutes: int, browser: Client, place: Environment) -> None:
    live = Deployment.objects.latest("pk")
    for address in ("/", "/history", "/s/archive/production/", f"/releases/{live.release_id}", "/audit"):
        answer = browser.get(address)
        assert answer.status_code == 200
        assert FIELD not in answer.content.decode()


def test_guesses_are_slowed_down_as_at_the_sign_in(
    minutes: int, browser: Client, press: tuple[str, dict[str, str]]
) -> None:
    address, typed = press
    for _ in range(FREE["account"]):
        assert browser.post(address, typed | {"password": "wrong"}).status_code == 422
    answer = browser.post(address, typed | {"password": RIGHT})
    assert (answer.status_code, answer["Retry-After"]) == (429, "2")
    assert "so it was not looked at. Expected: a pause of 2 s. Try again in 2 s." in words(answer)
    assert not Rollback.objects.filter(environment__key="production").exists()


def test_the_right_one_takes_the_count_back(minutes: int, browser: Client, place: Environment, ana: User) -> None:
    address, typed = presses(place, ana)["lift"]
    for _ in range(2):
        for _ in range(FREE["account"] - 1):
            assert browser.post(address, typed | {"password": "wrong"}).status_code == 422
        assert browser.post(address, typed | {"password": RIGHT}).status_code in (303, 409)
        entered(browser, timedelta(hours=1))


def test_whoever_may_not_press_is_not_asked(minutes: int, place: Environment, ana: User) -> None:
    viewer = signed_in(factory.person("sam", "viewer"))
    for address, _ in presses(place, ana).values():
        assert FIELD not in viewer.get(address).content.decode()


def test_a_session_that_ended_keeps_the_form_but_never_the_password(
    minutes: int, place: Environment, ana: User
) -> None:
    """C22"""
    client = Client()
    address, typed = presses(place, ana)["deploy"]
    answer = client.post(address, typed | {"password": RIGHT})
    assert answer.status_code == 403
    assert RIGHT not in answer.content.decode()
    kept: dict[str, Any] = client.session["kept_form"]
    assert kept["fields"] == typed


# --- What would let somebody press elsewhere --------------------------------------------------------------------------


@pytest.fixture(params=["token", "person", "group", "link"])
def gives(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """Return a form that gives a token, or lets somebody in, and what is typed there."""
    cho = factory.person("cho")
    forms: dict[str, tuple[str, dict[str, str]]] = {
        "token": ("/account/tokens/new", {"name": "ci of archive", "scopes.rollbacks:write": "yes", "days": "30"}),
        "person": ("/people/new", {"username": "dee", "first_name": "Dee", "group": "on-call"}),
        "group": (f"/people/{cho.pk}/groups", {"group": "on-call"}),
        "link": (f"/people/{cho.pk}/link", {}),
    }
    return forms[request.param]


def test_nobody_is_given_what_lets_them_press_without_the_password(
    minutes: int, browser: Client, gives: tuple[str, dict[str, str]]
) -> None:
    """Else a session that somebody else holds would make itself a token, and press with that."""
    address, typed = gives
    answer = browser.post(address, typed)
    assert answer.status_code == 422
    assert "The password is missing." in words(answer)
    assert answer.content.decode().count(FIELD) == 1
    for word in typed.values():
        assert word in answer.content.decode()
    assert not Event.objects.exists()


def test_with_the_password_it_is_given(minutes: int, browser: Client, gives: tuple[str, dict[str, str]]) -> None:
    address, typed = gives
    answer = browser.post(address, typed | {"password": RIGHT})
    assert answer.status_code in (200, 303), words(answer)
    assert Event.objects.exists()
    assert RIGHT not in answer.content.decode()


def test_guesses_at_what_is_given_are_slowed_down(
    minutes: int, browser: Client, gives: tuple[str, dict[str, str]]
) -> None:
    address, typed = gives
    for _ in range(FREE["account"]):
        assert browser.post(address, typed | {"password": "wrong"}).status_code == 422
    answer = browser.post(address, typed | {"password": RIGHT})
    assert (answer.status_code, answer["Retry-After"]) == (429, "2")


def test_by_default_it_is_given_without(browser: Client, gives: tuple[str, dict[str, str]]) -> None:
    address, typed = gives
    answer = browser.post(address, typed)
    assert answer.status_code in (200, 303)
    assert FIELD not in answer.content.decode()
