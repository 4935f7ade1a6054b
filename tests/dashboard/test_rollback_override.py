"""Having a rollback run despite a lock: with a reason, while it waits for one, by somebody who may."""

import pytest
from django.test import Client

from releases.models import Rollback, User
from tests import factory
from tests.dashboard.pages import links, signed_in, words

pytestmark = pytest.mark.django_db

HOLDER = "deployment D-7 still holds the lock on worker-1, since 03:00: process 4711."


@pytest.fixture
def cho() -> User:
    return factory.on_call()


@pytest.fixture
def browser(cho: User) -> Client:
    return signed_in(cho)


@pytest.fixture
def waiting(cho: User) -> Rollback:
    place, target, live = factory.story()
    return factory.rollback(place, target, live, cho, lock_holder=HOLDER, detail=f"Waiting: {HOLDER}")


def test_a_rollback_that_waits_for_a_lock_leads_to_it(browser: Client, waiting: Rollback) -> None:
    page = browser.get(f"/rollbacks/{waiting.pk}")
    assert f"Waiting: {HOLDER}" in words(page)
    assert f"/rollbacks/{waiting.pk}/override" in links(page)


def test_the_page_names_the_holder_and_what_may_happen(browser: Client, waiting: Rollback) -> None:
    shown = words(browser.get(f"/rollbacks/{waiting.pk}/override"))
    assert f"Held by {HOLDER}" in shown
    assert "can leave archive/production half changed" in shown


def test_a_reason_is_asked_for(browser: Client, waiting: Rollback) -> None:
    answer = browser.post(f"/rollbacks/{waiting.pk}/override", {"reason": " "})
    assert answer.status_code == 422
    waiting.refresh_from_db()
    assert not waiting.override_by


def test_a_press_with_a_reason_leads_back_to_the_rollback(browser: Client, waiting: Rollback) -> None:
    answer = browser.post(f"/rollbacks/{waiting.pk}/override", {"reason": "it hangs"}, follow=True)
    assert "Cho Park has it run despite the lock." in words(answer)
    again = browser.post(f"/rollbacks/{waiting.pk}/override", {"reason": "it hangs"}, follow=True)
    assert "Your press of Run it despite the lock changed nothing" in words(again)


def test_one_that_waits_for_no_lock_says_so(browser: Client, waiting: Rollback) -> None:
    Rollback.objects.update(lock_holder="", detail="")
    assert "waits for no lock" in words(browser.get(f"/rollbacks/{waiting.pk}/override"))
    assert f"/rollbacks/{waiting.pk}/override" not in links(browser.get(f"/rollbacks/{waiting.pk}"))


def test_who_may_not_roll_back_reads_who_may(waiting: Rollback) -> None:
    lee = signed_in(factory.person("lee", "auditor"))
    assert "Only lead and on-call (now Cho Park) may do this." in words(lee.get(f"/rollbacks/{waiting.pk}/override"))
    assert lee.post(f"/rollbacks/{waiting.pk}/override", {"reason": "x"}).status_code == 403
