"""Notes: append-only; a correction is a new note that names the old one."""

import pytest
from django.db import DatabaseError, transaction

from releases.errors import Conflict, Denied, Invalid, NotFound
from releases.intake import NoteSpec, from_text
from releases.models import Event, Note, Release, Rollback, User
from releases.services.notes import add_note
from tests import factory

pytestmark = pytest.mark.django_db


@pytest.fixture
def rollback() -> Rollback:
    place, target, live = factory.story()
    return factory.rollback(place, target, live, factory.on_call())


@pytest.fixture
def release(rollback: Rollback) -> Release:
    return rollback.undone.release


def write(about: Release | Rollback, text: str, who: str = "cho", corrects: int | None = None) -> Note:
    user = User.objects.filter(username=who).first() or factory.lead(who)
    return add_note(about, NoteSpec(text=text, corrects=corrects), actor=factory.actor(user))


def test_a_note_keeps_who_when_and_what(release: Release) -> None:
    note = write(release, "The leak was in the footer.")
    event = Event.objects.get(action="note:added")
    assert (note.author, note.text, note.release) == ("Cho Park", "The leak was in the footer.", release)
    assert (event.actor, event.object_tag, event.service) == ("Cho Park", release.tag, "archive")
    assert event.payload["details"] == {"note": note.tag, "text": note.text, "corrects": "", "before": ""}


def test_a_note_of_a_rollback_stands_in_its_environment(rollback: Rollback) -> None:
    write(rollback, "Purged by hand too.")
    event = Event.objects.get(action="note:added")
    assert (event.object_tag, event.environment) == (rollback.tag, "production")


def test_a_correction_is_a_new_note_that_names_the_old_one(release: Release) -> None:
    old = write(release, "The leak was in the footer.")
    new = write(release, "The leak was in the header.", "ana", old.pk)
    old.refresh_from_db()
    assert (old.text, old.corrected_by) == ("The leak was in the footer.", new)
    details = Event.objects.filter(action="note:added").latest("seq").payload["details"]
    assert (details["corrects"], details["before"]) == (old.tag, old.text)


def test_a_note_is_corrected_once_and_then_its_correction_is(release: Release) -> None:
    old = write(release, "one")
    new = write(release, "two", corrects=old.pk)
    with pytest.raises(Conflict, match=f"was corrected already: {new.tag} by Cho Park") as refused:
        write(release, "three", corrects=old.pk)
    assert refused.value.made == new
    assert write(release, "three", corrects=new.pk).corrects == new
    assert Event.objects.filter(action="note:added").count() == 3


def test_a_note_about_something_else_cannot_be_corrected_here(release: Release, rollback: Rollback) -> None:
    elsewhere = write(rollback, "one")
    with pytest.raises(NotFound, match=f"There is no N-{elsewhere.pk} here"):
        write(release, "two", corrects=elsewhere.pk)


def test_who_may_only_read_writes_no_note(release: Release) -> None:
    auditor = factory.person("lee", "auditor")
    with pytest.raises(Denied):
        add_note(release, NoteSpec(text="x"), actor=factory.actor(auditor))
    assert not Note.objects.exists()


@pytest.mark.parametrize("text", ["", "  \n", "x" * 4001, "a\u202eb", "a\x00b"])
def test_a_note_that_cannot_be_read_is_refused(text: str) -> None:
    """C3"""
    with pytest.raises(Invalid):
        from_text(NoteSpec, {"text": text})


@pytest.mark.parametrize("act", ["update", "delete"])
def test_the_database_refuses_to_change_a_note(release: Release, act: str) -> None:
    note = write(release, "one")
    rows = Note.objects.filter(pk=note.pk)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows.update(text="two") if act == "update" else rows.delete()
