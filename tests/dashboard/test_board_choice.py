"""Which services a board shows, how it groups many, and what open boards share."""

import threading
from typing import Any

import pytest

from dashboard.shared import Shared
from dashboard.views import board
from releases.models import Service, User
from tests import factory
from tests.dashboard.pages import HTMX, polled, queries_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def cho() -> User:
    return factory.on_call()


def two_services() -> None:
    factory.deployed(factory.environment(), "2026.11.3")
    factory.deployed(factory.environment(factory.service("payments")), "3.9.0")


# --- My services ----------------------------------------------------------------------------------------------------


def test_whoever_named_no_service_sees_all(cho: User) -> None:
    two_services()
    told = words(signed_in(cho).get("/"))
    assert "All services (2)" in told
    assert "my services" not in told


def test_a_service_becomes_mine_on_its_page_and_the_board_then_shows_it_alone(cho: User) -> None:
    two_services()
    client = signed_in(cho)
    answer = client.post("/s/payments/mine", {"mine": "true"})
    assert (answer.status_code, answer["Location"]) == (303, "/s/payments/")
    assert "Take payments out of my services" in words(client.get("/s/payments/"))
    told = words(client.get("/"))
    assert "3.9.0" in told
    assert "2026.11.3" not in told
    assert "My services (1)" in told


def test_all_services_are_one_choice_away_and_stay_in_the_address_that_is_asked_again(cho: User) -> None:
    two_services()
    cho.services.add(Service.objects.get(key="payments"))
    page = signed_in(cho).get("/", {"show": "all"})
    assert "2026.11.3" in words(page)
    asked = polled(page)
    assert asked is not None
    assert "show=all" in asked[0]


def test_a_service_can_be_taken_out_again(cho: User) -> None:
    two_services()
    cho.services.add(Service.objects.get(key="payments"))
    client = signed_in(cho)
    client.post("/s/payments/mine", {"mine": "false"})
    assert not cho.services.exists()
    assert "2026.11.3" in words(client.get("/"))


def test_what_is_mine_is_nobody_elses(cho: User) -> None:
    two_services()
    signed_in(cho).post("/s/payments/mine", {"mine": "true"})
    assert "2026.11.3" in words(signed_in(factory.lead()).get("/"))


def test_a_service_that_left_the_catalogue_is_no_reason_for_an_empty_board(cho: User) -> None:
    two_services()
    cho.services.add(Service.objects.get(key="payments"))
    Service.objects.filter(key="payments").update(listed=False)
    assert "2026.11.3" in words(signed_in(cho).get("/"))


# --- One environment, and many services ------------------------------------------------------------------------------


def test_one_environment_can_be_shown_alone(cho: User) -> None:
    two_services()
    factory.deployed(factory.environment(key="staging"), "2026.11.9")
    client = signed_in(cho)
    told = words(client.get("/", {"environment": "staging"}))
    assert "2026.11.9" in told
    assert "3.9.0" not in told
    assert "No service has an environment" not in told


def test_many_services_stand_by_team_with_what_is_so_in_each(cho: User) -> None:
    for number in range(8):
        of = factory.service(f"s-{number}")
        Service.objects.filter(pk=of.pk).update(team="" if number == 7 else f"Team {number % 2}")
        factory.deployed(factory.environment(of), f"1.{number}")
    source = signed_in(cho).get("/").content.decode()
    assert source.count("<details") - source.count('<details class="person"') == 3
    told = words(signed_in(cho).get("/"))
    assert told.index("Team 0 4 pass") < told.index("Team 1 3 pass") < told.index("no team 1 pass")


def test_few_services_stand_together(cho: User) -> None:
    two_services()
    assert 'id="team-' not in signed_in(cho).get("/").content.decode()


# --- What open boards share -------------------------------------------------------------------------------------------


def test_boards_on_which_nothing_changed_share_one_look(
    cho: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SHARED_SECONDS = 60.0
    monkeypatch.setattr(board._tokens, "_kept", {})  # what other tests have looked at
    two_services()
    client = signed_in(cho)
    asked = polled(client.get("/"))
    assert asked is not None
    first = queries_of(lambda: client.get(asked[0], headers=HTMX))
    again = queries_of(lambda: client.get(asked[0], headers=HTMX))
    assert client.get(asked[0], headers=HTMX).status_code == 204
    assert again == 2 < first, "the session and the person"


def test_a_change_is_seen_once_the_shared_look_is_over(cho: User, settings: Any) -> None:
    settings.SHARED_SECONDS = 0.0
    two_services()
    client = signed_in(cho)
    asked = polled(client.get("/"))
    assert asked is not None
    assert client.get(asked[0], headers=HTMX).status_code == 204
    factory.deployed(factory.environment(key="staging"), "2026.11.9")
    assert client.get(asked[0], headers=HTMX).status_code == 200


def test_one_looks_while_the_others_wait_and_each_key_is_looked_at_by_itself() -> None:
    looked: list[int] = []
    now = [0.0]
    gate = threading.Event()

    def look(key: int) -> int:
        gate.wait(10)
        looked.append(key)
        return key * 2

    shared = Shared(look, clock=lambda: now[0])
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(shared.get(1, 5.0))) for _ in range(5)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(10)
    assert (answers, looked) == ([2] * 5, [1])
    assert shared.get(2, 5.0) == 4
    now[0] = 5.0
    assert shared.get(1, 5.0) == 2
    assert looked == [1, 2, 1]
