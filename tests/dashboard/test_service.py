"""The page of a service: its environments, its newest releases, whom to call."""

from typing import Any

import pytest

from releases.states import Regression, Verdict
from tests import factory
from tests.dashboard.pages import links, queries_of, signed_in, words

pytestmark = pytest.mark.django_db


def test_a_service_shows_team_contact_environments_and_releases() -> None:
    _place, _, live = factory.story()
    factory.environment(key="staging")
    response = signed_in(factory.on_call()).get("/s/archive/")
    told = words(response)
    assert response.status_code == 200
    assert "Team Web team Contact #web-oncall" in told
    assert "production fail 2026.11.4" in told
    assert "staging nothing deployed yet" in told
    assert f"2026.11.4 R-{live.release_id}" in told
    assert "/s/archive/production/" in links(response)
    assert f"/releases/{live.release_id}" in links(response)


def test_a_release_shows_where_it_stands_in_each_environment() -> None:
    production, staging = factory.environment(), factory.environment(key="staging")
    factory.deployed(staging, "2026.11.4", Verdict.FAIL, Regression.YES)
    factory.deployed(staging, "2026.11.4")
    factory.deployed(production, "2026.11.4", Verdict.INCONCLUSIVE, Regression.UNKNOWN)
    assert "Ben Okafor production inconclusive staging pass" in words(signed_in(factory.lead()).get("/s/archive/"))


def test_a_service_without_releases_shows_the_call_that_makes_one() -> None:
    factory.environment()
    response = signed_in(factory.lead()).get("/s/archive/")
    assert "No release registered yet. One call from your pipeline does it:" in words(response)
    assert "curl --fail-with-body http://testserver/api/v1/releases" in words(response)
    assert '"service": "archive"' in words(response)
    assert "/releases/new?service=archive" in links(response)


def test_somebody_who_may_not_register_gets_no_link_to_the_form() -> None:
    factory.environment()
    response = signed_in(factory.person("lee", "auditor")).get("/s/archive/")
    assert "By hand, lead may register one." in words(response)
    assert not [href for href in links(response) if "/releases/new?" in href]


def test_a_service_that_left_the_catalogue_keeps_its_page() -> None:
    place, _, _ = factory.story()
    place.service.listed = False
    place.service.save()
    response = signed_in(factory.lead()).get("/s/archive/")
    assert response.status_code == 200
    assert "no longer in the catalogue" in words(response)


def test_only_the_newest_twenty_releases_are_shown() -> None:
    service = factory.service()
    for number in range(23):
        factory.release(service, f"1.{number}")
    told = words(signed_in(factory.lead()).get("/s/archive/"))
    assert "1.22 R-" in told
    assert "1.3 R-" in told
    assert "1.2 R-" not in told
    assert "The newest 20." in told


def test_a_service_that_does_not_exist_is_not_found() -> None:
    assert signed_in(factory.lead()).get("/s/nothing/").status_code == 404


def test_the_page_is_for_signed_in_people(client: Any) -> None:
    assert client.get("/s/archive/")["Location"] == "/login?next=/s/archive/"


def test_the_page_takes_no_post() -> None:
    assert signed_in(factory.lead()).post("/s/archive/").status_code == 405


def test_a_version_leads_to_its_release() -> None:
    _place, _, live = factory.story()
    response = signed_in(factory.lead()).get("/s/archive/v/2026.11.4")
    assert (response.status_code, response["Location"]) == (302, f"/releases/{live.release_id}")
    assert signed_in(factory.lead("eva")).get("/s/archive/v/9.9").status_code == 404


def test_many_rows_ask_no_more_than_few() -> None:
    client = signed_in(factory.lead())
    service = factory.service()

    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            place = factory.environment(service, f"e{number}")
            factory.deployed(place, f"1.{number}")

    fill(0, 3)
    few = queries_of(lambda: client.get("/s/archive/"))
    fill(3, 20)
    assert queries_of(lambda: client.get("/s/archive/")) == few <= 12
