"""The history of everything: what is listed, every filter, pages by key, and what it costs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.views import history
from releases.models import ChecklistRun, Deployment, Rehearsal, Release
from releases.states import DeploymentKind, DeploymentStatus, Regression, Verdict
from tests import factory
from tests.dashboard.pages import asked_with, links, queries_of, signed_in, words
from tests.plans import walked_through

pytestmark = pytest.mark.django_db

PAGE = "/history"


@pytest.fixture
def client() -> Client:
    return signed_in(factory.lead())


def listed(response: HttpResponse) -> list[str]:
    """Return the rows of the table by their numbers, newest first."""
    source = response.content.decode()
    return [part.split('"')[0] for part in source.split('<tr id="')[1:]]


def rows(*deployments: Deployment) -> list[str]:
    return [f"deployment-{deployment.pk}" for deployment in deployments]


def told() -> dict[str, Deployment]:
    """Two services: one release rolled back, one still to be checked, one that failed to deploy."""
    place, target, live = factory.story()
    back = factory.deployed(place, "2026.11.3", kind=DeploymentKind.ROLLBACK)
    factory.rollback(
        place, target, live, factory.on_call(), status="done", outcome="restored", words="leak", deployment=back
    )
    other = factory.environment(factory.service("payments"), "staging")
    Release.objects.create(
        service=other.service,
        version="3.9.0",
        owner="Ana Ruiz",
        expected_result="faster",
        rollback_note="back",
        registered_by="Ana Ruiz",
        registered_at=timezone.now(),
    )
    unfit = factory.deployed(other, "3.9.0", None, live=False)
    Deployment.objects.filter(pk=unfit.pk).update(status=DeploymentStatus.FAILED)
    rehearsed = factory.deployed(other, "3.9.1", Verdict.ERROR, kind=DeploymentKind.REHEARSAL)
    Rehearsal.objects.create(
        environment=other,
        release=rehearsed.release,
        back_to=unfit,
        deployment=rehearsed,
        requester=factory.on_call("dee"),
        pressed_at=timezone.now(),
    )
    return {"target": target, "broken": live, "back": back, "unfit": unfit, "rehearsed": rehearsed}


# --- What is listed -------------------------------------------------------------------------------------------------


def test_a_book_without_deployments_says_what_comes_first(client: Client) -> None:
    response = client.get(PAGE)
    assert "Nothing was deployed yet. Register a release ; its pipeline" in words(response)
    assert "/releases/new" in links(response)


def test_deployments_rollbacks_and_rehearsals_of_everything_are_rows_newest_first(client: Client) -> None:
    made = told()
    response = client.get(PAGE)
    assert listed(response) == rows(*sorted(made.values(), key=lambda each: -each.pk))
    assert "archive/production" in words(response)
    assert "payments/staging" in words(response)


def test_a_chain_is_told_in_words_from_each_of_its_ends(client: Client) -> None:
    made = told()
    said, tag = words(client.get(PAGE)), made["back"].rollback.tag
    assert f"rollback {tag} undid 2026.11.4" in said
    assert f"deployment {made['broken'].tag} · undone by {tag}" in said
    assert f"deployment {made['target'].tag} · released again by {tag} as {made['back'].tag}" in said


def test_a_rollback_that_did_not_restore_undid_nothing(client: Client) -> None:
    made = told()
    made["back"].rollback.outcome = "not restored"
    made["back"].rollback.save()
    said = words(client.get(PAGE))
    assert "was to undo 2026.11.4" in said
    assert "released again" not in said


def test_a_bracket_leaves_out_what_happened_elsewhere_meanwhile(client: Client) -> None:
    place, target, live = factory.story()
    elsewhere = factory.deployed(factory.environment(factory.service("payments")), "3.9.0")
    back = factory.deployed(place, "2026.11.3", kind=DeploymentKind.ROLLBACK)
    factory.rollback(place, target, live, factory.on_call(), status="done", outcome="restored", deployment=back)
    source = client.get(PAGE).content.decode()
    assert f'<tr id="deployment-{elsewhere.pk}" data-state' in source
    assert source.count(' class="bracket" data-state') == 3


def test_the_menu_leads_here(client: Client) -> None:
    assert links(client.get(PAGE)).count(PAGE) == 2


# --- Filters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("kind=deployment", ["unfit", "broken", "target"]),
        ("kind=rollback", ["back"]),
        ("kind=rehearsal", ["rehearsed"]),
        ("service=archive", ["back", "broken", "target"]),
        ("environment=staging", ["rehearsed", "unfit"]),
        ("service=archive&environment=staging", []),
        ("service=nothing", []),
        ("owner=Ana+Ruiz", ["unfit"]),
        ("owner=Ana", []),
        ("outcome=pass", ["target"]),
        ("outcome=fail", ["broken"]),
        ("outcome=error", ["rehearsed"]),
        ("outcome=failed", ["unfit"]),
        ("outcome=restored", ["back"]),
        ("outcome=inconclusive", []),
        ("outcome=bad", []),
        ("service=archive&outcome=fail&owner=Ben+Okafor", ["broken"]),
        ("kind=&service=&from=&to=", ["rehearsed", "unfit", "back", "broken", "target"]),
    ],
)
def test_each_filter_leaves_its_rows(client: Client, query: str, expected: list[str]) -> None:
    made = told()
    response = client.get(f"{PAGE}?{query}")
    assert listed(response) == rows(*(made[name] for name in expected))
    if not expected:
        assert "No match for these filters." in words(response)


def test_an_inconclusive_deployment_and_an_inconclusive_rollback_are_both_found(client: Client) -> None:
    made = told()
    Deployment.objects.filter(pk=made["target"].pk).update(verdict=Verdict.INCONCLUSIVE)
    made["back"].rollback.outcome = "inconclusive"
    made["back"].rollback.save()
    assert listed(client.get(f"{PAGE}?outcome=inconclusive")) == rows(made["back"], made["target"])


def test_what_is_of_a_bad_release_is_found(client: Client) -> None:
    made = told()
    Release.objects.filter(version="2026.11.4").update(bad_since=timezone.now())
    assert listed(client.get(f"{PAGE}?outcome=bad")) == rows(made["broken"])


def test_a_service_with_many_environments_is_listed_whole(client: Client) -> None:
    service = factory.service()
    made = [factory.deployed(factory.environment(service, f"place-{number}"), "1.0") for number in range(10)]
    factory.deployed(factory.environment(factory.service("payments")), "3.9.0")
    assert listed(client.get(f"{PAGE}?service=archive")) == rows(*reversed(made))


def test_days_are_those_of_the_person_and_both_ends_count() -> None:
    """A deployment of 23:30 UTC on 13 March is one of 14 March in Berlin."""
    ben = factory.person("ben", "lead", time_zone="Europe/Berlin")
    place = factory.environment()
    made = [factory.deployed(place, f"1.{number}", None) for number in range(3)]
    times = [datetime(2026, 3, day, 23, 30, tzinfo=UTC) for day in (12, 13, 14)]
    for deployment, started in zip(made, times, strict=True):
        Deployment.objects.filter(pk=deployment.pk).update(started_at=started)
    client = signed_in(ben)
    assert "From (Europe/Berlin)" in words(client.get(PAGE))
    assert listed(client.get(f"{PAGE}?from=2026-03-14&to=2026-03-14")) == rows(made[1])
    assert listed(client.get(f"{PAGE}?from=2026-03-14")) == rows(made[2], made[1])
    assert listed(client.get(f"{PAGE}?to=2026-03-14")) == rows(made[1], made[0])
    assert listed(client.get(f"{PAGE}?from=2026-04-01")) == []
    assert listed(client.get(f"{PAGE}?from=2026-03-15&to=2026-03-13")) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2026-02-30", "from is not a day. Expected: a day such as 2026-03-14. Got: 2026-02-30"),
        ("to=9999-12-31", "to lies beyond 2000-2199."),
        ("from=1767225600", "from is not a day."),
        ("kind=revert", "kind is none of the words that it can be. Expected: deployment, rollback, rehearsal or"),
        ("outcome=great", "outcome is none of the words"),
        ("service=..%2F", "service has characters, or a length, that it may not have."),
        ("owner=a%00b", "owner contains"),
        (f"owner={'a' * 190}", "owner has 190 characters."),
    ],
)
def test_a_filter_that_cannot_be_is_named_beside_its_field_and_nothing_is_listed(
    client: Client, query: str, said: str
) -> None:
    """C42"""
    told()
    response = client.get(f"{PAGE}?{query}")
    assert response.status_code == 422
    assert said in words(response)
    assert "Nothing is listed until the filters can be read." in words(response)
    assert listed(response) == []


def test_each_filter_that_is_on_is_a_chip_that_takes_it_off(client: Client) -> None:
    told()
    response = client.get(f"{PAGE}?service=archive&owner=Ben+Okafor&kind=")
    assert "Service: archive × (remove this filter)" in words(response)
    assert {f"{PAGE}?owner=Ben+Okafor", f"{PAGE}?service=archive", PAGE} <= set(links(response))
    assert "Kind:" not in words(response)


def test_a_hostile_filter_is_shown_as_text(client: Client) -> None:
    told()
    source = client.get(PAGE, {"owner": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in source
    assert "&lt;script&gt;alert(1)" in source


# --- Releases -------------------------------------------------------------------------------------------------------


def test_releases_are_listed_as_they_were_registered(client: Client) -> None:
    told()
    response = client.get(f"{PAGE}?kind=release")
    newest_first = [f"release-{pk}" for pk in Release.objects.order_by("-pk").values_list("pk", flat=True)]
    assert listed(response) == newest_first
    assert "p95 of /articles <= +10 %" in words(response)


@pytest.mark.parametrize(
    ("query", "versions"),
    [
        ("service=payments", ["3.9.1", "3.9.0"]),
        ("owner=Ana+Ruiz", ["3.9.0"]),
        ("environment=production", ["2026.11.4", "2026.11.3"]),
        ("environment=production&outcome=fail", ["2026.11.4"]),
        ("outcome=restored", ["2026.11.3"]),
        ("outcome=bad", ["2026.11.4"]),
        ("to=2026-01-01", []),
    ],
)
def test_releases_are_filtered_as_deployments_are(client: Client, query: str, versions: list[str]) -> None:
    told()
    Release.objects.filter(version="2026.11.4").update(bad_since=timezone.now())
    found = listed(client.get(f"{PAGE}?kind=release&{query}"))
    numbers = dict(Release.objects.values_list("version", "pk"))
    assert found == [f"release-{numbers[version]}" for version in versions]


# --- Pages ----------------------------------------------------------------------------------------------------------


def test_pages_lead_to_each_other_by_number_and_keep_the_filters(client: Client) -> None:
    place = factory.environment()
    made = [factory.deployed(place, f"1.{number}", None) for number in range(103)]
    factory.deployed(factory.environment(factory.service("payments")), "3.9.0")
    first = client.get(f"{PAGE}?service=archive")
    assert listed(first) == rows(*reversed(made[53:]))
    older = next(href for href in links(first) if "before=" in href)
    assert asked_with(older) == {"service": "archive", "before": str(made[53].pk)}
    second = client.get(older)
    assert listed(second) == rows(*reversed(made[3:53]))
    last = client.get(next(href for href in links(second) if "before=" in href))
    assert listed(last) == rows(*reversed(made[:3]))
    assert "Older deployments" not in words(last)
    newer = next(href for href in links(last) if "after=" in href)
    assert listed(client.get(newer)) == listed(second)
    newest = next(href for href in links(client.get(newer)) if "after=" in href)
    assert listed(client.get(newest)) == listed(first)
    assert "Newer deployments" not in words(client.get(newest))


def test_a_page_shows_the_same_rows_after_more_was_deployed(client: Client) -> None:
    place = factory.environment()
    made = [factory.deployed(place, f"1.{number}", None) for number in range(60)]
    older = f"{PAGE}?before={made[10].pk}"
    before = listed(client.get(older))
    factory.deployed(place, "2.0", None)
    assert listed(client.get(older)) == before == rows(*reversed(made[:10]))


@pytest.mark.parametrize(
    "query", ["before=x", "before=-1", "after=1.5", "before=" + "9" * 400, "after=" + "9" * 19, "page=3"]
)
def test_a_page_that_is_none_is_no_error(client: Client, query: str) -> None:
    """C37: page numbers that are out of the world."""
    told()
    assert client.get(f"{PAGE}?{query}").status_code == 200


def test_beyond_the_last_row_there_is_nothing_more(client: Client) -> None:
    told()
    assert "Nothing more on this side of the list." in words(client.get(f"{PAGE}?before=1"))


# --- What it costs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?service=archive", "?kind=rollback&outcome=restored", "?kind=release"])
def test_many_rows_take_five_queries_as_few_do(client: Client, query: str) -> None:
    """Session, person and their permissions are three of them."""
    place, person = factory.environment(), factory.on_call()

    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            target = factory.deployed(place, f"1.{number}")
            live = factory.deployed(place, f"1.{number}-bad", Verdict.FAIL, Regression.YES)
            back = factory.deployed(place, f"1.{number}", kind=DeploymentKind.ROLLBACK)
            factory.rollback(place, target, live, person, status="done", outcome="restored", deployment=back)

    fill(0, 1)
    few = queries_of(lambda: client.get(PAGE + query))
    fill(1, 25)
    assert queries_of(lambda: client.get(PAGE + query)) == few <= 5


def test_histories_that_are_asked_for_at_once_look_for_their_choices_once(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SHARED_SECONDS = 60.0
    monkeypatch.setattr(history._places, "_kept", {})  # what other tests have looked at
    told()
    first = queries_of(lambda: client.get(PAGE))
    assert queries_of(lambda: client.get(PAGE)) == first - 1


def test_the_first_rows_of_a_month_long_ago_are_reached_by_their_keys() -> None:
    """Without bounds for the keys, a walk down from the newest row would pass over all that came after."""
    from releases.queries.filtering import deployments
    from releases.wanted import wanted

    place = factory.environment()
    made = [factory.deployed(place, f"1.{number}", None) for number in range(4)]
    for number, deployment in enumerate(made):
        started = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=31 * number)
        Deployment.objects.filter(pk=deployment.pk).update(started_at=started)
    (found,) = deployments(wanted({"from": "2026-01-15", "to": "2026-02-15"}), None, UTC)
    assert [each.pk for each in found] == [made[1].pk]
    bounds: Any = str(found.query)
    assert bounds.count('."id" >=') == bounds.count('."id" <') == 1


def test_only_a_checklist_that_runs_costs_one_query_more(client: Client) -> None:
    place = factory.environment()
    deployment = factory.deployed(place, "1.0", None)
    quiet = queries_of(lambda: client.get(PAGE))
    run = factory.run(place, deployment=deployment)
    ChecklistRun.objects.filter(pk=run.pk).update(status="running", verdict="")
    response: list[HttpResponse] = []
    assert queries_of(lambda: response.append(client.get(PAGE))) == quiet + 1
    assert "verifying" in words(response[0])


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans with the values that it is given")
@pytest.mark.parametrize(
    "asked",
    [
        *("kind=rollback", "kind=rehearsal", "outcome=failed", "outcome=started", "outcome=fail", "outcome=restored"),
        *("owner=Ben+Okafor", "service=archive"),
    ],
)
def test_a_filter_walks_through_no_table_that_grows_with_the_book(client: Client, asked: str) -> None:
    told()
    with CaptureQueriesContext(connection) as said:
        assert client.get(f"{PAGE}?{asked}").status_code == 200
    reads = [each["sql"] for each in said.captured_queries if each["sql"].startswith(("SELECT", "WITH"))]
    assert set().union(*map(walked_through, reads)) == set()
