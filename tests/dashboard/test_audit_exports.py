"""Exports of the desk: exactly the filtered list, formula-safe, and a chain that holds without Rollbook."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from releases.actor import Actor
from releases.book import Tag, record
from releases.models import Event
from tests import factory
from tests.dashboard.pages import links, signed_in
from tests.rig.processes import bare_environment

pytestmark = pytest.mark.django_db

ANA = Actor(name="=Ana Ruiz", via="web", request_id="r1", origin="192.0.2.7")


@pytest.fixture
def lee() -> Client:
    return signed_in(factory.person("lee", "auditor"))


@pytest.fixture
def four() -> None:
    archive = factory.environment()
    shop = factory.environment(factory.service("shop"))
    record(Tag.FREEZE_LIFTED, ANA, about="RB-1", environment=archive, reason="@mended")
    record(Tag.FREEZE_LIFTED, ANA, about="RB-2", environment=shop, reason="a secret of the shop")
    record(Tag.ENVIRONMENT_FROZEN, ANA, about="RB-3", environment=archive, reason="names leaked")
    record(Tag.CATALOGUE_SYNCED, Actor(name="deploy", via="command line"), before={"a": 1}, after={"a": 2})


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(answer))))


def test_the_page_leads_to_exports_of_exactly_its_question(lee: Client, four: None) -> None:
    shown = links(lee.get("/audit?kind=freeze&service=archive"))
    assert "/audit.csv?kind=freeze&service=archive" in shown
    assert "/audit.jsonl?kind=freeze&service=archive" in shown
    assert "/audit/verify_rollbook_export.py" in shown
    assert "/audit/events.csv?actor=Ana" in links(lee.get("/audit/events?actor=Ana"))


def test_decisions_are_exported_as_they_are_filtered_and_safe_for_a_spreadsheet(lee: Client, four: None) -> None:
    rows = rows_of(lee.get("/audit.csv?kind=freeze&service=archive"))
    assert [row["object"] for row in rows] == ["RB-1"]
    assert (rows[0]["who"], rows[0]["why"]) == ("'=Ana Ruiz", "'@mended")
    assert rows[0]["at"].endswith("Z")
    assert len(rows_of(lee.get("/audit.csv"))) == 2


def test_events_are_exported_as_they_are_filtered(lee: Client, four: None) -> None:
    rows = rows_of(lee.get("/audit/events.csv?action=environment:frozen"))
    assert [(row["event"], row["object"], row["origin"]) for row in rows] == [("3", "RB-3", "192.0.2.7")]
    synced = rows_of(lee.get("/audit/events.csv?actor=deploy"))
    assert (synced[0]["before"], synced[0]["after"]) == ("a: 1", "a: 2")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (".jsonl?kind=freeze&service=archive", [1]),
        (".jsonl", [1, 2]),
        ("/events.jsonl?object=RB-3", [3]),
        ("/events.jsonl?actor=ana&action=environment", [1, 2, 3]),
        ("/events.jsonl?actor=nobody", []),
    ],
)
def test_json_lines_hold_the_chain_and_show_exactly_the_list(
    lee: Client, four: None, tmp_path: Path, asked: str, shown: list[int]
) -> None:
    export, program = tmp_path / "book.jsonl", tmp_path / "verify.py"
    export.write_text(text_of(lee.get(f"/audit{asked}")))
    program.write_bytes(lee.get("/audit/verify_rollbook_export.py").content)
    rows = [json.loads(line) for line in export.read_text().splitlines()][1:]
    assert [row["seq"] for row in rows if "payload" in row] == shown
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(program), str(export)],
        capture_output=True,
        text=True,
        env=bare_environment(),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "The export holds: 5 events" in done.stdout


def test_an_export_leaves_a_line_with_its_question(lee: Client, four: None) -> None:
    lee.get("/audit.csv?kind=freeze&service=archive")
    event = Event.objects.latest("seq")
    assert (event.action, event.actor) == ("book:exported", "Lee Novak")
    assert event.payload["details"] == {"form": "CSV", "question": "Lifted freezes of archive"}


@pytest.mark.parametrize("name", ["/audit.csv", "/audit.jsonl", "/audit/events.csv", "/audit/events.jsonl"])
def test_a_head_takes_nothing_and_so_leaves_no_line(lee: Client, four: None, name: str) -> None:
    answer = lee.head(name)
    assert (answer.status_code, "attachment" in answer["Content-Disposition"]) == (200, True)
    assert list(answer.streaming_content) == []
    assert not Event.objects.filter(action="book:exported").exists()


def test_a_head_of_a_release_s_evidence_leaves_no_line(lee: Client) -> None:
    _, _, live = factory.story()
    for ending in ("html", "json"):
        assert lee.head(f"/audit/releases/{live.release_id}.{ending}").status_code == 200
    assert not Event.objects.filter(action="book:exported").exists()


def test_who_may_not_read_the_book_gets_no_file_and_leaves_no_export(four: None) -> None:
    assert signed_in(factory.on_call()).get("/audit.csv").status_code == 403
    assert not Event.objects.filter(action="book:exported").exists()


def test_a_question_that_cannot_be_read_is_no_file_of_everything(lee: Client, four: None) -> None:
    assert lee.get("/audit.csv?from=yesterday").status_code == 422
    assert lee.get("/audit/events.jsonl?to=yesterday").status_code == 422
