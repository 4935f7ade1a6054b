"""Slowing down whoever guesses passwords: how long, for whom, and never for long."""

from datetime import timedelta

import pytest
from django.utils import timezone

from releases.models import Denial, Event, SignInTries
from releases.services.signing_in import FORGET, FREE, LONGEST, count_attempt, forget_old, succeeded
from releases.sweep import Sweep
from tests import factory

pytestmark = pytest.mark.django_db

NOW = timezone.now()
HERE = "203.0.113.9"


def wait(username: str = "cho", address: str = HERE, device: str = "", at: float = 0) -> float:
    return count_attempt(username, address=address, device=device, now=NOW + timedelta(seconds=at)).wait.total_seconds()


def test_the_first_failures_cost_nothing() -> None:
    assert [wait() for _ in range(FREE["account"])] == [0] * FREE["account"]


def test_then_each_pause_is_twice_the_one_before_and_at_most_a_minute() -> None:
    for _ in range(FREE["account"]):
        wait()
    pauses, at = [], 0.0
    for _ in range(8):
        pauses.append(wait(at=at))
        at += pauses[-1]
        assert wait(at=at) == 0
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]


def test_an_attempt_that_had_to_wait_does_not_make_the_wait_longer() -> None:
    for _ in range(FREE["account"]):
        wait()
    assert [wait(at=second) for second in (0, 0.5, 1)] == [2, 1.5, 1]
    assert wait(at=2) == 0


def test_the_right_password_takes_the_count_back() -> None:
    for _ in range(FREE["account"] - 1):
        wait()
    succeeded(count_attempt("cho", address=HERE))
    assert [wait() for _ in range(FREE["account"])] == [0] * FREE["account"]


def test_the_right_password_of_one_name_frees_no_guesser_of_others() -> None:
    for number in range(FREE["address"]):
        wait(f"name-{number}")
    assert wait("cho") == 2
    succeeded(count_attempt("mine", address=HERE, now=NOW + timedelta(seconds=2)))
    assert wait("cho", at=2) > 0


def test_many_names_from_one_address_have_to_wait_but_not_those_from_another() -> None:
    for number in range(FREE["address"]):
        wait(f"name-{number}")
    assert wait("cho") == 2
    assert wait("cho", address="198.51.100.7") == 0


def test_whoever_attacks_a_name_does_not_make_a_browser_wait_that_its_owner_uses() -> None:
    """Nobody may lock on-call out at 03:12."""
    for second in range(120):
        wait(address=f"198.51.100.{second}", at=second)
    assert wait(at=119) > 0
    assert wait(device="cho:1f", at=119) == 0


def test_guesses_from_a_known_browser_have_to_wait_too() -> None:
    for _ in range(FREE["device"]):
        wait(device="cho:1f")
    assert wait(device="cho:1f") == 2


def test_a_name_that_nobody_has_is_slowed_down_alike() -> None:
    factory.on_call()
    assert [wait("cho") for _ in range(7)] == [wait("nobody", address="198.51.100.7") for _ in range(7)]


def test_after_a_while_without_failures_the_count_begins_anew() -> None:
    for _ in range(FREE["account"]):
        wait()
    later = (FORGET + timedelta(seconds=1)).total_seconds()
    assert [wait(at=later) for _ in range(FREE["account"])] == [0] * FREE["account"]
    assert LONGEST < FORGET


def test_what_was_typed_is_kept_nowhere() -> None:
    """It may be a password in the wrong field."""
    wait("hunter2")
    assert not SignInTries.objects.filter(key__contains="hunter2").exists()


def test_old_counts_are_removed_by_the_sweep() -> None:
    wait()
    forget_old()
    assert SignInTries.objects.count() == 2
    SignInTries.objects.update(last_at=NOW - 2 * FORGET)
    Sweep().once()
    assert not SignInTries.objects.exists()


def test_the_book_says_once_a_minute_that_somebody_had_to_wait_for_an_account() -> None:
    cho = factory.on_call()
    for _ in range(FREE["account"] + 4):
        wait()
    event = Event.objects.get()
    assert (event.action, event.actor) == ("permission:denied", "somebody as cho")
    assert event.payload["details"]["permission"] == "sign_in"
    assert event.payload["origin"] == HERE
    assert Denial.objects.get().user == cho
    assert Denial.objects.get().count == 4


def test_for_a_name_that_nobody_has_the_log_alone_says_so(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(FREE["account"] + 1):
        wait("hunter2")
    assert not Event.objects.exists()
    assert "denied: somebody, sign_in" in caplog.text
    assert "hunter2" not in caplog.text
