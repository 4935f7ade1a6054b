"""Full-text search: the same finds on both databases, newest first, page by page, kept as things are written."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from releases import search
from releases.intake import NoteSpec, ReleaseSpec
from releases.models import Passage, Release
from releases.queries.passages import excerpt
from releases.services.notes import add_note
from releases.services.passages import fill, keep_rollback
from releases.services.releases import register_release
from tests import factory
from tests.dashboard.pages import links, queries_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in(factory.lead("dee"))


def register(version: str, expected: str = "faster", note: str = "go back", owner: str = "Ben Okafor") -> Release:
    service = "archive"
    if not Release.objects.exists():
        factory.environment(factory.service(service))
        factory.lead()
    spec = ReleaseSpec(service=service, version=version, owner=owner, expected_result=expected, rollback_note=note)
    from releases.models import User

    return register_release(spec, actor=factory.actor(User.objects.get(username="ana")))


def found(client: Client, q: str, **filters: str) -> list[str]:
    """Return what the rows are of, newest first."""
    response = client.get("/history", {"q": q, **filters})
    assert response.status_code == 200
    numbers = [int(part.split('"')[0]) for part in response.content.decode().split('<tr id="passage-')[1:]]
    told = []
    for number in numbers:
        passage = Passage.objects.get(pk=number)
        one = passage.release or passage.rollback or passage.note
        assert one is not None
        told.append(one.tag)
    return told


def marked(client: Client, q: str) -> list[str]:
    source = client.get("/history", {"q": q}).content.decode()
    return [part.split("</mark>")[0] for part in source.split("<mark>")[1:]]


def told() -> dict[str, Any]:
    """A release, a note about it, a rollback with words, and a note about that."""
    first = register("2026.11.4", "readers see new teasers", "Purge /articles/*. No migration.")
    from releases.models import User

    ana = factory.actor(User.objects.get(username="ana"))
    about_release = add_note(first, NoteSpec(text="The teasers leaked once"), actor=ana)
    place = first.service.environments.get()
    target, live = factory.deployed(place, "2026.11.3"), factory.deployed(place, "2026.11.4")
    rollback = factory.rollback(place, target, live, factory.on_call(), words="Reader names leaked")
    keep_rollback(rollback)
    about_rollback = add_note(rollback, NoteSpec(text="It was the cache"), actor=ana)
    return {"release": first, "note": about_release, "rollback": rollback, "second": about_rollback}


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("teasers", ["note", "release"]),
        ("TEASERS", ["note", "release"]),
        ("leaked", ["rollback", "note"]),
        ("teasers readers", ["release"]),
        ("teasers purge", ["release"]),
        ("2026.11.4", ["release"]),
        ("11.2026", []),
        ("/articles", ["release"]),
        ("cache", ["second"]),
        ("checklist", ["rollback"]),
        ("teaser", []),
        ("nothing such", []),
    ],
)
def test_all_words_must_stand_in_one_text_and_joined_ones_side_by_side(
    client: Client, q: str, expected: list[str]
) -> None:
    made = told()
    assert found(client, q) == [made[name].tag for name in expected]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"kind": "rollback"}, ["rollback"]),
        ({"service": "archive"}, ["rollback", "note"]),
        ({"service": "payments"}, []),
        ({"environment": "production"}, ["rollback"]),
        ({"owner": "Ana Ruiz"}, ["note"]),
        ({"from": "2026-01-01"}, ["rollback", "note"]),
        ({"to": "2026-01-01"}, []),
        ({"from": "2199-01-01"}, []),
    ],
)
def test_filters_narrow_what_is_found(client: Client, filters: dict[str, str], expected: list[str]) -> None:
    made = told()
    assert found(client, "leaked", **filters) == [made[name].tag for name in expected]


@pytest.mark.parametrize(
    "q",
    [
        '"',
        "' OR 1=1 --",
        "a & b | !c",
        "words:x",
        "NEAR(a b)",
        "(",
        "*",
        "<->",
        "\\",
        "%",
        "x'); DROP TABLE x;",
        "。",
        "İ",
    ],
)
def test_what_a_database_would_read_as_an_operator_is_text(client: Client, q: str) -> None:
    told()
    assert found(client, q) == []
    assert "No match for these filters." in words(client.get("/history", {"q": q}))


def test_what_was_found_is_marked(client: Client) -> None:
    told()
    assert marked(client, "teasers leaked") == ["teasers", "leaked"]
    assert marked(client, "purge") == ["Purge"]


def test_foreign_text_around_a_hit_is_escaped(client: Client) -> None:
    register("1.0", "<script>alert(1)</script> teasers <b>")
    source = client.get("/history", {"q": "teasers"}).content.decode()
    assert "<script>alert" not in source
    assert "&lt;script&gt;alert(1)&lt;/script&gt; <mark>teasers</mark> &lt;b&gt;" in source


def test_a_long_text_is_cut_around_the_first_hit() -> None:
    pieces = excerpt("a " * 300 + "needle" + " b" * 300, ["needle"])
    assert [piece.text for piece in pieces if piece.hit] == ["needle"]
    shown = "".join(piece.text for piece in pieces)
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) <= 202


@pytest.mark.parametrize("word", ["Straße", "NAÏVE", "日本語", "É", "x" * 100, "4e5", "0x1f", "abc123def"])
def test_words_of_any_script_are_found_as_written(client: Client, word: str) -> None:
    made = register("1.0", f"before {word}, after")
    assert found(client, word) == [made.tag]
    assert marked(client, word) == [word]


def test_pages_go_by_number_in_both_directions(client: Client) -> None:
    made = [register(f"1.{number}", "teasers").tag for number in range(103)][::-1]
    first = client.get("/history?q=teasers")
    older = next(href for href in links(first) if "before=" in href)
    second = client.get(older)
    newer = next(href for href in links(second) if "after=" in href)
    assert found(client, "teasers") == made[:50]
    assert newer.startswith("/history?q=teasers&after=")
    back = client.get(newer)
    assert back.content.decode().split('<tr id="')[1:2][0].split('"')[0] == f"passage-{Passage.objects.last().pk}"  # type: ignore[union-attr]
    assert len(back.content.decode().split('<tr id="passage-')) == 51


def test_what_is_beyond_the_near_ones_is_found_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "NEAR", 3)
    old = [register(f"1.{number}", "teasers").tag for number in range(3)]
    for number in range(5):
        register(f"2.{number}", "other")
    new = register("3.0", "teasers").tag
    assert found(client, "teasers") == [new, *old[::-1]]
    assert found(client, "teasers", before=str(Passage.objects.get(release__version="2.2").pk)) == old[::-1]
    after = str(Passage.objects.get(release__version="1.0").pk)
    assert found(client, "teasers", after=after) == [new, *old[:0:-1]]


def test_a_search_takes_five_queries_at_most(client: Client) -> None:
    told()
    few = queries_of(lambda: client.get("/history?q=leaked"))
    for number in range(60):
        register(f"1.{number}", "it leaked")
    assert queries_of(lambda: client.get("/history?q=leaked")) == few <= 5


def test_what_is_refused_is_not_kept() -> None:
    register("1.0")
    from releases.errors import Conflict

    with pytest.raises(Conflict):
        register("1.0", "another text")
    assert Passage.objects.count() == 1


def test_it_can_be_made_anew(client: Client) -> None:
    made = told()
    search.clear()
    assert found(client, "leaked") == []
    assert fill() == 5, "the release that was deployed before it was registered by a verb, too"
    assert found(client, "leaked") == [made["rollback"].tag, made["note"].tag]


@pytest.mark.django_db(transaction=True)
def test_a_migrate_makes_an_index_that_is_missing_and_fills_it() -> None:
    made = register("1.0", "teasers")
    Passage.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {search.INDEX}")
    call_command("migrate", verbosity=0)
    passage = Passage.objects.get(search.matching(search.Query([["teasers"]]), 5))
    assert passage.release == made


def test_the_index_is_read_in_the_order_of_the_numbers() -> None:
    """SQLite sorts nothing; PostgreSQL stops where a page is full."""
    told()
    passages = Passage.objects.filter(search.matching(search.Query([["leaked"]]), 51))
    sql, params = passages.query.sql_with_params()
    with connection.cursor() as cursor:
        explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
        cursor.execute(explain + sql, params)
        plan = "\n".join(str(row) for row in cursor.fetchall())
    assert "USE TEMP B-TREE" not in plan


def test_an_environments_page_leads_to_a_search_of_its_service(client: Client) -> None:
    factory.story()
    source = client.get("/s/archive/production/").content.decode()
    assert '<input type="hidden" name="service" value="archive">' in source
    assert 'name="q"' in source
