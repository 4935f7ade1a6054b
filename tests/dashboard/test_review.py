"""A lead's review: figures of a time, and what needs a decision."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from releases.models import Deployment, Freeze, Note, Rehearsal, Release, Rollback, User
from releases.states import (
    DeploymentStatus,
    Expected,
    Outcome,
    RehearsalOutcome,
    RehearsalStatus,
    RollbackStatus,
    Verdict,
)
from tests import factory
from tests.dashboard.pages import links, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    return factory.lead()


def review(who: User, **asked: str) -> Any:
    return signed_in(who).get("/review", asked)


def undone(live: Deployment, target: Deployment, by: User, **fields: Any) -> Rollback:
    now = timezone.now()
    given = {"status": RollbackStatus.DONE, "outcome": Outcome.RESTORED, "pressed_at": now, "ended_at": now} | fields
    return factory.rollback(live.environment, target, live, by, **given)


def test_nothing_open_says_so(ana: User) -> None:
    told = words(review(ana))
    assert "Deployments 0 before: 0 Failed – no deployment before: – no deployment" in told
    assert "As expected – nothing known yet before: – nothing known" in told
    assert "Nothing open. 0 deployments." in told


def test_figures_stand_beside_those_of_the_time_before(ana: User) -> None:
    _, target, live = factory.story()
    undone(live, target, ana)
    week = timedelta(days=7)
    Deployment.objects.filter(pk=target.pk).update(finished_at=timezone.now() - week)
    today = timezone.now().date()
    told = words(review(ana, **{"from": (today - timedelta(days=6)).isoformat(), "to": today.isoformat()}))
    assert "Deployments 1 before: 1" in told
    assert "Failed 1 of 1 (100 %) before: 0 of 1 (0 %)" in told
    assert "Restored in, median under 0.1 s before: – no rollback" in told


def test_a_deployment_counts_as_failed_when_its_command_failed_or_a_rollback_was_run_against_it(ana: User) -> None:
    place, target, live = factory.story()
    factory.deployed(place, "2026.11.5", live=False)
    undone(live, target, ana)
    Deployment.objects.filter(release__version="2026.11.5").update(status=DeploymentStatus.FAILED)
    assert "Failed 2 of 3 (67 %)" in words(review(ana))
    Rollback.objects.update(status=RollbackStatus.CANCELLED, outcome="")
    assert "Failed 1 of 3 (33 %)" in words(review(ana))


def test_staging_does_not_count(ana: User) -> None:
    factory.deployed(factory.environment(key="staging"), "2026.11.3")
    assert "Deployments 0" in words(review(ana))


def test_each_kind_of_open_decision_is_listed(ana: User) -> None:
    place, target, live = factory.story()
    now = timezone.now()
    Deployment.objects.filter(pk=target.pk).update(expected=Expected.TO_CONFIRM)
    Deployment.objects.filter(pk=live.pk).update(verdict=Verdict.INCONCLUSIVE)
    Release.objects.filter(pk=live.release_id).update(bad_since=now, bad_by="Cho Park", bad_reason="RB-1: leak")
    Freeze.objects.create(environment=place, reason="leak", frozen_by="Cho Park", frozen_at=now)
    rollback = undone(live, target, ana)
    place.requires_rehearsal = True
    place.save()
    response = review(ana)
    told = words(response)
    assert "Needs a decision (6)" in told
    assert "Did it come true? (1) pass 2026.11.3 archive/production" in told
    assert "Frozen (1) frozen archive/production" in told
    assert "Live, and not measured (1) inconclusive 2026.11.4" in told
    assert "Run the checklist of archive/production again" in told
    assert "Bad, and nobody wrote what to change (1) bad archive 2026.11.4" in told
    assert (
        "Rehearsals too old (1) archive/production never rehearsed; it asks for a rehearsal before each deployment"
        in told
    )
    assert f"Rollbacks without a note (1) restored {rollback.tag}" in told
    assert "<title>6 to decide · Review · Rollbook</title>" in response.content.decode()


def test_a_figure_leads_to_the_list_of_what_it_counts(ana: User) -> None:
    factory.story()
    response = review(ana, service="archive", **{"from": "2026-03-02", "to": "2026-03-08"})
    days = "service=archive&from=2026-03-02&to=2026-03-08"
    assert f"/history?{days}&kind=deployment" in links(response)
    assert f"/history?{days}&kind=rollback" in links(response)


def test_a_note_answers_what_asked_for_one(ana: User) -> None:
    _, target, live = factory.story()
    now = timezone.now()
    Release.objects.filter(pk=live.release_id).update(bad_since=now, bad_by="Cho", bad_reason="leak")
    rollback = undone(live, target, ana)
    Note.objects.create(release=live.release, author="Ben", at=now, text="A lock was missing; fixed in 2026.11.5.")
    Note.objects.create(rollback=rollback, author="Cho", at=now, text="Handed over.")
    assert "Nothing open." in words(review(ana))


def test_a_rehearsal_of_long_ago_is_too_old_and_one_of_today_is_not(ana: User) -> None:
    _, target, live = factory.story()
    staging = factory.environment(key="staging")
    rehearsal = Rehearsal.objects.create(
        environment=staging,
        release=live.release,
        back_to=target,
        requester=ana,
        requested_by=ana.name,
        pressed_at=timezone.now(),
        ended_at=timezone.now() - timedelta(days=15),
        status=RehearsalStatus.DONE,
        outcome=RehearsalOutcome.PROVEN,
    )
    assert "Rehearsals too old (1) archive/production last proven" in words(review(ana))
    Rehearsal.objects.filter(pk=rehearsal.pk).update(ended_at=timezone.now())
    assert "Rehearsals too old" not in words(review(ana))


def test_one_service_alone_can_be_looked_at(ana: User) -> None:
    factory.story()
    payments = factory.environment(factory.service("payments"))
    factory.deployed(payments, "3.9.0")
    assert "Deployments 3" in words(review(ana))
    assert "Deployments 1" in words(review(ana, service="payments"))
    assert "Deployments 3" in words(review(ana, service="no-such"))


@pytest.mark.parametrize(
    "asked",
    [
        ("2026-02-30", "2026-03-01"),
        ("2026-03-02", "2026-03-01"),
        ("yesterday", ""),
        ("9999-01-01", ""),
        ("0001-01-01", ""),
    ],
)
def test_days_that_are_none_are_refused_in_words_and_the_usual_time_is_shown(ana: User, asked: tuple[str, str]) -> None:
    """C42"""
    told = words(review(ana, **{"from": asked[0], "to": asked[1]}))
    assert "These are not the days of a time. Expected: two days such as 2026-03-01 and 2026-03-31" in told


def test_somebody_without_a_permission_reads_and_is_offered_nothing() -> None:
    place, _, live = factory.story()
    Deployment.objects.filter(pk=live.pk).update(verdict=Verdict.ERROR)
    Freeze.objects.create(environment=place, reason="leak", frozen_by="Cho", frozen_at=timezone.now())
    response = review(factory.person("vic", "viewer"))
    assert "Run the checklist" not in words(response)
    assert not any("lift" in link for link in links(response))


def test_the_review_can_be_taken_along_as_markdown_with_foreign_text_made_plain(ana: User) -> None:
    place = factory.environment()
    Freeze.objects.create(
        environment=place,
        reason="a [link](http://evil.example) | `x`\n# big",
        frozen_by="Cho",
        frozen_at=timezone.now(),
    )
    page = review(ana).content.decode()
    text = page[page.index('<textarea id="markdown"') :].partition("</textarea>")[0]
    assert "| Deployments to production | 0 | 0 |" in text
    assert (
        r"- [archive/production is frozen: a \[link\](http://evil.example) \| \`x\` \# big](http://testserver/s/"
        in text
    )
