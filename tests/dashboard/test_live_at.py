"""What was live at a moment: the sentence, the form, and moments that are none."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from releases.models import Deployment, Environment, Rehearsal
from releases.states import DeploymentKind, DeploymentStatus, Verdict
from tests import factory
from tests.dashboard.pages import links, queries_of, signed_in, words

pytestmark = pytest.mark.django_db

PAGE = "/s/archive/production/at"


@pytest.fixture
def client() -> Client:
    return signed_in(factory.lead())


def finished(place: Environment, version: str, at: datetime, **fields: object) -> Deployment:
    made = factory.deployed(place, version, **fields)  # type: ignore[arg-type]
    Deployment.objects.filter(pk=made.pk).update(started_at=at - timedelta(minutes=5), finished_at=at)
    return made


@pytest.fixture
def place() -> Environment:
    """3.8.1 from 2 February on, 3.8.2 from 1 March on, and one that failed after that."""
    place = factory.environment()
    finished(place, "3.8.1", datetime(2026, 2, 2, 10, tzinfo=UTC))
    finished(place, "3.8.2", datetime(2026, 3, 1, 12, tzinfo=UTC))
    failed = finished(place, "3.8.3", datetime(2026, 3, 10, tzinfo=UTC), verdict=Verdict.FAIL, live=False)
    Deployment.objects.filter(pk=failed.pk).update(status=DeploymentStatus.FAILED)
    return place


def test_it_is_answered_in_a_sentence(client: Client, place: Environment) -> None:
    response = client.get(PAGE, {"t": "2026-03-14T09:00:00Z"})
    assert "On 14 Mar 2026 09:00 UTC, 3.8.2 was live ( Ben Okafor , pass )." in words(response).replace(" ,", ",", 1)
    assert "live from 1 Mar 2026 12:00 UTC until now" in words(response)
    deployment = Deployment.objects.get(release__version="3.8.2")
    assert f"/releases/{deployment.release_id}?deployment={deployment.pk}" in links(response)


@pytest.mark.parametrize(
    ("t", "version"),
    [
        ("2026-02-02T10:00:00Z", "3.8.1"),
        ("2026-03-01T11:59:59.999Z", "3.8.1"),
        ("2026-03-01T12:00:00Z", "3.8.2"),
        ("2026-03-01T12:59:00+01:00", "3.8.1"),
        ("2026-03-01T13:00:00 01:00", "3.8.2"),
        ("2026-03-01t06:59:59-05:00", "3.8.1"),
    ],
)
def test_it_is_what_had_finished_last_by_then(client: Client, place: Environment, t: str, version: str) -> None:
    """A plus sign that an address did not escape arrives as a space."""
    assert f", {version} was live" in words(client.get(PAGE, {"t": t})).replace(" ,", ",")


def test_until_when_it_was_live_is_told(client: Client, place: Environment) -> None:
    said = words(client.get(PAGE, {"t": "2026-02-10T00:00:00Z"}))
    assert "live from 2 Feb 2026 10:00 UTC until 1 Mar 2026 12:00 UTC" in said


def test_before_the_first_deployment_there_is_no_record(client: Client, place: Environment) -> None:
    assert "No record before 2 Feb 2026 10:00 UTC ." in words(client.get(PAGE, {"t": "2026-02-02T09:59:59Z"}))


def test_where_nothing_was_deployed_it_says_so(client: Client) -> None:
    factory.environment()
    assert "Nothing was deployed here yet." in words(client.get(PAGE, {"t": "2026-02-02T09:59:59Z"}))


def test_without_a_moment_it_is_now(client: Client, place: Environment) -> None:
    assert "3.8.2 is live" in words(client.get(PAGE))


def test_a_moment_to_come_is_answered_for_now_and_says_so(client: Client, place: Environment) -> None:
    said = words(client.get(PAGE, {"t": "2099-01-01T00:00:00Z"}))
    assert "1 Jan 2099 00:00 UTC is still to come. This is so now:" in said
    assert "3.8.2 is live" in said


def test_a_rollback_says_which_and_why(client: Client) -> None:
    place, target, live = factory.story()
    back = finished(place, "2026.11.3", timezone.now(), kind=DeploymentKind.ROLLBACK)
    rollback = factory.rollback(
        place, target, live, factory.on_call(), status="done", outcome="restored", words="leak", deployment=back
    )
    response = client.get(PAGE)
    assert f"By the rollback {rollback.tag} : Checklist failing: leak" in words(response)
    assert rollback.get_absolute_url() in links(response)


def test_what_a_rehearsal_took_back_gives_way_to_what_was_there_before(client: Client) -> None:
    place = factory.environment(key="staging")
    before = finished(place, "1.0", datetime(2026, 3, 1, tzinfo=UTC))
    rehearsed = finished(place, "1.1", datetime(2026, 3, 2, 10, tzinfo=UTC), kind=DeploymentKind.REHEARSAL)
    rehearsal = Rehearsal.objects.create(
        environment=place,
        release=rehearsed.release,
        back_to=before,
        deployment=rehearsed,
        requester=factory.on_call(),
        pressed_at=datetime(2026, 3, 2, 9, 59, tzinfo=UTC),
        ended_at=datetime(2026, 3, 2, 10, 5, tzinfo=UTC),
        status="done",
        outcome="proven",
    )
    page = "/s/archive/staging/at"
    during = words(client.get(page, {"t": "2026-03-02T10:01:00Z"}))
    assert "1.1 was live" in during
    assert f"put there by the rehearsal {rehearsal.tag}" in during
    assert "until 2 Mar 2026 10:05 UTC" in during
    assert "1.0 was live" in words(client.get(page, {"t": "2026-03-02T10:06:00Z"}))


def test_the_forms_time_is_on_the_persons_clock_and_leads_to_an_address_for_everybody(place: Environment) -> None:
    client = signed_in(factory.person("ben", "lead", time_zone="Europe/Berlin"))
    response = client.get(PAGE, {"local": "2026-03-14T10:00"})
    assert response["Location"] == f"{PAGE}?t=2026-03-14T09%3A00%3A00Z"
    page = client.get(response["Location"])
    assert "Day and time (Europe/Berlin)" in words(page)
    assert "On 14 Mar 2026 10:00 CET" in words(page)
    assert 'value="2026-03-14T10:00"' in page.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "t=2026-02-30T00:00:00Z",
        "t=2026-03-14T09:00:00",
        "t=2026-03-14",
        "t=9999-12-31T23:59:59Z",
        "t=1773478800000",
        "t=yesterday",
        "t=2026-03-14T25:00:00Z",
        "t=%00",
    ],
)
def test_a_moment_that_is_none_is_refused_with_what_was_expected(
    client: Client, place: Environment, query: str
) -> None:
    """C42"""
    response = client.get(f"{PAGE}?{query}")
    assert response.status_code == 422
    assert "Expected: RFC 3339 with offset, such as 2026-03-14T09:00:00Z." in words(response)


@pytest.mark.parametrize("local", ["2026-02-30T00:00", "soon", "0001-01-01T00:00"])
def test_a_forms_time_that_is_none_is_named_beside_its_field(client: Client, place: Environment, local: str) -> None:
    response = client.get(PAGE, {"local": local})
    assert response.status_code == 422
    assert 'id="error-local"' in response.content.decode()


def test_a_long_history_costs_no_more(client: Client, place: Environment) -> None:
    few = queries_of(lambda: client.get(PAGE))
    for number in range(20):
        finished(place, f"4.{number}", datetime(2026, 4, 1 + number, tzinfo=UTC))
    assert queries_of(lambda: client.get(PAGE)) == few <= 8


def test_an_environment_that_does_not_exist_is_not_found(client: Client) -> None:
    assert client.get("/s/archive/nowhere/at").status_code == 404
