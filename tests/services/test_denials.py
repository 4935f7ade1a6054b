"""A denial is in the book, in a transaction of its own, and a flood of them is a line or two."""

import logging
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.db.models import F
from django.test import Client

from releases import book
from releases.actor import Actor
from releases.errors import Denied
from releases.models import Denial, Event, User
from releases.services import denials
from releases.services.permissions import require
from releases.services.tokens import create_token
from tests import factory
from tests.dashboard.pages import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def lee() -> User:
    return factory.person("lee", "auditor")


def ask(user: User, permission: str = "roll_back", times: int = 1, on: str = "RB-3") -> None:
    actor = Actor(name=user.name, via="web", user=user, request_id="r1", origin="192.0.2.7")
    for _ in range(times):
        with pytest.raises(Denied):
            require(actor, permission, scope="rollbacks:write", service="", on=on)


def denied() -> list[Event]:
    return list(Event.objects.filter(action="permission:denied"))


def let_minutes_pass() -> None:
    Denial.objects.update(minute=F("minute") - timedelta(minutes=5))


def test_the_first_denial_is_an_event_at_once(lee: User) -> None:
    ask(lee)
    (event,) = denied()
    assert (event.actor, event.object_tag) == ("Lee Novak", "RB-3")
    assert event.payload["details"] == {"permission": "roll_back", "on": "RB-3"}
    assert (event.payload["request_id"], event.payload["origin"]) == ("r1", "192.0.2.7")
    assert event.payload["reason"] == "Lee Novak does not hold the permission roll_back."


def test_a_flood_is_two_events(lee: User, monkeypatch: pytest.MonkeyPatch) -> None:
    start = denials.timezone.now().replace(second=1)
    monkeypatch.setattr(denials.timezone, "now", lambda: start)
    ask(lee, times=40)
    assert len(denied()) == 1
    denials.close_minutes()
    assert len(denied()) == 1, "the minute is not over"
    let_minutes_pass()
    denials.close_minutes()
    denials.close_minutes()
    assert [event.payload["details"].get("further") for event in denied()] == [None, 39]
    assert not Denial.objects.exists()
    assert book.verify() is None


def test_a_single_denial_is_not_summed_up_again(lee: User) -> None:
    ask(lee)
    let_minutes_pass()
    denials.close_minutes()
    assert len(denied()) == 1
    assert not Denial.objects.exists()


def test_each_person_and_each_permission_counts_apart(lee: User) -> None:
    ask(lee)
    ask(lee, "lift_freeze")
    ask(factory.person("ben", "viewer"))
    assert len(denied()) == 3


@pytest.mark.parametrize("on", ["archive/production", "D-" + "9" * 200], ids=["a place", "a long number"])
def test_what_is_no_tag_that_fits_still_makes_an_event(lee: User, on: str) -> None:
    ask(lee, on=on)
    assert denied()[0].payload["details"]["on"] == on[:100]


def test_a_book_that_cannot_be_written_leaves_the_answer_a_refusal(
    lee: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place, target, live = factory.story()
    rollback = factory.rollback(place, target, live, factory.on_call())

    def away(*args: object, **kwargs: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(book, "record", away)
    assert signed_in(lee).post(f"/rollbacks/{rollback.pk}/cancel").status_code == 403
    assert "could not be written in the book" in caplog.text


def test_a_page_that_refuses_writes_a_denial(lee: User) -> None:
    place, target, live = factory.story()
    rollback = factory.rollback(place, target, live, factory.on_call())
    assert signed_in(lee).post(f"/rollbacks/{rollback.pk}/cancel").status_code == 403
    assert [event.object_tag for event in denied()] == [rollback.tag]


def test_a_token_without_the_scope_writes_a_denial(lee: User, client: Client) -> None:
    text = create_token(lee, "ci", ["releases:write"], None, actor=factory.actor(lee))
    headers = {"Authorization": f"Bearer {text}"}
    assert client.get("/api/v1/releases/1", headers=headers).status_code == 403
    assert denied()[0].payload["details"]["permission"] == "read"


def test_a_caller_whom_nobody_knows_is_in_the_log_only(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert client.get("/api/v1/releases/1").status_code == 401
    assert "denied: nobody we know, GET '/api/v1/releases/1'" in caplog.text
    assert not denied()
