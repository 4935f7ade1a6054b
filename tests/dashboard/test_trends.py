"""Trends: figures with their definitions, week by week, and response times across releases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from releases.models import ChecklistRun, Deployment, ProbeRun, User
from releases.queries.delivery import Period, figures, weeks
from releases.states import DeploymentStatus, Expected, Outcome, Regression, RollbackStatus, Verdict
from tests import factory
from tests.dashboard.pages import queries_of, signed_in, words

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def ana() -> User:
    return factory.lead()


def trends(who: User, **asked: str) -> Any:
    return signed_in(who).get("/trends", asked)


def lately(days: float = 1) -> Period:
    now = timezone.now()
    return Period(now - days * DAY, now + DAY)


def six_deployments() -> Deployment:
    place = factory.environment()
    return [factory.deployed(place, f"1.{number}") for number in range(6)][-1]


def test_too_few_deployments_make_no_rate(ana: User) -> None:
    factory.story()
    assert "Needs 5 deployments in the period; 2 so far." in words(trends(ana))


def test_each_figure_stands_with_its_definition_and_the_time_before(ana: User) -> None:
    six_deployments()
    Deployment.objects.filter(release__version="1.5").update(status=DeploymentStatus.FAILED)
    Deployment.objects.filter(release__version="1.4").update(expected=Expected.AS_EXPECTED)
    told = words(trends(ana))
    assert "Change failure rate 1 of 6 (17 %) before: – whose command failed" in told
    assert "Deployment frequency 0.467 a week before: 0 a week deployments to production that ended" in told
    assert "As expected 1 of 1" in told
    assert "No rollback brought anything back in this time." in told


def test_the_time_to_restore_is_split_into_its_parts(ana: User) -> None:
    start = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
    place, target, live = factory.story()
    Deployment.objects.filter(pk=live.pk).update(finished_at=start)
    ChecklistRun.objects.filter(pk=live.verify_run_id).update(finished_at=start + timedelta(seconds=60))
    seconds = {"pressed_at": 180, "command_ended_at": 192, "ended_at": 200}
    factory.rollback(
        place,
        target,
        live,
        ana,
        status=RollbackStatus.DONE,
        outcome=Outcome.RESTORED,
        **{name: start + timedelta(seconds=after) for name, after in seconds.items()},
    )
    (restored,) = figures(Period(start - DAY, start + DAY)).restored
    assert (restored.detect, restored.decide, restored.run, restored.verify) == (60, 120, 12, 8)
    assert restored.total == 200
    assert not figures(Period(start + DAY, start + 2 * DAY)).restored


def test_what_users_saw_before_any_checklist_has_no_time_to_detect(ana: User) -> None:
    place, target, live = factory.story()
    ChecklistRun.objects.filter(pk=live.verify_run_id).update(verdict=Verdict.PASS)
    now = timezone.now()
    factory.rollback(
        place, target, live, ana, status=RollbackStatus.DONE, outcome=Outcome.RESTORED, pressed_at=now, ended_at=now
    )
    (restored,) = figures(lately()).restored
    assert (restored.detect, restored.decide) == (None, None)


def test_a_rollback_that_restored_nothing_does_not_count_as_restored(ana: User) -> None:
    place, target, live = factory.story()
    now = timezone.now()
    factory.rollback(place, target, live, ana, status=RollbackStatus.DONE, outcome=Outcome.NOT_RESTORED, ended_at=now)
    assert not figures(lately()).restored


def test_weeks_begin_on_monday_and_count_what_failed() -> None:
    place = factory.environment()
    first, second, third = (factory.deployed(place, f"1.{number}") for number in range(3))
    monday = datetime(2026, 3, 9, 0, 0, tzinfo=UTC)
    Deployment.objects.filter(pk=first.pk).update(finished_at=monday - timedelta(seconds=1))
    Deployment.objects.filter(pk=second.pk).update(finished_at=monday)
    Deployment.objects.filter(pk=third.pk).update(finished_at=monday + 3 * DAY, status=DeploymentStatus.FAILED)
    found = weeks(Period(monday - 7 * DAY, monday + 7 * DAY))
    assert [(each.start.date().isoformat(), each.deployments, each.failed) for each in found] == [
        ("2026-03-02", 1, 0),
        ("2026-03-09", 2, 1),
    ]


def test_response_times_of_a_service_are_drawn_and_stand_in_a_table(ana: User) -> None:
    place, target, live = factory.story()
    timed_like(target, 205)
    timed_like(live, 810)
    told = words(trends(ana, service="archive"))
    assert "p95 of the last 2 deployments" in told
    assert "2026.11.4 0 s ago" in told
    assert "fail 810 ms" in told
    page = trends(ana, service="archive").content.decode()
    assert "<title>archive/production, /articles: p95 of the last 2 deployments, 205 to 810\u202fms" in page
    assert place.key in told


def test_without_a_service_or_a_timing_the_page_says_what_is_missing(ana: User) -> None:
    factory.story()
    ProbeRun.objects.update(figures={})
    assert "Choose one service to see it." in words(trends(ana))
    assert "No checklist of archive has timed a route in production yet." in words(trends(ana, service="archive"))


def test_the_number_of_queries_does_not_grow_with_the_deployments(ana: User) -> None:
    client = signed_in(ana)
    last = six_deployments()
    timed_like(last, 200)
    client.get("/trends", {"service": "archive"})
    few = queries_of(lambda: client.get("/trends", {"service": "archive"}))
    for number in range(8):
        timed_like(factory.deployed(last.environment, f"2.{number}", Verdict.FAIL, Regression.YES), 300)
    assert queries_of(lambda: client.get("/trends", {"service": "archive"})) == few


def timed_like(deployment: Deployment, milliseconds: float) -> None:
    edge = {"p95_ms": milliseconds, "samples_ms": [milliseconds] * 30}
    factory.timed(deployment, {"routes": {"/articles": {"edge": edge}}})
