"""Every decision of the review is answered on it: with the form of its own page, by the same verb, without script."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from releases.models import (
    ChecklistRun,
    Confirmation,
    Deployment,
    Environment,
    Event,
    Freeze,
    Note,
    Rehearsal,
    Release,
    Rollback,
    Service,
    User,
)
from releases.states import Expected, Outcome, Purpose, RollbackStatus, RunStatus, Verdict
from tests import factory
from tests.dashboard.pages import links, queries_of, sign_in_again, signed_in, words

pytestmark = pytest.mark.django_db

REVIEW = "/review?service=archive&from=2026-11-02"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of decision: what it asks, what it waits for, and what is typed into its form."""

    asks: str
    make: Callable[[], str]
    """Make one that waits; return the address of its form."""
    typed: dict[str, str]
    place: str
    says: str
    done: Callable[[], bool]
    """Whether the verb was carried out."""
    only: str
    """What somebody without the permission reads."""
    missing: str = "reason"
    """The field without which it is refused; empty where there is none to fill."""


def _result() -> str:
    _, target, _ = factory.story()
    Release.objects.filter(pk=target.release_id).update(expected_result="p95 of / <= 1 s; readers see teasers")
    Deployment.objects.filter(pk=target.pk).update(expected=Expected.TO_CONFIRM)
    return f"/releases/{target.release_id}/results/2"


def _freeze() -> str:
    place, _, _ = factory.story()
    freeze = Freeze.objects.create(environment=place, reason="leak", frozen_by="Cho", frozen_at=timezone.now())
    return f"/freezes/{freeze.pk}/lift"


def _unmeasured() -> Deployment:
    _, _, live = factory.story()
    Deployment.objects.filter(pk=live.pk).update(verdict=Verdict.INCONCLUSIVE)
    return live


def _checklist() -> str:
    _unmeasured()
    return "/s/archive/production/checklist-runs"


def _kept_so() -> str:
    return f"/releases/{_unmeasured().release_id}/notes"


def _bad() -> str:
    _, _, live = factory.story()
    Release.objects.filter(pk=live.release_id).update(bad_since=timezone.now(), bad_by="Cho", bad_reason="leak")
    return f"/releases/{live.release_id}/notes"


def _rehearsal() -> str:
    place, _, _ = factory.story()
    Environment.objects.filter(pk=place.pk).update(requires_rehearsal=True)
    staging = factory.environment(place.service, "staging", command_names=["deploy", "rollback"])
    factory.deployed(staging, "2026.11.3")
    return "/s/archive/staging/rehearse"


def _rollback() -> str:
    place, target, live = factory.story()
    now = timezone.now()
    done = {"status": RollbackStatus.DONE, "outcome": Outcome.RESTORED, "ended_at": now}
    rollback = factory.rollback(place, target, live, factory.person("dee"), **done)
    return f"/rollbacks/{rollback.pk}/notes"


NOTE = {"text": "A lock was missing; mended in 2026.11.5."}
ANSWERS = "Only lead (now Ana Ruiz) may say whether an expected result came true."
NOTES = "Only lead and on-call (now Ana Ruiz) may write notes."
KINDS = {
    "result": Kind(
        "Did it come true?",
        _result,
        {"came_true": "false", "note": "no teaser on phones"},
        "results",
        "Kept that it did not come true: archive 2026.11.3",
        lambda: Confirmation.objects.filter(came_true=False, note="no teaser on phones").exists(),
        ANSWERS,
        "note",
    ),
    "freeze": Kind(
        "Frozen",
        _freeze,
        {"reason": "2026.11.5 fixes it"},
        "freezes",
        "Freeze lifted: archive/production",
        lambda: Freeze.objects.get().lift_reason == "2026.11.5 fixes it",
        "Only lead and on-call (now Ana Ruiz) may lift freezes.",
    ),
    "checklist": Kind(
        "Live, and not measured",
        _checklist,
        {},
        "unmeasured",
        "Checklist runs again: archive/production",
        lambda: ChecklistRun.objects.filter(status=RunStatus.QUEUED, requested_by="Ana Ruiz").exists(),
        "Only lead and on-call (now Ana Ruiz) may run checklists again.",
        "",
    ),
    "kept so": Kind(
        "Live, and not measured", _kept_so, NOTE, "unmeasured", "Note written: N-", Note.objects.exists, NOTES, "text"
    ),
    "bad": Kind(
        "Bad, and nobody wrote what to change",
        _bad,
        NOTE,
        "bad",
        "Note written: N-",
        Note.objects.exists,
        NOTES,
        "text",
    ),
    "rehearsal": Kind(
        "Rehearsals too old",
        _rehearsal,
        {"version": "2026.11.4"},
        "rehearsals",
        "Rehearsal queued: RH-",
        lambda: Rehearsal.objects.filter(release__version="2026.11.4").exists(),
        "Only lead (now Ana Ruiz) may have Rollbook deploy and rehearse.",
        "version",
    ),
    "rollback": Kind(
        "Rollbacks without a note", _rollback, NOTE, "notes", "Note written: N-", Note.objects.exists, NOTES, "text"
    ),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def ana() -> User:
    return factory.lead()


@pytest.fixture
def browser(ana: User) -> Client:
    return signed_in(ana)


def fields_of(response: HttpResponse, action: str) -> dict[str, str]:
    """Return what a form of a page sends when nothing is typed: its hidden fields and what it is filled with."""
    form = re.search(
        rf'<form method="post" action="{re.escape(action)}".*?</form>', response.content.decode(), re.DOTALL
    )
    assert form, f"the page has a form for {action}"
    inputs = re.findall(r'<input\b[^>]*\bname="([^"]+)"[^>]*\bvalue="([^"]*)"', form[0])
    inputs += [
        (name, value) for value, name in re.findall(r'<input\b[^>]*\bvalue="([^"]*)"[^>]*\bname="([^"]+)"', form[0])
    ]
    return {name: value.replace("&amp;", "&") for name, value in inputs if name != "came_true"}


def test_it_is_answered_from_the_review_and_gone_from_it_afterwards(kind: Kind, browser: Client) -> None:
    """A plain form that the page unfolds without script; the answer leads back, with the filters, to where it was."""
    address = kind.make()
    page = browser.get(REVIEW)
    assert f"{kind.asks} (1)" in words(page)
    answer = browser.post(address, fields_of(page, address) | kind.typed)
    assert (answer.status_code, answer["Location"]) == (303, f"{REVIEW}#{kind.place}"), words(answer)
    assert kind.done()
    page = browser.get(answer["Location"])
    assert f"{kind.asks} (1)" not in words(page)
    assert f"{kind.asks} {kind.says}" in words(page)


def test_what_was_answered_is_told_once(kind: Kind, browser: Client) -> None:
    address = kind.make()
    browser.post(address, fields_of(browser.get(REVIEW), address) | kind.typed)
    assert kind.says in words(browser.get(REVIEW))
    assert kind.says not in words(browser.get(REVIEW))


def test_what_was_answered_leads_to_where_the_answer_stands(kind: Kind, browser: Client) -> None:
    address = kind.make()
    browser.post(address, fields_of(browser.get(REVIEW), address) | kind.typed)
    page = browser.get(REVIEW)
    told = re.search(r'<p class="message soft-box">.*?<a href="([^"#]*)', page.content.decode(), re.DOTALL)
    assert told
    assert browser.get(told[1].replace("&amp;", "&")).status_code == 200


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.missing])
def test_a_refused_answer_is_its_own_page_with_the_words_kept_and_the_way_back(name: str, browser: Client) -> None:
    """C1"""
    kind = KINDS[name]
    address = kind.make()
    typed = kind.typed | {kind.missing: "\u202e"}
    answer = browser.post(address, fields_of(browser.get(REVIEW), address) | typed)
    assert answer.status_code == 422
    assert not kind.done()
    assert f"{REVIEW}#{kind.place}" in links(answer)
    mended = fields_of(answer, address) | kind.typed
    assert mended["back"] == f"{REVIEW}#{kind.place}"
    assert browser.post(address, mended)["Location"] == f"{REVIEW}#{kind.place}"


def test_a_refused_answer_keeps_what_was_chosen_and_what_is_too_long(browser: Client) -> None:
    """C3"""
    address = _result()
    typed = {"came_true": "false", "note": "no teaser " * 500, "back": f"{REVIEW}#results"}
    answer = browser.post(address, typed)
    assert answer.status_code == 422
    assert 'value="false" required checked' in answer.content.decode()
    assert "no teaser " * 500 in answer.content.decode()


def test_a_freeze_that_somebody_else_lifted_says_so_and_leads_back(browser: Client) -> None:
    """B24"""
    address = _freeze()
    fields = fields_of(browser.get(REVIEW), address)
    Freeze.objects.update(lifted_at=timezone.now(), lifted_by="Lee Novak", lift_reason="all fine")
    answer = browser.post(address, fields | {"reason": "mine"})
    assert answer.status_code == 409
    assert "Lee Novak lifted it" in words(answer)
    assert "mine" in words(answer)
    assert f"{REVIEW}#freezes" in links(answer)


def test_a_checklist_that_cannot_run_now_says_why_and_leads_back(browser: Client, ana: User) -> None:
    address = _checklist()
    fields = fields_of(browser.get(REVIEW), address)
    target, live = Deployment.objects.order_by("pk")
    factory.rollback(live.environment, target, live, ana)
    answer = browser.post(address, fields)
    assert answer.status_code == 409
    assert "its own checklist measures what it brought back" in words(answer)
    assert f"{REVIEW}#unmeasured" in links(answer)


def test_the_password_at_a_press_is_asked_for_on_the_review(browser: Client, settings: Any) -> None:
    settings.PRESS_PASSWORD_MINUTES = 15
    address = _freeze()
    page = browser.get(REVIEW)
    assert 'type="password"' in page.content.decode()
    typed = fields_of(page, address) | {"reason": "2026.11.5 fixes it"}
    refused = browser.post(address, typed)
    assert refused.status_code == 422
    assert "The password is missing." in words(refused)
    assert "2026.11.5 fixes it" in words(refused)
    answer = browser.post(address, typed | {"password": "correct horse battery"})
    assert answer["Location"] == f"{REVIEW}#freezes"


def test_somebody_without_the_permission_reads_whom_to_ask_in_place_of_the_form(kind: Kind, ana: User) -> None:
    address = kind.make()
    page = signed_in(factory.person("vic", "viewer")).get(REVIEW)
    assert kind.only in words(page)
    assert f'action="{address}"' not in page.content.decode()
    assert '<details class="unfold">' not in page.content.decode()


def test_only_those_are_named_who_may_for_that_service(ana: User) -> None:
    _freeze()
    payments = factory.service("payments")
    factory.person("zoe", "on-call", payments)
    factory.person("yan", "on-call", Service.objects.get(key="archive"))
    factory.person("max", "lead", is_active=False)
    place = factory.environment(payments)
    Freeze.objects.create(environment=place, reason="slow", frozen_by="Cho", frozen_at=timezone.now())
    told = words(signed_in(factory.person("vic", "viewer")).get("/review"))
    assert "Only lead and on-call (now Ana Ruiz and Yan) may lift freezes." in told
    assert "Only lead and on-call (now Ana Ruiz and Zoe) may lift freezes." in told
    assert "Max" not in told


def test_the_permission_is_asked_for_again_at_the_press(kind: Kind, browser: Client) -> None:
    address = kind.make()
    fields = fields_of(browser.get(REVIEW), address)
    answer = signed_in(factory.person("vic", "viewer")).post(address, fields | kind.typed)
    assert answer.status_code == 403
    assert not kind.done()
    assert f"{REVIEW}#{kind.place}" in links(answer)


def test_a_session_that_ended_leads_back_to_the_review_in_the_end(kind: Kind, browser: Client, ana: User) -> None:
    """C22"""
    address = kind.make()
    fields = fields_of(browser.get(REVIEW), address)
    client = Client()
    page = sign_in_again(client, client.post(address, fields | kind.typed), ana)
    assert page.status_code == 200
    answer = client.post(address, fields_of(page, address) | kind.typed)
    assert answer["Location"] == f"{REVIEW}#{kind.place}"


def test_a_form_on_its_own_page_leads_where_it_always_did(browser: Client) -> None:
    address = _freeze()
    page = browser.get(address)
    assert 'name="back"' not in page.content.decode()
    assert browser.post(address, {"reason": "mended"})["Location"] == "/s/archive/production/"


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/review",
        "//evil.example/review",
        "///evil.example/review",
        "/\\evil.example/review",
        "http:/review",
        "javascript:alert(1)//review",
        "/logout",
        "/review/../logout",
        "/reviews",
        "review",
        "/review?service=" + "a" * 500,
        "//[/review",
    ],
)
def test_no_form_leads_anywhere_but_to_the_review(back: str, browser: Client) -> None:
    address = _freeze()
    assert "evil" not in browser.get(address, {"back": back}).content.decode()
    answer = browser.post(address, {"reason": "mended", "back": back})
    assert (answer.status_code, answer["Location"]) == (303, "/s/archive/production/")


def test_a_line_break_in_the_way_back_breaks_no_header(browser: Client) -> None:
    answer = browser.post(_freeze(), {"reason": "mended", "back": "/review?service=a\r\nSet-Cookie: x=1"})
    assert answer.status_code == 303
    assert answer["Location"].startswith("/review?service=a")
    assert "x" not in answer.cookies


def test_each_result_of_a_release_is_answered_by_itself(browser: Client) -> None:
    address = _result()
    Release.objects.update(expected_result="readers see teasers; editors see a preview")
    first, second = (f"{address.removesuffix('2')}{number}" for number in (1, 2))
    page = browser.get(REVIEW)
    browser.post(first, fields_of(page, first) | {"came_true": "true", "note": "seen"})
    page = browser.get(REVIEW)
    assert "Did it come true? (1) Kept that it came true: archive 2026.11.3" in words(page)
    assert f'action="{first}"' not in page.content.decode()
    browser.post(second, fields_of(page, second) | {"came_true": "true", "note": "seen too"})
    assert "Did it come true? (1)" not in words(browser.get(REVIEW))


def test_a_note_counts_until_it_is_measured_anew(browser: Client) -> None:
    live = _unmeasured()
    Note.objects.create(release=live.release, author="Ana", at=timezone.now(), text="Too few readers at night.")
    assert "Live, and not measured" not in words(browser.get(REVIEW))
    ChecklistRun.objects.filter(pk=live.verify_run_id).update(finished_at=timezone.now() + timedelta(minutes=5))
    assert "Live, and not measured (1)" in words(browser.get(REVIEW))


def test_an_acceptance_that_has_ended_asks_again(browser: Client) -> None:
    live = _unmeasured()
    held = Deployment.objects.filter(pk=live.pk)
    held.update(accepted=True, accepted_until=timezone.now() + timedelta(days=1))
    assert "Live, and not measured" not in words(browser.get(REVIEW))
    held.update(accepted_until=timezone.now() - timedelta(minutes=1))
    assert "Live, and not measured (1)" in words(browser.get(REVIEW))


def test_what_nobody_carries_out_comes_back_after_an_hour(browser: Client) -> None:
    """A queue that nobody works hides no decision."""
    address = _checklist()
    browser.post(address)
    assert "Live, and not measured" not in words(browser.get(REVIEW))
    waiting = ChecklistRun.objects.filter(purpose=Purpose.VERIFY, status=RunStatus.QUEUED)
    waiting.update(created_at=timezone.now() - timedelta(minutes=61))
    assert "Live, and not measured (1)" in words(browser.get(REVIEW))


def test_a_service_without_a_place_to_rehearse_in_says_what_it_takes(browser: Client) -> None:
    _rehearsal()
    Environment.objects.filter(key="staging").update(command_names=["deploy"])
    told = words(browser.get(REVIEW))
    assert "No other environment of archive can rehearse: one needs the commands deploy and rollback" in told


def test_the_rehearsal_is_filled_with_the_newest_release_that_is_neither_live_there_nor_bad(browser: Client) -> None:
    address = _rehearsal()
    newest = factory.release(Service.objects.get(), "2026.11.9")
    assert fields_of(browser.get(REVIEW), address)["version"] == "2026.11.9"
    Release.objects.filter(pk=newest.pk).update(bad_since=timezone.now())
    assert fields_of(browser.get(REVIEW), address)["version"] == "2026.11.4"


def test_two_forms_with_the_same_field_are_told_apart(browser: Client) -> None:
    _freeze()
    other = factory.environment(key="production-2", production=True)
    Freeze.objects.create(environment=other, reason="slow", frozen_by="Cho", frozen_at=timezone.now())
    found = re.findall(r'\bid="([^"]+)"', browser.get(REVIEW).content.decode())
    assert len(found) == len(set(found))


@pytest.mark.parametrize("role", ["lead", "viewer"])
def test_the_number_of_queries_does_not_grow_with_what_can_be_answered(role: str, ana: User) -> None:
    client = signed_in(factory.person("kim", role))
    factory.undecided("s-0", ana)
    client.get("/review")
    few = queries_of(lambda: client.get("/review"))
    for number in range(1, 7):
        factory.undecided(f"s-{number}", ana)
    assert "Needs a decision (42)" in words(client.get("/review"))
    assert queries_of(lambda: client.get("/review")) == few


def test_no_kind_lists_more_than_twenty(browser: Client) -> None:
    for number in range(21):
        place = factory.environment(factory.service(f"s-{number}"))
        Freeze.objects.create(environment=place, reason="x", frozen_by="Cho", frozen_at=timezone.now())
    page = browser.get("/review")
    assert "Frozen (20 or more)" in words(page)
    assert page.content.decode().count('/lift"') == 20


def test_each_answer_is_in_the_book_as_from_its_own_page(browser: Client) -> None:
    address = _freeze()
    browser.post(address, fields_of(browser.get(REVIEW), address) | {"reason": "2026.11.5 fixes it"})
    event = Event.objects.get()
    assert (event.action, event.actor) == ("environment:freeze_lifted", "Ana Ruiz")
    assert event.payload["reason"] == "2026.11.5 fixes it"


def test_a_rollback_that_is_still_on_is_said_where_its_freeze_is_lifted(browser: Client, ana: User) -> None:
    _freeze()
    target, live = Deployment.objects.order_by("pk")
    rollback = factory.rollback(live.environment, target, live, ana)
    Freeze.objects.update(rollback=rollback)
    assert f"{rollback.tag} is still on: wait for its outcome" in words(browser.get(REVIEW))
    Rollback.objects.update(status=RollbackStatus.DONE, outcome=Outcome.RESTORED)
    assert "is still on" not in words(browser.get(REVIEW))
