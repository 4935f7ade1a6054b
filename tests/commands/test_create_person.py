"""create_person at a terminal."""

import pytest

from releases.models import Event, User
from tests import factory
from tests.commands.conftest import Terminal

pytestmark = pytest.mark.django_db


def test_a_person_is_made_with_a_group_and_a_password_that_is_printed(terminal: Terminal) -> None:
    password = terminal("create_person", "cho", "--group", "on-call", "--first-name", "Cho").strip()
    user = User.objects.get(username="cho")
    assert user.check_password(password)
    assert user.may("roll_back")
    assert not user.may("register_release")


def test_an_existing_person_gets_a_new_password(terminal: Terminal) -> None:
    first = terminal("create_person", "cho", "--group", "on-call").strip()
    second = terminal("create_person", "cho", "--group", "on-call").strip()
    user = User.objects.get(username="cho")
    assert (user.check_password(first), user.check_password(second)) == (False, True)


def test_the_book_keeps_who_was_made_but_not_the_password(terminal: Terminal) -> None:
    password = terminal("create_person", "cho", "--group", "viewer").strip()
    event = Event.objects.get(action="person:created")
    assert event.object_tag == f"U-{User.objects.get().pk}"
    assert event.payload["details"] == {"username": "cho", "group": "viewer"}
    assert password not in str(event.payload)


def test_the_longest_name_fits_into_the_book(terminal: Terminal) -> None:
    """PostgreSQL refuses what is longer than its column; SQLite does not look."""
    terminal("create_person", "c" * 80, "--group", "viewer", "--first-name", "C" * 40, "--last-name", "P" * 40)
    event = Event.objects.get(action="person:created")
    assert len(event.object_tag) <= 40
    assert event.payload["details"]["username"] == "c" * 80
    assert len(User.objects.get().name) <= 150


@pytest.mark.parametrize(("option", "limit"), [("username", 80), ("first_name", 40), ("last_name", 40)])
def test_a_name_that_is_too_long_is_refused(refusal: Terminal, option: str, limit: int) -> None:
    given = {"username": "cho", "first_name": "Cho", "last_name": "Park"} | {option: "c" * (limit + 1)}
    said = refusal(
        "create_person",
        given["username"],
        "--group=viewer",
        f"--first-name={given['first_name']}",
        f"--last-name={given['last_name']}",
    )
    assert said.startswith(f"{option} has {limit + 1} characters. Expected: ")


def test_a_name_with_a_hidden_character_is_refused(refusal: Terminal) -> None:
    """C3"""
    assert "username contains U+202E" in refusal("create_person", "cho\u202e", "--group", "viewer")
    assert not User.objects.exists()


def test_a_name_is_kept_as_the_sign_in_looks_for_it(terminal: Terminal) -> None:
    """C4"""
    terminal("create_person", "\uff43\uff48\uff4f", "--group", "viewer")
    assert User.objects.get().username == "cho"


def test_a_person_is_made_with_a_group_for_one_service(terminal: Terminal) -> None:
    factory.service("archive")
    terminal("create_person", "cho", "--group", "on-call", "--service", "archive")
    user = User.objects.get(username="cho")
    assert (user.may("roll_back", "archive"), user.may("roll_back", "payments")) == (True, False)
    assert Event.objects.get(action="person:created").service == "archive"


def test_a_service_that_is_not_there_is_refused_and_nobody_is_made(refusal: Terminal) -> None:
    assert "There is no service archive." in refusal(
        "create_person", "cho", "--group", "viewer", "--service", "archive"
    )
    assert not User.objects.exists()
