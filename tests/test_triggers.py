"""The database itself refuses to change the book."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import CharField, Model

from releases import triggers
from releases.actor import worker
from releases.book import Tag, record
from releases.checks import book_is_guarded
from releases.models import Event, Note

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> Event:
    return record(Tag.CATALOGUE_SYNCED, worker())


def test_an_event_cannot_be_changed(event: Event) -> None:
    """B62"""
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.objects.filter(pk=event.pk).update(actor="somebody else")


def test_an_event_cannot_be_deleted(event: Event) -> None:
    """B62"""
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.objects.filter(pk=event.pk).delete()


def test_the_book_cannot_be_emptied(event: Event) -> None:
    """B62"""
    verb = "TRUNCATE" if connection.vendor == "postgresql" else "DELETE FROM"
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"{verb} {triggers.TABLE}")


def test_none_is_missing_after_migrate() -> None:
    assert triggers.missing() == []


def test_a_missing_one_is_named() -> None:
    triggers.lift()
    assert len(triggers.missing()) == 2 * len(triggers.TABLES)


def test_a_missing_one_is_an_error_of_the_system_check() -> None:
    triggers.lift()
    found = book_is_guarded(None, databases=["default"])
    assert {error.id for error in found} == {"releases.E001"}
    assert len(found) == 2 * len(triggers.TABLES)


def test_nothing_is_said_while_they_are_there() -> None:
    assert book_is_guarded(None, databases=["default"]) == []


def test_installing_puts_back_what_is_missing_and_only_that(event: Event) -> None:
    triggers.lift()
    triggers.install()
    triggers.install()
    assert triggers.missing() == []
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.objects.filter(pk=event.pk).delete()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("model", "name"), [(Event, "actor"), (Note, "author")])
def test_they_survive_a_field_that_is_altered(model: type[Model], name: str) -> None:
    """B62: a migration does what stands here, and its end is what every `migrate` ends with."""
    before = model._meta.get_field(name)
    wider = CharField(max_length=before.max_length + 50)
    wider.set_attributes_from_name(name)
    wider.model = model
    for old, new in ((before, wider), (wider, before)):
        with connection.schema_editor() as editor:
            editor.alter_field(model, old, new)
        call_command("migrate", verbosity=0)
        assert triggers.missing() == []
    record(Tag.CATALOGUE_SYNCED, worker())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.objects.update(actor="somebody else")


@pytest.mark.django_db(transaction=True)
def test_every_migrate_puts_them_back() -> None:
    """SQLite drops them silently when a migration rebuilds the table."""
    triggers.lift()
    call_command("migrate", verbosity=0)
    assert triggers.missing() == []
