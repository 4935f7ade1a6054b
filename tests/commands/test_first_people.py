"""make_demo_people and make_first_person: who can sign in first, and that nobody's password is ever changed."""

from pathlib import Path

import pytest

from releases.models import ApiToken, User
from releases.services.tokens import token_of
from tests import factory
from tests.commands.conftest import Terminal

pytestmark = pytest.mark.django_db


def passwords(home: Path) -> dict[str, str]:
    return dict(line.split() for line in (home / "passwords.txt").read_text().splitlines())


def test_the_demo_has_people_of_every_group_and_a_token(terminal: Terminal, tmp_path: Path) -> None:
    terminal("make_demo_people", "--home", str(tmp_path))
    kept = passwords(tmp_path)
    assert set(kept) == {"lead", "oncall", "auditor", "viewer"}
    assert all(User.objects.get(username=name).check_password(password) for name, password in kept.items())
    assert token_of((tmp_path / "demo" / "token").read_text().strip()).user.username == "pipeline"
    assert (tmp_path / "passwords.txt").stat().st_mode & 0o777 == 0o600


def test_a_second_time_changes_nothing(terminal: Terminal, tmp_path: Path) -> None:
    for _ in range(2):
        terminal("make_demo_people", "--home", str(tmp_path))
    assert (User.objects.count(), ApiToken.objects.count(), len(passwords(tmp_path))) == (5, 1, 4)


@pytest.mark.parametrize("lost", ["passwords.txt", "demo/token"])
def test_a_lost_file_resets_no_password(terminal: Terminal, tmp_path: Path, lost: str) -> None:
    terminal("make_demo_people", "--home", str(tmp_path))
    kept = passwords(tmp_path)
    (tmp_path / lost).unlink()
    terminal("make_demo_people", "--home", str(tmp_path))
    assert all(User.objects.get(username=name).check_password(password) for name, password in kept.items())
    assert (tmp_path / "demo" / "token").exists()


def test_the_demo_takes_nobody_over_who_was_there_before(terminal: Terminal, tmp_path: Path) -> None:
    factory.person("lead", "viewer")
    factory.person("pipeline")
    terminal("make_demo_people", "--home", str(tmp_path))
    for username in ("lead", "pipeline"):
        assert User.objects.get(username=username).check_password("correct horse battery")
    assert User.objects.get(username="lead").held == [("viewer", "")]
    assert "lead" not in passwords(tmp_path)


def test_an_empty_rollbook_begins_with_one_lead(terminal: Terminal, tmp_path: Path) -> None:
    terminal("make_first_person", "--home", str(tmp_path))
    assert User.objects.get().check_password(passwords(tmp_path)["lead"])
    assert User.objects.get().may("register_release")
    assert (tmp_path / "passwords.txt").stat().st_mode & 0o777 == 0o600


def test_where_anybody_is_no_first_person_is_made(terminal: Terminal, tmp_path: Path) -> None:
    factory.on_call()
    terminal("make_first_person", "--home", str(tmp_path))
    assert User.objects.get().username == "cho"
    assert not (tmp_path / "passwords.txt").exists()
