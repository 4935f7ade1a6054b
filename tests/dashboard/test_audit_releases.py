"""The auditor's desk, releases: looked for by version, service and owner, newest first, page by page."""

import pytest
from django.test import Client

from releases.actor import Actor
from releases.book import Tag, record
from releases.models import Release
from releases.queries.names import meant, names_in
from tests import factory
from tests.dashboard.pages import links, queries_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def lee() -> Client:
    return signed_in(factory.person("lee", "auditor"))


@pytest.fixture
def three() -> list[Release]:
    archive, shop = factory.service(), factory.service("shop")
    return [
        factory.release(archive, "2026.11.3", owner="Ben Okafor"),
        factory.release(archive, "2026.11.4", owner="Ana Ruiz"),
        factory.release(shop, "2026.11.4", owner="Ben Okafor"),
    ]


def shown(client: Client, query: str = "") -> list[int]:
    """Return which releases the page leads to everything about."""
    found = links(client.get(f"/audit/releases{query}"))
    return [int(href.rsplit("/", 1)[1]) for href in found if href.startswith("/audit/releases/")]


def test_the_newest_release_comes_first_and_each_leads_to_everything_about_it(
    lee: Client, three: list[Release]
) -> None:
    assert shown(lee) == [release.pk for release in reversed(three)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?version=2026.11.4", [2, 1]),
        ("?version=2026.11", []),
        ("?service=archive", [1, 0]),
        ("?service=elsewhere", []),
        ("?owner=ben", [2, 0]),
        ("?owner=Ana+Ruiz", [1]),
        ("?owner=nobody", []),
        ("?service=shop&version=2026.11.4&owner=ben", [2]),
    ],
)
def test_version_service_and_owner_narrow_the_list(
    lee: Client, three: list[Release], query: str, found: list[int]
) -> None:
    assert shown(lee, query) == [three[place].pk for place in found]


def test_what_is_not_found_is_said_with_how_one_looks(lee: Client, three: list[Release]) -> None:
    told = words(lee.get("/audit/releases?version=2026.11&owner=nobody"))
    assert "No match for: Releases 2026.11 by nobody." in told
    assert "No release has an owner of that name. A version is looked for as a whole." in told
    assert "No release is registered yet." not in told


def test_an_empty_book_says_so(lee: Client) -> None:
    assert "No release is registered yet." in words(lee.get("/audit/releases"))


def test_a_row_says_when_by_whom_and_how_it_stands_where(lee: Client) -> None:
    _, _, live = factory.story()
    told = words(lee.get("/audit/releases?version=2026.11.4"))
    assert f"{live.release.registered_at:%Y-%m-%d %H:%M:%S}Z by Ben Okafor" in told
    assert "p95 of /articles <= +10 % fail production" in told


def test_an_address_shows_the_same_releases_whatever_is_registered_later(lee: Client) -> None:
    service = factory.service()
    made = [factory.release(service, f"1.{number}").pk for number in range(55)]
    assert shown(lee) == made[:4:-1]
    older = next(href for href in links(lee.get("/audit/releases")) if "before=" in href)
    first = shown(lee, older.removeprefix("/audit/releases"))
    factory.release(service, "2.0")
    assert shown(lee, older.removeprefix("/audit/releases")) == first == made[4::-1]


def test_many_releases_ask_no_more_than_few(lee: Client) -> None:
    place = factory.environment()

    def ask_after(number: int) -> int:
        for _ in range(number):
            factory.deployed(place, f"1.{Release.objects.count()}")
        return queries_of(lambda: lee.get("/audit/releases"))

    few = ask_after(2)
    assert ask_after(20) == few <= 16


@pytest.mark.parametrize(
    "address",
    [
        "/audit/releases?version=%00&service=%00a&owner=%00",
        "/audit?service=%00a&environment=%00",
        "/audit/events?actor=%00&object=%00a&service=%00&environment=%00",
    ],
)
def test_a_character_that_no_database_takes_is_no_failure(lee: Client, address: str) -> None:
    assert lee.get(address).status_code == 200


def test_an_owner_is_found_who_is_none_of_the_many_that_are_offered(
    lee: Client, three: list[Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releases.queries.names.NAMES_LIMIT", 1)
    assert shown(lee, "?owner=Ben+Okafor") == [three[2].pk, three[0].pk]


def test_hostile_words_stay_words(lee: Client) -> None:
    factory.release(factory.service(), "1.0", owner="<script>alert(1)</script>")
    source = lee.get("/audit/releases?owner=%3Cscript%3E").content.decode()
    assert "<script>alert" not in source


def test_names_are_read_in_order_and_a_part_means_all_that_have_it(three: list[Release]) -> None:
    assert names_in(Release, "owner") == ["Ana Ruiz", "Ben Okafor"]
    assert meant("AN", ["Ana", "Ana Ruiz", "Ben"]) == (["Ana", "Ana Ruiz"], 0)
    assert meant("Ana", ["Ana", "Ana Ruiz"]) == (["Ana"], 0)
    assert meant("", ["Ana"]) == ((), 0)


@pytest.mark.parametrize("address", ["/audit/releases?owner=ana", "/audit/events?actor=ana"])
def test_a_part_that_means_more_names_than_are_looked_for_is_said_with_how_to_narrow_it(
    lee: Client, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr("releases.queries.names.MEANT_LIMIT", 2)
    of = factory.service()
    for number in range(3):
        factory.release(of, f"1.{number}", owner=f"Ana {number}")
        record(Tag.CATALOGUE_SYNCED, Actor(name=f"Ana {number}", via="web"), before={}, after={})
    said = words(lee.get(address))
    assert "Only the first 2 of 3 names with “ana” are looked for Write more of the name" in said
    assert "Only the first" not in words(lee.get(f"{address}+2"))
