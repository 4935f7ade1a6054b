"""The book: one chain, append-only, verifiable without trusting the server."""

import hashlib
import json
from typing import Any

import pytest
from django.db import transaction

from releases import book, triggers
from releases.actor import Actor, sweep, worker
from releases.book import GENESIS, Tag, canonical, chain_hash, record, verify
from releases.models import BookHead, Event
from releases.services.people import add_to_group
from tests import factory

pytestmark = pytest.mark.django_db

ANA = Actor(name="Ana Ruiz", via="web", request_id="r1", origin="192.0.2.7")


@pytest.fixture
def four() -> list[Event]:
    """Four events that somebody with the database's password may now edit."""
    events = [record(Tag.RELEASE_REGISTERED, ANA, about=f"R-{number}", version=f"{number}") for number in range(1, 5)]
    triggers.lift()
    return events


def rewrite(event: Event, **fields: Any) -> None:
    Event.objects.filter(pk=event.pk).update(**fields)


def digest_of(payload: Any) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# --- Writing ----------------------------------------------------------------------------------------------------------


def test_events_are_numbered_from_one_without_a_gap() -> None:
    assert [record(Tag.CATALOGUE_SYNCED, ANA).seq for _ in range(3)] == [1, 2, 3]


def test_an_event_says_who_what_where_and_why() -> None:
    place = factory.environment()
    event = record(Tag.ENVIRONMENT_FROZEN, ANA, about="RB-1", environment=place, reason="names leaked", until="lifted")
    event.refresh_from_db()
    assert (event.action, event.actor, event.service, event.environment, event.object_tag) == (
        "environment:frozen",
        "Ana Ruiz",
        "archive",
        "production",
        "RB-1",
    )
    assert event.payload["reason"] == "names leaked"
    assert event.payload["details"] == {"until": "lifted"}
    assert (event.payload["via"], event.payload["request_id"], event.payload["origin"]) == ("web", "r1", "192.0.2.7")


def test_an_event_keeps_the_groups_that_its_actor_was_in_then() -> None:
    person = factory.person("bo", "on-call", factory.service("payments"))
    add_to_group(person, "viewer", given_by="a test")
    event = record(Tag.CATALOGUE_SYNCED, factory.actor(person))
    person.memberships.all().delete()
    event.refresh_from_db()
    assert event.payload["groups"] == ["on-call of payments", "viewer"]
    assert event.groups == "on-call of payments, viewer"
    assert record(Tag.CATALOGUE_SYNCED, factory.actor(type(person).objects.get())).payload["groups"] == []
    root = factory.person("root", is_superuser=True)
    assert record(Tag.CATALOGUE_SYNCED, factory.actor(root)).groups == "superuser"


def test_each_event_follows_from_the_one_before_it() -> None:
    first, second = record(Tag.CATALOGUE_SYNCED, ANA), record(Tag.CATALOGUE_SYNCED, ANA)
    assert first.previous == GENESIS
    assert second.previous == first.hash
    assert second.hash == chain_hash(first.hash, 2, second.payload_digest)


def test_the_head_names_the_last_event() -> None:
    last = [record(Tag.CATALOGUE_SYNCED, ANA) for _ in range(3)][-1]
    head = BookHead.objects.get()
    assert (head.seq, head.hash) == (3, last.hash)


def test_an_event_goes_with_the_transaction_that_it_tells_of() -> None:
    def fail() -> None:
        with transaction.atomic():
            record(Tag.CATALOGUE_SYNCED, ANA)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not Event.objects.exists()
    assert record(Tag.CATALOGUE_SYNCED, ANA).seq == 1


@pytest.mark.parametrize("value", [1.5, {"a": [0.1]}, [{"b": 2.0}]])
def test_a_float_is_refused_since_databases_do_not_keep_its_spelling(value: Any) -> None:
    with pytest.raises(TypeError, match="keeps no floats"):
        record(Tag.CATALOGUE_SYNCED, ANA, value=value)


def test_the_same_payload_has_one_spelling() -> None:
    assert canonical({"b": 1, "a": "é"}) == canonical({"a": "é", "b": 1}) == '{"a":"é","b":1}'.encode()


def test_worker_and_sweep_stand_in_the_book_by_their_names() -> None:
    assert record(Tag.ROLLBACK_CLAIMED, worker()).actor == "Rollbook worker"
    assert record(Tag.ROLLBACK_COMMAND_LOST, sweep()).actor == "Rollbook sweep"


def test_every_tag_is_a_subject_and_an_action() -> None:
    for tag in Tag:
        subject, _, action = tag.partition(":")
        assert subject.isidentifier(), tag
        assert action.isidentifier(), tag
        assert len(tag) <= 60


# --- Verifying --------------------------------------------------------------------------------------------------------


def test_an_empty_book_holds() -> None:
    assert verify() is None


def test_an_untouched_book_holds(four: list[Event]) -> None:
    assert verify() is None


def test_a_book_holds_without_the_words_of_other_services(four: list[Event]) -> None:
    """An export shows them by their digest alone, and that is all the chain needs."""
    previous = GENESIS
    for event in four:
        assert event.hash == chain_hash(previous, event.seq, event.payload_digest)
        previous = event.hash


def test_an_event_whose_content_was_changed_is_named(four: list[Event]) -> None:
    """B62"""
    rewrite(four[1], payload={**four[1].payload, "actor": "Lee Novak"})
    assert verify() == book.Flaw(2, "its content was changed")


def test_an_event_whose_column_was_changed_is_named(four: list[Event]) -> None:
    """B62: pages and filters read the columns."""
    rewrite(four[2], actor="Lee Novak")
    assert verify() == book.Flaw(3, "its content was changed")


@pytest.mark.parametrize("payload", [[1], "text", {"at": 1.5}, {}], ids=str)
def test_content_of_another_kind_is_a_flaw_and_no_crash(four: list[Event], payload: Any) -> None:
    """B62"""
    rewrite(four[0], payload=payload, payload_digest=digest_of(payload))
    assert verify() == book.Flaw(1, "its content was changed")


def test_an_event_that_was_rewritten_with_its_digest_no_longer_follows(four: list[Event]) -> None:
    """B62"""
    payload = {**four[1].payload, "reason": "another"}
    rewrite(four[1], payload=payload, payload_digest=hashlib.sha256(canonical(payload)).hexdigest())
    assert verify() == book.Flaw(2, "it does not follow from the event before it")


def test_an_event_that_was_deleted_is_named(four: list[Event]) -> None:
    """B62"""
    Event.objects.filter(pk=2).delete()
    assert verify() == book.Flaw(2, "event 2 is missing")


def test_events_that_changed_places_are_named(four: list[Event]) -> None:
    """B62"""
    for number, other in ((2, four[2]), (3, four[1])):
        fields = {field.attname: getattr(other, field.attname) for field in Event._meta.concrete_fields}
        Event.objects.filter(pk=number).update(**fields | {"seq": 100 + number, "hash": f"{number}"})
    Event.objects.filter(pk=102).update(seq=2, hash=four[2].hash)
    Event.objects.filter(pk=103).update(seq=3, hash=four[1].hash)
    assert verify() == book.Flaw(2, "it does not follow from the event before it")


def test_a_cut_tail_disagrees_with_the_head(four: list[Event]) -> None:
    """B62"""
    Event.objects.filter(pk=4).delete()
    assert verify() == book.Flaw(4, "the book ends at 3, its head says 4")


def test_a_head_that_was_set_back_disagrees_with_the_events(four: list[Event]) -> None:
    """B62"""
    BookHead.objects.update(seq=2, hash=four[1].hash)
    assert verify() == book.Flaw(5, "the book ends at 4, its head says 2")


def test_events_without_a_head_do_not_hold(four: list[Event]) -> None:
    """B62"""
    BookHead.objects.all().delete()
    assert verify() == book.Flaw(5, "the book ends at 4, its head says 0")


def test_times_out_of_order_do_not_matter_since_the_sequence_decides(four: list[Event]) -> None:
    """B20"""
    earlier = Event.objects.order_by("-seq").values_list("at", flat=True).first()
    record(Tag.CATALOGUE_SYNCED, ANA)
    assert earlier is not None
    assert verify() is None
