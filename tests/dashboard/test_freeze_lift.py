"""Lifting a freeze: with a reason, once, by somebody who may."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from releases.models import Event, Freeze, User
from tests import factory

pytestmark = pytest.mark.django_db


@pytest.fixture
def cho() -> User:
    return factory.on_call()


@pytest.fixture
def browser(client: Client, cho: User) -> Client:
    client.force_login(cho)
    return client


@pytest.fixture
def freeze() -> Freeze:
    place, _, _ = factory.story()
    return Freeze.objects.create(
        environment=place, reason="RB-1: reader names <b>leaked", frozen_by="Ana Ruiz", frozen_at=timezone.now()
    )


def address(freeze: Freeze) -> str:
    return f"/freezes/{freeze.pk}/lift"


def text(response: Any) -> str:
    inline = re.sub(r"</?(bdi|span|time|code|a|strong)\b[^>]*>", "", response.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", inline))


def test_the_page_says_who_froze_it_when_and_why(browser: Client, freeze: Freeze) -> None:
    page = browser.get(address(freeze))
    assert page.status_code == 200
    assert re.search(r"0.s ago · \d\d:\d\d UTC by Ana Ruiz", text(page))
    assert "RB-1: reader names &lt;b&gt;leaked" in text(page)
    assert "Lift the freeze of production" in text(page)


def test_a_reason_lifts_it_and_leads_to_the_environment(browser: Client, freeze: Freeze) -> None:
    answer = browser.post(address(freeze), {"reason": "2026.11.5 fixes it"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/s/archive/production/")
    freeze.refresh_from_db()
    assert (freeze.lifted_by, freeze.lift_reason) == ("Cho Park", "2026.11.5 fixes it")
    assert Event.objects.get().action == "environment:freeze_lifted"


@pytest.mark.parametrize("reason", ["", "   ", "a\u202eb", "x" * 4001])
def test_a_reason_that_is_none_is_refused_beside_the_field_and_kept(
    browser: Client, freeze: Freeze, reason: str
) -> None:
    """C1, C2, C3"""
    answer = browser.post(address(freeze), {"reason": reason})
    assert answer.status_code == 422
    assert 'id="error-reason"' in answer.content.decode()
    assert reason.strip() in answer.content.decode()
    freeze.refresh_from_db()
    assert freeze.lifted_at is None


def test_a_second_lift_says_who_was_first_and_keeps_the_words(browser: Client, freeze: Freeze) -> None:
    """B24"""
    Freeze.objects.update(lifted_at=timezone.now(), lifted_by="Lee Novak", lift_reason="all fine")
    answer = browser.post(address(freeze), {"reason": "mine"})
    assert answer.status_code == 409
    assert "Not lifted by you: lifted already" in text(answer)
    assert "Lee Novak lifted it" in text(answer)
    assert "all fine" in text(answer)
    assert "mine" in text(answer)
    freeze.refresh_from_db()
    assert freeze.lift_reason == "all fine"
    assert not Event.objects.exists()


def test_a_lifted_freeze_has_no_form(browser: Client, freeze: Freeze) -> None:
    Freeze.objects.update(lifted_at=timezone.now(), lifted_by="Lee Novak", lift_reason="all fine")
    page = browser.get(address(freeze))
    assert page.status_code == 200
    assert "The freeze of archive/production is lifted" in text(page)
    assert 'name="reason"' not in page.content.decode()


def test_without_permission_the_page_says_who_may(client: Client, freeze: Freeze, cho: User) -> None:
    client.force_login(factory.person("lee", "auditor"))
    page = client.get(address(freeze))
    assert "Only lead and on-call may lift a freeze. Now: Cho Park." in text(page)
    assert 'name="reason"' not in page.content.decode()


def test_a_lift_without_permission_is_refused(client: Client, freeze: Freeze) -> None:
    client.force_login(factory.person("lee", "auditor"))
    assert client.post(address(freeze), {"reason": "please"}).status_code == 403
    freeze.refresh_from_db()
    assert freeze.lifted_at is None


def test_a_lift_after_the_session_ended_keeps_the_reason(client: Client, freeze: Freeze) -> None:
    """C22"""
    answer = client.post(address(freeze), {"reason": "2026.11.5 fixes it"})
    assert answer.status_code == 403
    assert "2026.11.5 fixes it" in text(answer)
    assert f'href="/login?next={address(freeze)}"' in answer.content.decode()


def test_other_methods_are_not_allowed(browser: Client, freeze: Freeze) -> None:
    assert browser.put(address(freeze)).status_code == 405


def test_an_unknown_number_is_not_found(browser: Client) -> None:
    assert browser.get("/freezes/999/lift").status_code == 404
