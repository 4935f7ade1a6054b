"""sync_catalogue, create_token, verify_audit and sweep at a terminal."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from releases import knocks, triggers
from releases.actor import worker
from releases.book import Tag, record
from releases.management.refusing import person_at_the_terminal
from releases.models import ApiToken, BookHead, Environment, Event, Service, User
from releases.services.tokens import NotAuthenticated, create_token, token_of
from releases.sweep import Sweep
from tests import factory
from tests.commands.conftest import Terminal
from tests.services.conftest import LittleService

pytestmark = pytest.mark.django_db


# --- sync_catalogue ---------------------------------------------------------------------------------------------------


def test_a_file_is_applied_and_what_changed_is_printed(terminal: Terminal, little_service: LittleService) -> None:
    said = terminal("sync_catalogue", str(little_service.catalogue))
    assert said.splitlines() == ["service archive added", "environment archive/production added"]
    assert Environment.objects.get().production


def test_a_file_that_changes_nothing_says_so(terminal: Terminal, little_service: LittleService) -> None:
    terminal("sync_catalogue", str(little_service.catalogue))
    assert terminal("sync_catalogue", str(little_service.catalogue)) == "Nothing changed."


def test_a_broken_file_changes_nothing(terminal: Terminal, refusal: Terminal, little_service: LittleService) -> None:
    terminal("sync_catalogue", str(little_service.catalogue))
    text = little_service.catalogue.read_text()
    broken = text.replace("Article archive", "Another title").replace("timeout = 60", "timeout = 0")
    little_service.catalogue.write_text(broken)
    said = refusal("sync_catalogue", str(little_service.catalogue))
    assert "timeout" in said
    assert said.endswith("Nothing was changed.")
    assert Service.objects.get().title == "Article archive"
    assert Event.objects.count() == 1


def test_a_file_that_is_not_there_changes_nothing(refusal: Terminal, tmp_path: Path) -> None:
    assert "Nothing was changed." in refusal("sync_catalogue", str(tmp_path / "nothing.toml"))


# --- create_token -----------------------------------------------------------------------------------------------------


def test_a_token_is_printed_once_and_opens_the_door(terminal: Terminal) -> None:
    factory.person("pipeline", "lead")
    text = terminal("create_token", "pipeline", "--name=ci", "--scope=releases:write")
    token = token_of(text)
    assert (token.user.username, token.name, token.scopes) == ("pipeline", "ci", ["releases:write"])
    assert token.expires_at is None


def test_without_a_scope_a_token_may_what_a_pipeline_needs(terminal: Terminal) -> None:
    factory.person("pipeline", "lead")
    terminal("create_token", "pipeline")
    assert ApiToken.objects.get().scopes == ["releases:write", "deployments:write", "read"]


def test_a_token_can_be_made_for_some_days(terminal: Terminal) -> None:
    factory.person("pipeline", "lead")
    terminal("create_token", "pipeline", "--days=30")
    expires = ApiToken.objects.get().expires_at
    assert expires is not None
    assert timedelta(days=29) < expires - timezone.now() <= timedelta(days=30)


def test_a_token_of_nobody_is_refused(refusal: Terminal) -> None:
    assert "There is no user 'nobody'" in refusal("create_token", "nobody")


def test_an_unknown_scope_is_refused_with_those_that_there_are(refusal: Terminal) -> None:
    factory.person("pipeline", "lead")
    assert "releases:write" in refusal("create_token", "pipeline", "--scope=everything")


def test_the_token_alone_is_on_standard_output_and_its_number_beside_it(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    factory.person("pipeline", "lead")
    text = terminal("create_token", "pipeline", "--name=ci")
    assert text.startswith("rb_")
    assert text.split() == [text]
    assert capsys.readouterr().err.startswith(f"T-{ApiToken.objects.get().pk} (ci) for pipeline.")


def test_a_token_for_one_service_is_made_for_a_service_that_is_there(terminal: Terminal, refusal: Terminal) -> None:
    factory.person("pipeline", "lead")
    factory.service("archive")
    text = terminal("create_token", "pipeline", "--service=archive")
    assert token_of(text.strip()).service == Service.objects.get()
    assert "There is no service payments." in refusal("create_token", "pipeline", "--service=payments")


@pytest.mark.parametrize("days", ["-1", "3651"])
def test_a_token_lasts_a_day_at_least_and_ten_years_at_most(refusal: Terminal, days: str) -> None:
    factory.person("pipeline", "lead")
    assert "Expected: 1-3650 whole days, or nothing." in refusal("create_token", "pipeline", f"--days={days}")


@pytest.mark.parametrize("name", ["", "x" * 81, "ci\u202e"], ids=["empty", "too long", "hidden"])
def test_a_token_needs_a_name_that_can_be_read(refusal: Terminal, name: str) -> None:
    """C3"""
    factory.person("pipeline", "lead")
    assert "Expected: a name of 1-80 characters" in refusal("create_token", "pipeline", f"--name={name}")
    assert not ApiToken.objects.exists()


# --- revoke_token -----------------------------------------------------------------------------------------------------


@pytest.fixture
def token(db: None) -> str:
    user = factory.person("pipeline", "lead")
    return create_token(user, "ci", ["read"], None, actor=person_at_the_terminal())


@pytest.mark.parametrize("by", ["tag", "name"])
def test_a_token_is_revoked_by_its_number_or_its_name(terminal: Terminal, token: str, by: str) -> None:
    """C33"""
    tag = f"T-{ApiToken.objects.get().pk}"
    assert terminal("revoke_token", tag if by == "tag" else "ci") == f"{tag} (ci) of pipeline is revoked."
    with pytest.raises(NotAuthenticated):
        token_of(token)


def test_the_book_says_which_token_was_revoked(terminal: Terminal, token: str) -> None:
    terminal("revoke_token", "ci")
    event = Event.objects.get(action="token:revoked")
    assert event.object_tag == f"T-{ApiToken.objects.get().pk}"
    details = event.payload["details"]
    assert (details["user"], details["name"]) == ("pipeline", "ci")
    assert details["before"]["last_used"] == "never"


def test_revoking_twice_changes_nothing(terminal: Terminal, token: str) -> None:
    terminal("revoke_token", "ci")
    first = ApiToken.objects.get().revoked_at
    assert terminal("revoke_token", "ci").endswith("was revoked before.")
    assert ApiToken.objects.get().revoked_at == first
    assert Event.objects.filter(action="token:revoked").count() == 1


def test_a_name_of_several_tokens_revokes_none_and_names_them(refusal: Terminal, token: str) -> None:
    create_token(User.objects.get(), "ci", ["read"], None, actor=person_at_the_terminal())
    said = refusal("revoke_token", "ci")
    assert all(f"T-{row.pk}" in said for row in ApiToken.objects.all())
    assert not ApiToken.objects.filter(revoked_at__isnull=False).exists()


@pytest.mark.parametrize("given", ["T-999", "cd", "T-" + "9" * 30])
def test_a_token_that_is_not_there_is_said(refusal: Terminal, token: str, given: str) -> None:
    assert f"There is no token {given}. Expected: T-" in refusal("revoke_token", given)


# --- verify_audit -----------------------------------------------------------------------------------------------------


def test_a_book_that_holds_is_said_with_its_head(terminal: Terminal) -> None:
    for _ in range(3):
        record(Tag.CATALOGUE_SYNCED, worker())
    assert terminal("verify_audit").splitlines()[0] == f"The book holds: 3 events, head {BookHead.objects.get().hash}"


def test_an_empty_book_holds(terminal: Terminal) -> None:
    assert terminal("verify_audit").splitlines()[0] == "The book holds: 0 events, head none yet"


def test_a_book_that_does_not_hold_names_the_first_bad_event(refusal: Terminal) -> None:
    """B62"""
    for _ in range(3):
        record(Tag.CATALOGUE_SYNCED, worker())
    triggers.lift()
    Event.objects.filter(pk=2).update(actor="somebody else")
    assert refusal("verify_audit") == "The book does not hold at event 2: its content was changed."


def test_a_book_without_its_triggers_is_a_failure(refusal: Terminal) -> None:
    triggers.lift()
    assert "its triggers are missing" in refusal("verify_audit")


# --- sweep ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_sweep_knocks_for_what_nobody_took(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """B8"""
    place, target, live = factory.story()
    factory.rollback(place, target, live, factory.on_call())
    knocked: list[str] = []
    monkeypatch.setattr(knocks, "_send", lambda task, queue, row_id: knocked.append(task))
    terminal("sweep")
    assert "run_rollback" in knocked


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Put back the handlers that the command sets in this process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_sweeping_for_ever_ends_at_a_term_signal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, own_signals: None
) -> None:
    rounds: list[int] = []

    def once(self: Sweep) -> None:
        rounds.append(1)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Sweep, "once", once)
    terminal("sweep", "--forever")
    assert rounds == [1]
