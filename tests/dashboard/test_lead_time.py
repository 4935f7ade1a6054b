"""Lead time for changes: from the oldest commit in a release to its first deployment to production."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from releases.models import Deployment, Environment, Release
from releases.queries.delivery import Period
from releases.queries.lead_time import LeadTimes, lead_times
from releases.states import DeploymentKind, DeploymentStatus
from tests import factory
from tests.dashboard.pages import signed_in, words

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 9, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PERIOD = Period(START, START + timedelta(days=7))


@pytest.fixture
def place() -> Environment:
    return factory.environment()


def came(place: Environment, version: str, hours: float | None, at: datetime = START, **fields: Any) -> Deployment:
    """Have a release come somewhere, so many hours after its oldest commit; None: nobody said when that was."""
    deployment = factory.deployed(place, version, None)
    Deployment.objects.filter(pk=deployment.pk).update(finished_at=at, **fields)
    if hours is not None:
        Release.objects.filter(pk=deployment.release_id).update(committed_at=at - hours * HOUR)
    return deployment


def test_it_is_the_median_of_those_of_which_it_is_known(place: Environment) -> None:
    for number, hours in enumerate((1, 2, 30, None)):
        came(place, f"1.{number}", hours)
    assert lead_times(PERIOD) == LeadTimes(median=2 * 3600, known=3, releases=4)
    came(place, "1.9", 4)
    assert lead_times(PERIOD) == LeadTimes(median=3 * 3600, known=4, releases=5)


def test_where_nobody_said_it_there_is_none(place: Environment) -> None:
    assert lead_times(PERIOD) == LeadTimes(median=None, known=0, releases=0)
    came(place, "1.0", None)
    assert lead_times(PERIOD) == LeadTimes(median=None, known=0, releases=1)


def test_a_release_counts_once_when_it_first_came_to_production(place: Environment) -> None:
    """Neither a second region nor a second time is another change."""
    second = factory.environment(key="second", production=True)
    came(place, "1.0", 5)
    again = came(second, "1.0", None, START)
    came(place, "1.0", None, START + 2 * HOUR)
    assert lead_times(PERIOD) == LeadTimes(median=5 * 3600, known=1, releases=1)
    assert lead_times(Period(START + HOUR, PERIOD.end)) == LeadTimes(median=None, known=0, releases=0)
    Deployment.objects.filter(pk=again.pk).update(finished_at=START - HOUR)
    assert lead_times(Period(START - HOUR, PERIOD.end)).median == 4 * 3600


@pytest.mark.parametrize(
    "fields",
    [{"status": DeploymentStatus.FAILED}, {"kind": DeploymentKind.ROLLBACK}, {"kind": DeploymentKind.REHEARSAL}],
)
def test_only_a_deployment_that_succeeded_brings_a_change_to_production(
    place: Environment, fields: dict[str, str]
) -> None:
    came(place, "1.0", 1, **fields)
    assert lead_times(PERIOD).releases == 0
    came(place, "1.0", None, START + HOUR)
    assert lead_times(PERIOD) == LeadTimes(median=2 * 3600, known=1, releases=1)


def test_staging_is_not_production(place: Environment) -> None:
    came(factory.environment(key="staging"), "1.0", 1)
    came(place, "1.0", None, START + HOUR)
    assert lead_times(PERIOD).median == 2 * 3600


def test_a_commit_from_a_clock_that_is_ahead_took_no_time_and_not_less(place: Environment) -> None:
    came(place, "1.0", -0.05)
    assert lead_times(PERIOD).median == 0


def test_only_the_chosen_services_count(place: Environment) -> None:
    other = factory.environment(factory.service("search"))
    came(place, "1.0", 1)
    came(other, "1.0", 9)
    assert lead_times(PERIOD, [other.service_id]).median == 9 * 3600
    assert lead_times(PERIOD, []) == LeadTimes(median=None, known=0, releases=0)


def test_trends_says_it_with_its_definition_and_of_how_many_it_is_known(place: Environment) -> None:
    for number, hours in enumerate((2, 4, None, None, None)):
        came(place, f"1.{number}", hours, timezone.now())
    told = words(signed_in(factory.lead()).get("/trends"))
    assert "Lead time, median 3 h before: – not known from the oldest commit in a release" in told
    assert "to the end of its first deployment to production; known of 2 of 5 releases" in told
