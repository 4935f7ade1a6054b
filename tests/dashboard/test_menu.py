"""The menu: what somebody may open, and nothing that would refuse them."""

import re

import pytest
from django.http import HttpResponse
from django.urls import reverse

from releases.groups import GROUPS
from tests import factory
from tests.dashboard.pages import queries_of, signed_in, words

pytestmark = pytest.mark.django_db

READERS = ["board", "history", "review", "trends"]
ALSO = {"lead": ["audit", "release_register"], "auditor": ["audit"]}


def part(response: HttpResponse, mark: str) -> list[str]:
    """Return the addresses in one part of the menu, as names."""
    found = re.search(rf"<nav[^>]*{mark}[^>]*>(.*?)</nav>", response.content.decode(), re.DOTALL)
    assert found is not None
    names = {reverse(name): name for name in [*READERS, "audit", "release_register"]}
    return [names[href] for href in re.findall(r'href="(/[^"]*)"', found[1])]


@pytest.mark.parametrize("group", GROUPS)
def test_the_menu_names_what_somebody_may_open(group: str) -> None:
    response = signed_in(factory.person("sam", group)).get("/")
    assert part(response, 'class="menu"') == [*READERS, *ALSO.get(group, [])]


@pytest.mark.parametrize("group", GROUPS)
def test_on_a_phone_every_page_of_the_menu_is_in_the_bar_or_in_what_unfolds(group: str) -> None:
    response = signed_in(factory.person("sam", group)).get("/")
    bar, unfolds = part(response, 'class="bottom"'), part(response, 'aria-label="More pages"')
    assert sorted([*bar, *unfolds]) == sorted(part(response, 'class="menu"'))
    assert ("audit" in bar) == (group == "auditor")


def test_whoever_registers_for_one_service_has_the_form_in_the_menu() -> None:
    response = signed_in(factory.person("eva", "lead", factory.service("payments"))).get("/")
    assert part(response, 'class="menu"') == [*READERS, "release_register"]


def test_a_page_that_is_not_in_the_menu_says_whom_to_ask() -> None:
    factory.lead()
    response = signed_in(factory.on_call()).get("/audit")
    assert response.status_code == 403
    assert "lead, auditor" in words(response)
    assert "Ana Ruiz" in words(response)


def test_the_menu_costs_no_query_of_its_own() -> None:
    factory.story()
    clients = [signed_in(factory.person(group, group)) for group in ("lead", "viewer")]
    assert len({queries_of(lambda client=client: client.get("/review")) for client in clients}) == 1
