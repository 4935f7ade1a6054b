"""The auditor's desk, events: every line of the book, searched, with what changed as a table of fields."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from releases import triggers
from releases.actor import Actor, worker
from releases.book import Tag, record
from releases.intake import LiftSpec
from releases.models import Environment, Event, Freeze, Release
from releases.queries.timeline import sentence
from releases.services.freezes import lift_freeze
from releases.services.releases import unmark_bad
from tests import factory
from tests.dashboard.pages import links, queries_of, signed_in, words

pytestmark = pytest.mark.django_db

ANA = Actor(name="Ana Ruiz", via="web", request_id="abcdef123456", origin="192.0.2.7")


@pytest.fixture
def lee() -> Client:
    return signed_in(factory.person("lee", "auditor"))


@pytest.fixture
def place() -> Environment:
    return factory.environment()


@pytest.fixture
def three(place: Environment) -> None:
    """Three events, of two people and a worker."""
    record(Tag.ENVIRONMENT_FROZEN, ANA, about="RB-1", environment=place, reason="names leaked")
    cho = Actor(name="Cho Park", via="command line")
    record(Tag.FREEZE_LIFTED, cho, about="RB-1", environment=place, reason="mended")
    record(Tag.CATALOGUE_SYNCED, worker(), changes=["service archive added"])


def found(lee: Client, asked: str) -> list[str]:
    """Return the numbers of the events that a search lists."""
    source = lee.get(f"/audit/events?{asked}").content.decode()
    return [part.split('"')[0] for part in source.split('id="event-')[1:]]


def test_an_event_says_who_what_why_by_which_request_and_from_where(lee: Client, three: None) -> None:
    answer = lee.get("/audit/events")
    told = words(answer)
    assert answer.status_code == 200
    assert "archive/production was frozen by RB-1. by Ana Ruiz names leaked" in told
    assert "request abcdef123456 origin 192.0.2.7" in told
    assert "the catalogue was applied" in told.lower()


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("", ["3", "2", "1"]),
        ("actor=Ana+Ruiz", ["1"]),
        ("actor=park", ["2"]),
        ("actor=R", ["3", "2", "1"]),
        ("actor=nobody", []),
        ("object=rb-1", ["2", "1"]),
        ("object=RB-1&actor=cho", ["2"]),
        ("action=environment", ["2", "1"]),
        ("action=environment:frozen", ["1"]),
        ("action=nonsense", ["3", "2", "1"]),
        ("service=archive", ["2", "1"]),
        ("service=archive&environment=staging", []),
    ],
)
def test_events_are_found_by_actor_object_action_and_place(
    lee: Client, three: None, asked: str, numbers: list[str]
) -> None:
    assert found(lee, asked) == numbers


def test_events_are_found_by_time(lee: Client, three: None) -> None:
    triggers.lift()
    Event.objects.filter(seq=2).update(at=datetime(2026, 3, 31, 23, 59, tzinfo=UTC))
    assert found(lee, "from=2026-03-01&to=2026-03-31") == ["2"]
    assert found(lee, "from=2026-03-01&to=2026-03-30") == []
    assert "The book has 1 event in that time." in words(lee.get("/audit/events?to=2026-03-31&object=D-1"))


def test_what_changed_is_a_table_of_fields_and_never_raw_json(lee: Client, place: Environment) -> None:
    record(
        Tag.ROLLBACK_VERIFY_REQUESTED,
        ANA,
        about="RB-1",
        environment=place,
        before={"outcome": "unknown", "looks": [{"web-1": None}]},
        after={"outcome": "", "status": "verifying"},
        routes=["/a", "/b"],
        kept=True,
    )
    answer = lee.get("/audit/events")
    told = words(answer)
    table = told.partition("Field Before After")[2]  # PostgreSQL keeps the members of an object in an order of its own
    for row in ("outcome unknown –", "looks.1.web-1 none –", "status – verifying", "routes /a, /b", "kept yes"):
        assert row in table
    assert "{" not in told.partition("Search the book")[2]


def test_a_lifted_freeze_and_a_bad_mark_taken_off_say_what_was_there_before(lee: Client) -> None:
    place, _, live = factory.story()
    ana = factory.actor(factory.lead())
    freeze = Freeze.objects.create(
        environment=place, reason="names leaked", frozen_by="Cho Park", frozen_at=timezone.now()
    )
    lift_freeze(freeze, LiftSpec(reason="mended"), actor=ana)
    Release.objects.update(bad_since=timezone.now(), bad_by="Sam Berg", bad_reason="RB-1: too slow")
    unmark_bad(live.release, LiftSpec(reason="it was the cache"), actor=ana)
    told = words(lee.get("/audit/events"))
    assert "frozen_by Cho Park –" in told
    assert "frozen_because names leaked –" in told
    assert "bad_by Sam Berg –" in told
    assert "bad_reason RB-1: too slow –" in told


def test_nobody_of_that_name_is_said(lee: Client, three: None) -> None:
    told = words(lee.get("/audit/events?actor=nobody"))
    assert "Nobody of that name stands in the book. The book has 3 events in all." in told


def test_the_names_that_one_can_look_for_are_those_in_the_book(lee: Client, three: None) -> None:
    source = lee.get("/audit/events").content.decode()
    names = [part.split('"')[0] for part in source.partition('id="names"')[2].split('<option value="')[1:4]]
    assert names == ["Ana Ruiz", "Cho Park", "Rollbook worker"]


def test_events_come_in_pages_with_stable_links(lee: Client, place: Environment) -> None:
    for _ in range(60):
        record(Tag.FREEZE_LIFTED, ANA, environment=place)
        record(Tag.CATALOGUE_SYNCED, worker())
    seen: list[str] = []
    asked = "actor=Ana+Ruiz&action=environment"
    for _ in range(2):
        seen += found(lee, asked)
        older = [href for href in links(lee.get(f"/audit/events?{asked}")) if "before=" in href]
        asked = older[0].partition("?")[2] if older else ""
    assert seen == [str(number) for number in range(119, 0, -2)]


def test_many_events_ask_no_more_than_few(lee: Client, place: Environment) -> None:
    record(Tag.FREEZE_LIFTED, ANA, environment=place)
    few = queries_of(lambda: lee.get("/audit/events"))
    for number in range(40):
        record(Tag.FREEZE_LIFTED, Actor(name=f"Person {number}", via="web"), environment=place)
    assert queries_of(lambda: lee.get("/audit/events")) == few <= 14


def test_hostile_words_stay_words(lee: Client, place: Environment) -> None:
    evil: dict[str, Any] = {"before": {"<b>x": "<script>alert(1)</script>"}, "note": "\u202e<i>"}
    record(Tag.FREEZE_LIFTED, Actor(name="<script>", via="web"), environment=place, reason="<b>", **evil)
    source = lee.get("/audit/events?actor=%3Cscript%3E").content.decode()
    assert "<script>alert" not in source
    assert "<b>" not in source
    assert "\u202e" not in source


def test_every_tag_has_a_sentence_of_its_own() -> None:
    bare = [tag for tag in Tag if sentence(Event(action=tag, object_tag="X-1", payload={})) == f"{tag} X-1."]
    assert bare == []
