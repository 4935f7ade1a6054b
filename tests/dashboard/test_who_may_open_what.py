"""Every address × every role, from the URL configuration itself: an address that nobody classified fails."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from releases.groups import GROUPS, groups_with
from releases.models import Acceptance, Deployment, Event, Finding, Freeze, ProbeRun, Rehearsal, Service
from releases.states import Level, RollbackStatus
from tests import factory
from tests.dashboard.pages import HTMX, signed_in

pytestmark = pytest.mark.django_db

EVERYBODY = {"healthz", "login"}
"""Open to people who are not signed in."""
BY_LINK = {"password_link", "password_choose"}
"""Open to whoever has a link that works."""
SIGNED_IN = {
    "account",
    "account_password",
    "account_token_new",
    "board",
    "history",
    "review",
    "setup",
    "workers",
    "trends",
    "history_csv",
    "history_jsonl",
    "runbook",
    "service",
    "release_by_version",
    "environment",
    "live_at",
    "confirm",
    "release",
    "deployment",
    "rehearsal",
    "rollback",
    # Forms may be read by everybody: somebody without the permission reads who has it.
    "deployment_start",
    "deployment_finish",
    "deploy",
    "rehearse",
    "release_register",
    "release_notes",
    "rollback_notes",
    "finding_accept",
    "result_confirm",
    "freeze_lift",
    "rollback_override",
    "rollback_verify",
}
"""Pages for everybody who is signed in."""
REGIONS = {
    "board_live",
    "environment_live",
    "confirm_live",
    "release_live",
    "deploy_command",
    "deployment_live",
    "rehearsal_live",
    "rollback_live",
}
"""Live regions of such pages: 401 with the way to sign in for anybody else."""
ACTIONS = {
    "deployment_start": "report_deployment",
    "deployment_finish": "report_deployment",
    "deployment_stop": "deploy",
    "deploy": "deploy",
    "rehearse": "deploy",
    "rehearsal_stop": "deploy",
    "confirm": "roll_back",
    "rollback_cancel": "roll_back",
    "rollback_stop": "roll_back",
    "rollback_override": "roll_back",
    "rollback_verify": "roll_back",
    "checklist_again": "run_checklist",
    "finding_accept": "accept_finding",
    "acceptance_withdraw": "accept_finding",
    "result_confirm": "confirm_result",
    "release_register": "register_release",
    "release_notes": "add_note",
    "rollback_notes": "add_note",
    "freeze_lift": "lift_freeze",
}
"""What a POST does, and the permission that it needs."""
BOOK = {
    "audit",
    "audit_csv",
    "audit_jsonl",
    "audit_events",
    "audit_events_csv",
    "audit_events_jsonl",
    "audit_verifier",
    "audit_releases",
    "audit_release",
    "audit_release_html",
    "audit_release_json",
}
"""Pages that show the whole book: for whoever holds `read_book`."""
PEOPLE = {"people", "person_new", "person"}
"""Pages for whoever holds `manage_people`."""
PEOPLE_ACTIONS = {
    "person_new",
    "person_group_give",
    "person_group_take",
    "person_link",
    "person_close",
    "person_open",
}
"""What a POST does there, for the same people."""
OF_A_SERVICE = set(ACTIONS)
"""Those that are about one service: a group may hold for it alone."""
OWN = {
    "logout",
    "service_mine",
    "account_zone",
    "account_token_revoke",
    "account_session_end",
    "account_sessions_end",
}
"""About the signed-in person alone."""
API = "api_"
"""Asks for a token: tests/api/test_door.py."""

ROLES = (*GROUPS, "")
FORMS: dict[str, dict[str, str]] = {
    "deployment_start": {"version": "2026.11.5"},
    "deployment_finish": {"succeeded": "true"},
    "deploy": {"version": "2026.11.5"},
    "rehearse": {"version": "2026.11.5"},
    "rollback_override": {"reason": "it hangs"},
    "rollback_verify": {"reason": "web-2 answers again"},
    "finding_accept": {"reason": "known"},
    "acceptance_withdraw": {"reason": "mended"},
    "result_confirm": {"came_true": "true", "note": "seen"},
    "release_notes": {"text": "a note"},
    "rollback_notes": {"text": "a note"},
    "freeze_lift": {"reason": "mended"},
    "release_register": {
        "service": "archive",
        "version": "2026.11.6",
        "owner": "Ana",
        "expected_result": "faster",
        "rollback_note": "back",
    },
}


PEOPLE_FORMS: dict[str, dict[str, str]] = {
    "person_new": {"username": "new", "group": "viewer"},
    "person_group_give": {"group": "auditor"},
    "person_close": {"reason": "left"},
}


def names(resolver: URLResolver | None = None) -> Iterator[str]:
    """Yield the name of every address."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern)
        else:
            assert isinstance(pattern, URLPattern)
            yield pattern.name or str(pattern.pattern)


@pytest.fixture
def addresses() -> dict[str, str]:
    """An address for each name, leading to something that is there."""
    place, target, live = factory.story()
    promising = factory.release(place.service, "2026.11.5", expected_result="readers see teasers")
    staging = factory.environment(place.service, "staging", command_names=["deploy", "rollback"])
    factory.deployed(staging, "2026.11.4")
    user = factory.person("dee", "lead")
    rollback = factory.rollback(place, target, live, user, status=RollbackStatus.QUEUED)
    freeze = Freeze.objects.create(environment=place, reason="leak", frozen_by="Cho", frozen_at=timezone.now())
    probe = ProbeRun.objects.filter(run=live.verify_run).latest("pk")
    finding = Finding.objects.create(probe_run=probe, kind="slow", level=Level.FAIL, sentence="It is slow.")
    acceptance = Acceptance.objects.create(
        environment=place,
        release=live.release,
        finding=finding,
        identity="0" * 64,
        reason="known",
        accepted_by="Ana",
        accepted_at=timezone.now(),
    )
    assert staging.live is not None
    rehearsal = Rehearsal.objects.create(
        environment=staging,
        release=live.release,
        back_to=staging.live,
        requester=user,
        requested_by=user.name,
        pressed_at=timezone.now(),
    )
    here = {"service": "archive", "environment": "production"}
    there = {"service": "archive", "environment": "staging"}
    numbers = {"rollback": rollback.pk, "rehearsal": rehearsal.pk, "release": live.release_id, "deployment": live.pk}
    numbers |= {"audit": live.release_id, "person": user.pk}
    numbers |= {"finding": finding.pk, "acceptance": acceptance.pk, "freeze": freeze.pk}
    given: dict[str, dict[str, Any]] = {
        "service": {"service": "archive"},
        "account_token_revoke": {"pk": 1},
        "account_session_end": {"pk": 1},
        "password_link": {"pk": user.pk, "secret": default_token_generator.make_token(user)},
        "person_group_take": {"pk": user.pk, "membership": user.memberships.get().pk},
        "service_mine": {"service": "archive"},
        "result_confirm": {"pk": promising.pk, "number": 1},
        "release_by_version": {"service": "archive", "version": "2026.11.4"},
        **dict.fromkeys(("deploy", "deploy_command", "rehearse"), there),
        **dict.fromkeys(("environment", "environment_live", "deployment_start", "checklist_again"), here),
        **dict.fromkeys(("confirm", "confirm_live", "live_at"), here),
    }

    def address(name: str) -> str:
        if name in given:
            return reverse(name, kwargs=given[name])
        try:
            return reverse(name)
        except NoReverseMatch:
            return reverse(name, kwargs={"pk": numbers[name.split("_")[0]]})

    return {name: address(name) for name in classified()}


def classified() -> set[str]:
    return EVERYBODY | BY_LINK | SIGNED_IN | REGIONS | set(ACTIONS) | BOOK | PEOPLE | PEOPLE_ACTIONS | OWN


def browser(role: str) -> Client:
    return signed_in(factory.person("someone", role)) if role else Client()


def test_every_address_is_classified() -> None:
    found = {name for name in names() if not name.startswith(API)}
    assert found == classified()


@pytest.mark.parametrize("role", ROLES)
def test_pages_are_for_everybody_who_is_signed_in(role: str, addresses: dict[str, str]) -> None:
    client = browser(role)
    for name in sorted(SIGNED_IN):
        answer = client.get(addresses[name])
        if role:
            assert answer.status_code == 200 or (answer.status_code == 302 and "/login" not in answer["Location"]), name
        else:
            assert answer.status_code == 302, name
            assert answer["Location"].startswith("/login?next="), name


@pytest.mark.parametrize("role", ROLES)
def test_live_regions_never_answer_somebody_who_is_signed_out(role: str, addresses: dict[str, str]) -> None:
    client = browser(role)
    for name in sorted(REGIONS):
        assert client.get(addresses[name], headers=HTMX).status_code == (200 if role else 401), name


@pytest.mark.parametrize("role", ROLES)
def test_an_action_is_refused_to_whoever_lacks_its_permission(role: str, addresses: dict[str, str]) -> None:
    client = browser(role)
    target, live = Deployment.objects.filter(environment__key="production").order_by("pk")
    forms = FORMS | {"confirm": {"live": str(live.pk), "target": str(target.pk), "reason": "other"}}
    for name, permission in ACTIONS.items():
        answer = client.post(addresses[name], forms.get(name, {}) | {"key": f"k-{name}"})
        if not role:
            assert answer.status_code in (302, 403), name
        else:
            assert (answer.status_code == 403) is (permission not in GROUPS[role]), (name, answer.status_code)
            assert answer.status_code < 500, name


@pytest.mark.parametrize("role", ROLES)
def test_the_whole_book_is_for_those_who_may_read_it(role: str, addresses: dict[str, str]) -> None:
    client = browser(role)
    for name in sorted(BOOK):
        answer = client.get(addresses[name])
        if role:
            assert answer.status_code == (200 if "read_book" in GROUPS[role] else 403), name
        else:
            assert (answer.status_code, answer["Location"].startswith("/login?next=")) == (302, True), name


@pytest.mark.parametrize("of", ["archive", "payments"])
def test_a_group_that_holds_for_one_service_allows_nothing_for_another(of: str, addresses: dict[str, str]) -> None:
    """C27: reading is for everybody who is signed in, so there is nothing to hide; the refusal is in the book."""
    lead = factory.person("someone", "lead", Service.objects.filter(key=of).first() or factory.service(of))
    client = signed_in(lead)
    target, live = Deployment.objects.filter(environment__key="production").order_by("pk")
    forms = FORMS | {"confirm": {"live": str(live.pk), "target": str(target.pk), "reason": "other"}}
    refused = {
        name
        for name in OF_A_SERVICE
        if client.post(addresses[name], forms.get(name, {}) | {"key": f"k-{name}"}).status_code == 403
    }
    assert refused == (set() if of == "archive" else OF_A_SERVICE)
    told = Event.objects.filter(action="permission:denied")
    assert {event.payload["details"]["permission"] for event in told} == {ACTIONS[name] for name in refused}


@pytest.mark.parametrize("role", ROLES)
def test_people_are_for_those_who_manage_them(role: str, addresses: dict[str, str]) -> None:
    client = browser(role)
    manages = role in groups_with("manage_people")
    for name in sorted(PEOPLE):
        answer = client.get(addresses[name])
        if role:
            assert answer.status_code == (200 if manages else 403), name
        else:
            assert (answer.status_code, answer["Location"].startswith("/login?next=")) == (302, True), name
    for name in sorted(PEOPLE_ACTIONS):
        answer = client.post(addresses[name], PEOPLE_FORMS.get(name, {}))
        if role:
            assert (answer.status_code == 403) is not manages, (name, answer.status_code)
            assert answer.status_code < 500, name
        else:
            assert answer.status_code in (302, 403), name


def test_a_lead_of_one_service_manages_nobody(addresses: dict[str, str]) -> None:
    client = signed_in(factory.person("someone", "lead", Service.objects.get()))
    assert {client.get(addresses[name]).status_code for name in PEOPLE} == {403}
    posted = {client.post(addresses[name], PEOPLE_FORMS.get(name, {})).status_code for name in PEOPLE_ACTIONS}
    assert posted == {403}


def test_after_an_ended_session_the_sign_in_leads_to_a_page(addresses: dict[str, str]) -> None:
    """C22: the way back from a press is never an address that only takes presses."""
    lead = signed_in(factory.lead())
    for name in sorted(set(ACTIONS) | PEOPLE_ACTIONS | OWN - {"logout"}):
        answer = Client().post(addresses[name])
        found = re.search(r"/login\?next=([^\"]+)", answer.get("Location", answer.content.decode()))
        assert found, (name, answer.status_code)
        assert lead.get(unquote(found[1])).status_code in (200, 302), name


def test_what_is_open_to_everybody_is_only_the_health_and_the_sign_in(addresses: dict[str, str]) -> None:
    for name in EVERYBODY:
        assert Client().get(addresses[name]).status_code == 200


def test_a_password_is_chosen_by_whoever_has_the_link_and_by_nobody_else(addresses: dict[str, str]) -> None:
    assert Client().get(addresses["password_choose"]).status_code == 410
    client = Client()
    assert client.get(addresses["password_link"])["Location"] == addresses["password_choose"]
    assert client.get(addresses["password_choose"]).status_code == 200
