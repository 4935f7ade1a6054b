"""The history of an environment: the live card, the rows, the pages, and what of it is live."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from releases.models import ChecklistRun, Deployment, Freeze, ProbeRun, Rollback
from releases.queries.readiness.item import red
from releases.services.expected_results import score
from releases.states import DeploymentKind, DeploymentStatus, Expected, Regression, Verdict
from tests import factory
from tests.dashboard.pages import HTMX, asked_with, links, polled, queries_of, signed_in, words

pytestmark = pytest.mark.django_db

PAGE = "/s/archive/production/"


def rolled_back() -> tuple[Any, Any, Any]:
    """2026.11.3, then 2026.11.4 failing, then RB-1 back to 2026.11.3, restored."""
    place, target, live = factory.story()
    back = factory.deployed(place, "2026.11.3", kind=DeploymentKind.ROLLBACK)
    rollback = factory.rollback(
        place,
        target,
        live,
        factory.on_call(),
        status="done",
        outcome="restored",
        words="seen by 3 users",
        deployment=back,
    )
    return place, live, rollback


# --- The card -------------------------------------------------------------------------------------------------------


def test_the_card_shows_what_is_live_and_the_one_button() -> None:
    _, _, live = factory.story()
    response = signed_in(factory.on_call()).get(PAGE)
    told = words(response)
    assert "Live fail 2026.11.4" in told
    assert "Ben Okafor" in told
    assert links(response).count(f"/s/archive/production/rollback?seen={live.pk}") == 1


def test_a_freeze_is_told_with_the_way_to_lift_it() -> None:
    place, _, _ = factory.story()
    freeze = Freeze.objects.create(
        environment=place, reason="reader names leaked", frozen_by="Cho Park", frozen_at=timezone.now()
    )
    response = signed_in(factory.on_call()).get(PAGE)
    assert "frozen by Cho Park" in words(response)
    assert "reader names leaked" in words(response)
    assert f"/freezes/{freeze.pk}/lift" in links(response)


def test_somebody_without_permissions_is_told_who_has_them() -> None:
    place, _, _ = factory.story()
    Freeze.objects.create(environment=place, reason="leak", frozen_by="Cho Park", frozen_at=timezone.now())
    response = signed_in(factory.person("lee", "auditor")).get(PAGE)
    told = words(response)
    assert "Only lead and on-call may lift it." in told
    assert "Only lead and on-call may roll back." in told
    barred = ("rollback?", "/lift", "/deployments/new")
    assert not [href for href in links(response) if any(part in href for part in barred)]


def test_observed_versions_stand_beside_the_recorded_one() -> None:
    """B41: one instance of two serves another version."""
    place, _, _ = factory.story()
    place.observed = {"web-1": "2026.11.4", "web-2": "2026.11.3", "web-3": None}
    place.observed_at = timezone.now()
    place.save()
    told = words(signed_in(factory.on_call()).get(PAGE))
    assert "web-1 2026.11.4 web-2 2026.11.3 web-3 not measured" in told
    assert "mixed: web-2 serves 2026.11.3" in told


def test_an_open_rollback_is_linked_in_place_of_the_button() -> None:
    place, target, live = factory.story()
    rollback = factory.rollback(place, target, live, factory.on_call())
    response = signed_in(factory.lead()).get(PAGE)
    assert rollback.get_absolute_url() in links(response)
    assert not [href for href in links(response) if "rollback?" in href]


# --- The rows -------------------------------------------------------------------------------------------------------


def test_an_environment_without_deployments_says_what_comes_first() -> None:
    factory.environment()
    response = signed_in(factory.lead()).get(PAGE)
    assert "Nothing was deployed here yet. Register a release , then report its deployment ." in words(response)


def test_a_rollback_is_a_row_of_its_own_with_its_reason() -> None:
    _, live, rollback = rolled_back()
    response = signed_in(factory.lead()).get(PAGE)
    told = words(response)
    assert f"rollback {rollback.tag}" in told
    assert "Checklist failing: seen by 3 users" in told
    assert f"deployment {live.tag} · undone by {rollback.tag}" in told
    assert rollback.get_absolute_url() in links(response)


def test_a_rollback_that_did_not_restore_has_undone_nothing() -> None:
    _, _, rollback = rolled_back()
    rollback.outcome = "not restored"
    rollback.save()
    told = words(signed_in(factory.lead()).get(PAGE))
    assert "undone by" not in told
    assert f"{rollback.tag}: not restored" in told


def test_released_rolled_back_and_released_again_stand_in_one_bracket() -> None:
    place, _, _ = rolled_back()
    factory.deployed(place, "2026.11.5")
    source = signed_in(factory.lead()).get(PAGE).content.decode()
    assert source.count('class="bracket"') == 3
    assert source.count("bracket") == 4, "the reason's row too"


@pytest.mark.parametrize("answer", [Expected.AS_EXPECTED, Expected.NOT_AS_EXPECTED, Expected.TO_CONFIRM])
def test_a_row_says_what_became_of_the_expected_result(answer: Expected) -> None:
    _, _, live = factory.story()
    Deployment.objects.filter(pk=live.pk).update(expected=answer)
    assert f"fail {answer}" in words(signed_in(factory.lead()).get(PAGE))


def test_a_row_says_what_the_page_of_the_release_says_of_its_results() -> None:
    _, target, live = factory.story()
    live.release.expected_result = "p95 of /articles <= 300 ms"
    live.release.save()
    for deployment, p95 in ((target, 205.0), (live, 810.0)):
        figures = {"samples_ms": [p95] * 20, "p95_ms": p95}
        factory.timed(deployment, {"routes": {"/articles": {"edge": figures}}})
        score(deployment)
    client = signed_in(factory.lead())
    told = words(client.get(PAGE))
    assert "fail not as expected 810 ms n 20" in told
    assert "pass – not measured 205 ms n 20" in told, "no baseline to compare a change with"
    assert "not as expected" in words(client.get(f"/releases/{live.release_id}?deployment={live.pk}"))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"status": DeploymentStatus.STARTED}, "started – not finished yet – not measured"),
        ({"status": DeploymentStatus.CANCELLED}, "cancelled – nothing ran – not measured"),
        ({"status": DeploymentStatus.FAILED}, "failed – not measured – not measured"),
        ({"expected": Expected.NOT_MEASURED}, "not checked – not measured – not measured"),
    ],
)
def test_a_row_without_an_answer_says_why(changed: dict[str, Any], why: str) -> None:
    deployment = factory.deployed(factory.environment(), "2026.11.4", None, live=False)
    Deployment.objects.filter(pk=deployment.pk).update(**changed)
    assert why in words(signed_in(factory.lead()).get(PAGE))


def test_a_result_is_not_measured_yet_while_the_checklist_runs() -> None:
    running_verification()
    assert "– not measured yet – not measured" in words(signed_in(factory.lead()).get(PAGE))


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"status": "verifying", "outcome": ""}, "is undoing 2026.11.4"),
        ({"outcome": "restored"}, "undid 2026.11.4"),
        ({"outcome": "not restored"}, "was to undo 2026.11.4"),
    ],
)
def test_a_rollback_says_in_place_of_a_result_what_it_undid(state: dict[str, str], says: str) -> None:
    _, _, rollback = rolled_back()
    Rollback.objects.filter(pk=rollback.pk).update(**state)
    Deployment.objects.filter(pk=rollback.deployment_id).update(expected=Expected.AS_EXPECTED)
    told = words(signed_in(factory.lead()).get(PAGE))
    assert f"{says} – not measured" in told
    assert "as expected" not in told


def test_the_reason_of_a_rollback_is_as_wide_as_the_table() -> None:
    rolled_back()
    source = signed_in(factory.lead()).get(PAGE).content.decode()
    assert f'colspan="{source.count("<th scope=")}"' in source


def test_a_started_deployment_links_to_the_report_of_its_finish() -> None:
    place, _, _ = factory.story()
    started = Deployment.objects.create(
        release=factory.release(place.service, "2026.11.5"),
        environment=place,
        reported_by="pipeline",
        started_at=timezone.now(),
    )
    assert f"/deployments/{started.pk}/finish" in links(signed_in(factory.lead()).get(PAGE))
    assert f"/deployments/{started.pk}/finish" not in links(signed_in(factory.on_call()).get(PAGE))


def test_a_failed_deployment_says_so() -> None:
    _place, _, live = factory.story()
    Deployment.objects.filter(pk=live.pk).update(status=DeploymentStatus.FAILED)
    assert "failed checklist fail" in words(signed_in(factory.lead()).get(PAGE))


# --- Pages ----------------------------------------------------------------------------------------------------------


def test_a_long_history_is_read_page_by_page() -> None:
    place = factory.environment()
    made = [factory.deployed(place, f"1.{number}", None).pk for number in range(53)]
    client = signed_in(factory.lead())
    first = client.get(PAGE)
    older = f"{PAGE}?before={made[3]}"
    assert older in links(first)
    second = client.get(older)
    assert [f"deployment-{pk}" in second.content.decode() for pk in made[:4]] == [True, True, True, False]
    assert "Older deployments" not in words(second)
    assert "Newest deployments" in words(second)


@pytest.mark.parametrize("before", ["", "x", "-1", "1.5", "٣", "9" * 19, "9" * 400, "%00"])
def test_a_place_in_the_history_that_is_none_is_no_error(before: str) -> None:
    """C37: page numbers that are out of the world."""
    factory.story()
    assert signed_in(factory.lead()).get(f"{PAGE}?before={before}").status_code == 200


def test_before_the_first_deployment_there_is_nothing() -> None:
    factory.story()
    assert "No deployment here has a number below D-1." in words(signed_in(factory.lead()).get(f"{PAGE}?before=1"))


def test_many_rows_ask_no_more_than_few() -> None:
    client = signed_in(factory.on_call())
    place = factory.environment()
    person = factory.lead()

    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            target = factory.deployed(place, f"1.{number}")
            live = factory.deployed(place, f"1.{number}-bad", Verdict.FAIL, Regression.YES)
            back = factory.deployed(place, f"1.{number}", kind=DeploymentKind.ROLLBACK)
            factory.rollback(place, target, live, person, status="done", outcome="restored", deployment=back)

    fill(0, 1)
    few = queries_of(lambda: client.get(PAGE))
    fill(1, 12)
    assert queries_of(lambda: client.get(PAGE)) == few <= 13


def test_what_is_not_on_costs_no_query() -> None:
    """No freeze, no rollback, nothing at work: one query says so, and nothing is asked of any of these."""
    place = factory.environment()
    target, live = factory.deployed(place, "1.0"), factory.deployed(place, "1.1")
    factory.open_way_back(place, target, live)
    client = signed_in(factory.on_call())
    quiet = queries_of(lambda: client.get(PAGE))
    assert quiet <= 11
    Freeze.objects.create(environment=place, reason="calm", frozen_by="Cho Park", frozen_at=timezone.now())
    assert queries_of(lambda: client.get(PAGE)) == quiet + 1


# --- Live -----------------------------------------------------------------------------------------------------------


def running_verification() -> tuple[Any, Deployment, ChecklistRun]:
    place = factory.environment()
    factory.deployed(place, "2026.11.3")
    live = factory.deployed(place, "2026.11.4", None)
    run = factory.run(place, deployment=live)
    ChecklistRun.objects.filter(pk=run.pk).update(status="running", verdict="")
    ProbeRun.objects.filter(run=run, wave__gt=1).update(status="queued", verdict="")
    return place, live, run


def test_the_card_asks_for_itself_and_for_the_running_rows() -> None:
    _, live, _ = running_verification()
    client = signed_in(factory.on_call())
    address, seconds = polled(client.get(PAGE)) or ("", 0)
    assert (seconds, asked_with(address)["rows"]) == (2, str(live.pk))
    assert client.get(address, headers=HTMX).status_code == 204


def test_a_row_that_came_to_rest_is_sent_once_more_and_then_no_longer_asked_for() -> None:
    _place, live, run = running_verification()
    client = signed_in(factory.on_call())
    address, _ = polled(client.get(PAGE)) or ("", 0)
    ChecklistRun.objects.filter(pk=run.pk).update(status="done", verdict="pass")
    Deployment.objects.filter(pk=live.pk).update(verdict="pass", verify_run=run)
    response = client.get(address, headers=HTMX)
    source = response.content.decode()
    assert f'<template><tr id="deployment-{live.pk}" data-state="pass" hx-swap-oob="true">' in source
    assert "archive/production: pass" in words(response)
    address, seconds = polled(response) or ("", 0)
    assert (seconds, "rows" in asked_with(address)) == (10, False)
    assert client.get(address, headers=HTMX).status_code == 204


def test_a_failed_deployment_whose_checklist_runs_is_followed_too() -> None:
    place, live, run = running_verification()
    Deployment.objects.filter(pk=live.pk).update(status=DeploymentStatus.FAILED)
    place.live = Deployment.objects.exclude(pk=live.pk).get()
    place.save()
    client = signed_in(factory.on_call())
    address, _ = polled(client.get(PAGE)) or ("", 0)
    ProbeRun.objects.filter(run=run, wave=2).update(status="done", verdict="pass")
    assert client.get(address, headers=HTMX).status_code == 200


@pytest.mark.parametrize("rows", ["x", "1.x.2", "." * 5000, "-1", "9" * 40])
def test_rows_that_are_none_are_no_error(rows: str) -> None:
    factory.story()
    response = signed_in(factory.on_call()).get(f"{PAGE}live", {"rows": rows}, headers=HTMX)
    assert response.status_code == 200


def test_another_environments_row_is_not_told() -> None:
    factory.story()
    other = factory.deployed(factory.environment(factory.service("payments")), "3.9.0")
    response = signed_in(factory.on_call()).get(f"{PAGE}live", {"rows": str(other.pk)}, headers=HTMX)
    assert "3.9.0" not in words(response)


# --- Who and how ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [PAGE, f"{PAGE}live"])
def test_the_page_takes_no_post(address: str) -> None:
    factory.story()
    assert signed_in(factory.lead()).post(address).status_code == 405


@pytest.mark.parametrize("address", ["/s/archive/nowhere/", "/s/nothing/production/", "/s/archive/nowhere/live"])
def test_an_environment_that_does_not_exist_is_not_found(address: str) -> None:
    factory.story()
    assert signed_in(factory.lead()).get(address).status_code == 404


def test_who_is_signed_out_is_led_to_sign_in(client: Any) -> None:
    factory.story()
    assert client.get(PAGE)["Location"] == f"/login?next={PAGE}"
    assert client.get(f"{PAGE}live", headers=HTMX).status_code == 401


def test_ages_beyond_a_week_are_dates() -> None:
    _, _, live = factory.story()
    Deployment.objects.filter(pk=live.pk).update(finished_at=timezone.now() - timedelta(days=30))
    day = timezone.now() - timedelta(days=30)
    assert f"{day.day} {day:%b} {day.year}" in words(signed_in(factory.lead()).get(PAGE))


# --- Filters --------------------------------------------------------------------------------------------------------


def test_the_history_is_filtered_as_that_of_everything_and_the_card_stays() -> None:
    rolled_back()
    response = signed_in(factory.lead()).get(f"{PAGE}?kind=rollback&outcome=restored")
    assert "Live restored 2026.11.3" in words(response)
    assert "Kind: rollback × (remove this filter)" in words(response)
    assert response.content.decode().count('<tr id="deployment-') == 1


def test_a_filter_of_another_page_is_none_here() -> None:
    factory.story()
    response = signed_in(factory.lead()).get(f"{PAGE}?service=payments&environment=staging")
    assert response.content.decode().count('<tr id="deployment-') == 2


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [("owner=Nobody", 200, "No match for these filters."), ("from=2026-02-30", 422, "from is not a day.")],
)
def test_filters_that_leave_nothing_say_so(query: str, status: int, said: str) -> None:
    factory.story()
    response = signed_in(factory.lead()).get(f"{PAGE}?{query}")
    assert response.status_code == status
    assert said in words(response)


# --- Readiness ------------------------------------------------------------------------------------------------------


def test_the_card_says_every_item_of_readiness_with_what_to_do_and_when_it_was_checked() -> None:
    place, target, live = factory.story()
    factory.open_way_back(place, target, live)
    place.readiness_looks.all().delete()
    factory.looked(place, target, live, red("artifact", "answered 404", "Build it again."))
    client = signed_in(factory.on_call())
    response = client.get(PAGE)
    told = words(response)
    assert "artifact: not ready answered 404 . Build it again." in told
    assert "lock as it should be" in told
    assert "checked 0 s ago" in told


def test_a_new_look_reaches_the_open_card() -> None:
    place, target, live = factory.story()
    factory.open_way_back(place, target, live)
    client = signed_in(factory.on_call())
    address, _ = polled(client.get(PAGE)) or ("", 0)
    assert client.get(address, headers=HTMX).status_code == 204
    place.readiness_looks.update(looked_at=timezone.now())
    assert client.get(address, headers=HTMX).status_code == 200
