"""The filtered list as a file: the same rows, streamed, times in UTC, nothing that a spreadsheet calculates."""

import csv
import io
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from releases.history_export import as_csv
from releases.models import Deployment, Event, Release
from releases.queries import paging
from tests import factory
from tests.dashboard.pages import links, queries_of, signed_in, words
from tests.dashboard.test_history import told

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in(factory.person("lee", "auditor"))


def text(response: Any) -> str:
    assert isinstance(response, StreamingHttpResponse)
    return response.getvalue().decode()


def table(client: Client, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(client.get(f"/history.csv{query}")))))


def lines(client: Client, query: str = "") -> list[dict[str, Any]]:
    return [json.loads(line) for line in text(client.get(f"/history.jsonl{query}")).splitlines()]


def test_every_deployment_is_a_row_with_what_became_of_it(client: Client) -> None:
    made = told()
    rows = {row["deployment"]: row for row in table(client)}
    assert list(rows) == [each.tag for each in sorted(made.values(), key=lambda each: -each.pk)]
    tag, back = made["back"].rollback.tag, rows[made["back"].tag]
    assert (back["rollback"], back["undid"], back["words"]) == (tag, made["broken"].tag, "leak")
    assert (back["stands"], back["service"], back["environment"]) == ("restored", "archive", "production")
    assert rows[made["broken"].tag]["undone_by"] == tag
    assert rows[made["target"].tag]["released_again_by"] == tag


def test_both_files_say_the_same(client: Client) -> None:
    told()
    for row, line in zip(table(client), lines(client), strict=True):
        assert {name: row[name] for name in ("deployment", "stands", "started_at")} == {
            name: line[name] for name in ("deployment", "stands", "started_at")
        }


@pytest.mark.parametrize("query", ["?service=archive", "?kind=rollback", "?outcome=fail", "?owner=Ana+Ruiz", "?q="])
def test_the_filters_are_those_of_the_page(client: Client, query: str) -> None:
    told()
    shown = client.get(f"/history{query}").content.decode()
    exported = [line["deployment"] for line in lines(client, query)]
    assert exported
    assert [f'id="deployment-{tag[2:]}"' in shown for tag in exported] == [True] * shown.count('<tr id="deployment-')


def test_releases_come_with_their_texts(client: Client) -> None:
    told()
    row = next(row for row in table(client, "?kind=release") if row["version"] == "2026.11.4")
    assert row["expected_result"] == "p95 of /articles <= +10 %"
    assert row["affected_routes"] == "/articles"
    assert row["committed_at"] == ""
    assert lines(client, "?kind=release&service=payments")[0]["version"] == "3.9.1"


def test_times_are_utc_whatever_the_persons_zone() -> None:
    factory.story()
    Deployment.objects.update(started_at=datetime(2026, 3, 14, 9, tzinfo=UTC), finished_at=None)
    client = signed_in(factory.person("ben", "lead", time_zone="Europe/Berlin"))
    assert {row["started_at"] for row in table(client)} == {"2026-03-14T09:00:00Z"}
    assert {line["finished_at"] for line in lines(client)} == {None}
    Release.objects.update(committed_at=datetime(2026, 3, 14, 9, tzinfo=UTC))
    assert {row["committed_at"] for row in table(client, "?kind=release")} == {"2026-03-14T09:00:00Z"}


@pytest.mark.parametrize("start", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx"])
def test_what_a_spreadsheet_would_calculate_begins_with_an_apostrophe(client: Client, start: str) -> None:
    """C46"""
    release = factory.release(factory.service(), "1.0")
    Release.objects.filter(pk=release.pk).update(rollback_note=start, owner='Ana, "the"\nlead')
    (row,) = table(client, "?kind=release")
    assert row["rollback_note"] == f"'{start}"
    assert row["owner"] == 'Ana, "the"\nlead'
    assert lines(client, "?kind=release")[0]["rollback_note"] == start


def test_a_long_list_is_read_in_batches(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "BATCH", 7)
    place = factory.environment()
    made = [factory.deployed(place, f"1.{number}", None).tag for number in range(30)]
    assert [line["deployment"] for line in lines(client)] == made[::-1]
    assert queries_of(lambda: text(client.get("/history.csv"))) < 20


def test_a_long_file_takes_no_more_memory_than_a_short_one() -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        for _ in as_csv(["a"], ({"a": "x" * 100} for _ in range(rows))):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1000)
    assert peak(20_000) < 2 * peak(1000)


def test_pages_offer_the_list_that_they_show(client: Client) -> None:
    told()
    assert "/history.csv?kind=rollback" in links(client.get("/history?kind=rollback"))
    of_place = links(client.get("/s/archive/production/?kind=rollback"))
    assert "/history.jsonl?service=archive&environment=production&kind=rollback" in of_place


def test_it_is_kept_under_a_name_with_its_time_and_no_cache_keeps_it(client: Client) -> None:
    response = client.get("/history.csv")
    assert response["Content-Disposition"].startswith('attachment; filename="rollbook-history-20')
    assert "no-store" in response["Cache-Control"]


def test_a_filter_that_cannot_be_makes_no_file(client: Client) -> None:
    """C42"""
    response = client.get("/history.csv?from=2026-02-30")
    assert response.status_code == 422
    assert "from is not a day." in words(response)


def test_reading_leaves_no_event(client: Client) -> None:
    told()
    before = Event.objects.count()
    text(client.get("/history.csv"))
    assert Event.objects.count() == before
