"""Having a rollback measured again: with a reason, where it ended without an answer, by somebody who may."""

import pytest
from django.test import Client
from django.utils import timezone

from releases.models import Rollback, User
from releases.states import CommandState, Outcome, RollbackStatus
from tests import factory
from tests.dashboard.pages import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def cho() -> User:
    return factory.on_call()


@pytest.fixture
def browser(client: Client, cho: User) -> Client:
    client.force_login(cho)
    return client


@pytest.fixture
def unknown(cho: User) -> Rollback:
    place, target, live = factory.story()
    return factory.rollback(
        place,
        target,
        live,
        cho,
        status=RollbackStatus.DONE,
        command=CommandState.LOST,
        outcome=Outcome.UNKNOWN,
        detail="Nothing <b>answered.",
        ended_at=timezone.now(),
    )


def address(rollback: Rollback) -> str:
    return f"/rollbacks/{rollback.pk}/verify"


def test_the_rollbacks_page_leads_to_it(browser: Client, unknown: Rollback) -> None:
    page = browser.get(f"/rollbacks/{unknown.pk}")
    assert f'href="{address(unknown)}"' in page.content.decode()
    assert "Verify now… measures what is served; nothing is run again." in words(page)


def test_the_page_says_what_is_not_known_and_asks_why(browser: Client, unknown: Rollback) -> None:
    page = browser.get(address(unknown))
    said = words(page)
    assert f"Measure what {unknown.tag} left in archive/production?" in said
    assert "Nothing <b>answered." in said
    assert f"Verify {unknown.tag} now" in said


def test_a_reason_has_it_measured_and_leads_back_where_it_says_who_wanted_it(
    browser: Client, unknown: Rollback
) -> None:
    answer = browser.post(address(unknown), {"reason": "web-2 answers again"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/rollbacks/{unknown.pk}")
    assert Rollback.objects.get().status == RollbackStatus.VERIFYING
    assert "Worker lost" not in words(browser.get(f"/rollbacks/{unknown.pk}"))
    Rollback.objects.update(status=RollbackStatus.DONE, outcome=Outcome.RESTORED)
    said = words(browser.get(f"/rollbacks/{unknown.pk}"))
    assert "It was unknown at first. Cho Park had it measured again: web-2 answers again" in said


@pytest.mark.parametrize("reason", ["", "   ", "a\u202eb", "x" * 4001])
def test_a_reason_that_is_none_is_refused_beside_the_field_and_kept(
    browser: Client, unknown: Rollback, reason: str
) -> None:
    """C1, C2, C3"""
    answer = browser.post(address(unknown), {"reason": reason})
    assert answer.status_code == 422
    assert 'id="error-reason"' in answer.content.decode()
    assert reason.strip() in answer.content.decode()
    assert Rollback.objects.get().outcome == Outcome.UNKNOWN


def test_one_that_ended_with_an_answer_offers_nothing(browser: Client, unknown: Rollback) -> None:
    Rollback.objects.update(outcome=Outcome.NOT_RESTORED)
    said = words(browser.get(address(unknown)))
    assert "It ended with an answer, and what was measured stands." in said
    assert f'action="{address(unknown)}"' not in browser.get(address(unknown)).content.decode()


def test_a_press_that_came_too_late_says_so(browser: Client, unknown: Rollback) -> None:
    """B43"""
    Rollback.objects.update(outcome=Outcome.RESTORED)
    answer = browser.post(address(unknown), {"reason": "mine"}, follow=True)
    assert "Your press of Verify changed nothing" in words(answer)


def test_another_deployment_since_then_is_told(browser: Client, unknown: Rollback) -> None:
    newer = factory.deployed(unknown.environment, "2026.11.5")
    answer = browser.post(address(unknown), {"reason": "mine"})
    assert answer.status_code == 409
    assert f"2026.11.5 ({newer.tag}) is live in archive/production since then" in words(answer)


def test_who_may_not_roll_back_sees_who_may(client: Client, unknown: Rollback) -> None:
    client.force_login(factory.person("lee", "auditor"))
    assert "Only " in words(client.get(address(unknown)))
    assert client.post(address(unknown), {"reason": "mine"}).status_code == 403
    assert Rollback.objects.get().outcome == Outcome.UNKNOWN
