"""The export of the book, and the program that verifies it without Rollbook.

The verifier runs as an auditor runs it: a process of its own, without our code and without any package.
"""

import hashlib
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from releases import book, triggers
from releases.actor import Actor, worker
from releases.book import Tag, canonical, chain_hash, record
from releases.book_export import VERIFIER, Filter, export_lines
from releases.models import BookHead, Event
from tests import factory
from tests.rig.processes import bare_environment

pytestmark = pytest.mark.django_db

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
ANA = Actor(name="Ána Ruiz 🚦", via="web", request_id="r1", origin="192.0.2.7")

Rows = list[dict[str, Any]]
Verify = Callable[..., tuple[int, str]]


@pytest.fixture
def six() -> None:
    """Six events, of two services and of none."""
    archive = factory.environment()
    shop = factory.environment(factory.service("shop"))
    record(Tag.CATALOGUE_SYNCED, worker(), changes=["service archive added"])
    record(Tag.ENVIRONMENT_FROZEN, ANA, about="RB-1", environment=archive, reason="names leaked")
    record(Tag.ENVIRONMENT_FROZEN, ANA, about="RB-2", environment=shop, reason="a secret of the shop")
    record(Tag.FREEZE_LIFTED, ANA, about="RB-2", environment=shop)
    record(Tag.FREEZE_LIFTED, ANA, about="RB-1", environment=archive, big=2**70, none=None, text='\u2028 \\ "')
    record(Tag.TOKEN_CREATED, worker(), about="T-1")


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    """Run the verifier on lines; return its exit status and what it said."""

    def run(rows: Rows | str, *, anchors: str = "", argv: tuple[str, ...] = ()) -> tuple[int, str]:
        export = tmp_path / "book.jsonl"
        export.write_text(rows if isinstance(rows, str) else "".join(f"{json.dumps(row)}\n" for row in rows))
        more = [*argv]
        if anchors:
            (tmp_path / "anchors.txt").write_text(anchors)
            more += ["--anchor", str(tmp_path / "anchors.txt")]
        return run_verifier(export, *more)

    return run


def run_verifier(export: Path, *more: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(VERIFIER), str(export), *more],
        capture_output=True,
        text=True,
        env=bare_environment(),
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def exported(**shown: Any) -> Rows:
    return [json.loads(line) for line in export_lines(Filter(**shown))]


def flaw(answer: tuple[int, str]) -> str:
    """Return what the verifier found; it must have failed."""
    status, said = answer
    assert status == 1
    return said.removeprefix("The export does not hold: ")


def anchor_of(seq: int) -> str:
    return f"{seq} {Event.objects.get(seq=seq).hash} 2026-11-24T12:00:00Z\n"


# --- Exporting --------------------------------------------------------------------------------------------------------


def test_the_first_line_says_what_the_book_was(six: None) -> None:
    head = exported()[0]
    assert head["rollbook_export"] == 1
    assert head["head"] == {"seq": 6, "hash": BookHead.objects.get().hash}
    assert head["filter"] == {"service": "", "since": "", "until": ""}
    assert head["exported_at"].endswith("Z")


def test_an_export_of_a_service_shows_nothing_of_another_but_digests(six: None) -> None:
    rows = exported(service="archive")[1:]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["seq"] for row in rows if "payload" in row] == [2, 5]
    assert "shop" not in json.dumps(rows)


def test_an_export_of_a_time_shows_what_happened_then(six: None) -> None:
    times = list(Event.objects.values_list("at", flat=True))
    rows = exported(since=times[1], until=times[4])[1:]
    assert [row["seq"] for row in rows if "payload" in row] == [2, 3, 4]
    assert len(rows) == 6


def test_a_long_book_needs_no_more_memory_than_a_short_one() -> None:
    """Measured on what the export itself holds at once; the rows are made without the chain, which it does not ask."""

    def make(numbers: range) -> None:
        Event.objects.bulk_create(
            Event(seq=n, at=timezone.now(), action="a:b", payload={"n": "x" * 2000}, payload_digest="", hash=str(n))
            for n in numbers
        )

    def peak() -> int:
        tracemalloc.start()
        for _ in export_lines(Filter()):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    make(range(1, 2001))
    short = peak()
    make(range(2001, 8001))
    assert peak() < 1.5 * short


# --- Verifying what holds ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", [{}, {"service": "archive"}, {"since": NEVER}], ids=["all", "a service", "none"])
def test_every_export_of_a_sound_book_holds(six: None, verify: Verify, shown: dict[str, Any]) -> None:
    status, said = verify(exported(**shown))
    assert status == 0
    assert said.startswith(f"The export holds: 6 events, head {BookHead.objects.get().hash}")


def test_events_of_before_groups_were_kept_hold_beside_newer_ones(verify: Verify) -> None:
    newer = record(Tag.RELEASE_REGISTERED, factory.actor(factory.lead()), about="R-1")
    payload = {key: value for key, value in newer.payload.items() if key != "groups"}
    triggers.lift()
    digest = hashlib.sha256(canonical(payload)).hexdigest()
    as_then = {"payload": payload, "payload_digest": digest, "hash": chain_hash(newer.previous, 1, digest)}
    Event.objects.filter(seq=1).update(**as_then)
    BookHead.objects.update(hash=as_then["hash"])
    assert record(Tag.RELEASE_REGISTERED, factory.actor(factory.on_call()), about="R-2").groups == "on-call"
    assert Event.objects.get(seq=1).groups == ""
    assert book.verify() is None
    assert verify(exported())[0] == 0


def test_an_empty_book_holds(verify: Verify) -> None:
    assert verify(exported())[0] == 0


def test_what_cannot_be_known_is_said(six: None, verify: Verify) -> None:
    said = verify(exported(service="archive"))[1]
    assert "4 are shown by digest alone: which ones were left out is the word of whoever exported" in said
    assert "can be found only against one that was kept outside the database" in said


def test_anchors_that_agree_are_counted(six: None, verify: Verify) -> None:
    status, said = verify(exported(service="archive"), anchors=anchor_of(2) + anchor_of(6))
    assert status == 0
    assert said.endswith("2 anchors agree; the newest is event 6 of 2026-11-24T12:00:00Z.")


def test_the_verifier_shares_no_code_with_the_writer() -> None:
    """It is read from a directory of its own, isolated; here is what it names at all."""
    source = VERIFIER.read_text()
    assert "django" not in source.lower()
    assert "from releases" not in source
    assert "import releases" not in source


# --- Verifying what does not ------------------------------------------------------------------------------------------


def test_a_changed_word_is_named(six: None, verify: Verify) -> None:
    """B62"""
    rows = exported()
    rows[2]["payload"]["actor"] = "Lee Novak"
    assert flaw(verify(rows)) == "the content of event 2 (line 3) was changed: its digest is another."


def test_a_changed_word_with_its_digest_is_named(six: None, verify: Verify) -> None:
    """B62"""
    rows = exported()
    rows[2] = _forged(rows[2])
    assert flaw(verify(rows)) == "event 2 (line 3) does not follow from the one before it."


def test_a_changed_word_with_all_its_hashes_is_named_by_the_next_event(six: None, verify: Verify) -> None:
    """B62"""
    rows = exported()
    rows[2] = _rehashed(_forged(rows[2]), rows[1]["hash"])
    assert flaw(verify(rows)) == "event 3 (line 4) does not follow from the one before it."


def test_an_event_left_out_is_named(six: None, verify: Verify) -> None:
    """B62"""
    rows = exported()
    del rows[3]
    assert flaw(verify(rows)) == "line 4 is event 4: event 3 is missing."


def test_events_that_changed_places_are_named(six: None, verify: Verify) -> None:
    """B62"""
    rows = exported()
    rows[3], rows[5] = rows[5], rows[3]
    assert flaw(verify(rows)) == "line 4 is event 5; event 3 stands in line 6: out of order."


def test_events_that_changed_contents_are_named(six: None, verify: Verify) -> None:
    """B62"""
    rows = exported()
    for name in ("payload", "digest"):
        rows[3][name], rows[4][name] = rows[4][name], rows[3][name]
    assert flaw(verify(rows)) == "event 3 (line 4) does not follow from the one before it."


def test_an_event_that_stands_twice_is_named(six: None, verify: Verify) -> None:
    rows = exported()
    rows.insert(3, rows[2])
    assert "line 4 is event 2 where event 3 belongs" in flaw(verify(rows))


def test_a_cut_tail_disagrees_with_the_head(six: None, verify: Verify) -> None:
    """B62"""
    assert flaw(verify(exported()[:-2])) == (
        "the file ends at event 4, its first line says 6 events: the tail is missing."
    )


def test_a_cut_tail_with_a_new_head_disagrees_with_the_anchor(six: None, verify: Verify) -> None:
    """B62"""
    rows = exported()[:-2]
    rows[0]["head"] = {"seq": 4, "hash": rows[-1]["hash"]}
    assert verify(rows)[0] == 0, "without an anchor nobody can know"
    assert "event 6 was anchored on 2026-11-24T12:00:00Z (anchor line 1): the tail is missing" in flaw(
        verify(rows, anchors=anchor_of(6))
    )


def test_a_full_rewrite_disagrees_with_the_anchor(six: None, verify: Verify) -> None:
    """B62"""
    anchors = anchor_of(1) + anchor_of(5)
    rows = exported()
    rows[2] = _forged(rows[2])
    for before, row in pairwise(rows[1:]):
        row.update(_rehashed(row, before["hash"]))
    rows[0]["head"]["hash"] = rows[-1]["hash"]
    assert verify(rows)[0] == 0, "without an anchor nobody can know"
    assert "event 5 (line 6) is not the one that was anchored on" in flaw(verify(rows, anchors=anchors))


def test_events_behind_the_head_are_named(six: None, verify: Verify) -> None:
    rows = exported()
    rows[0]["head"] = {"seq": 5, "hash": rows[5]["hash"]}
    assert "line 7 is event 6, behind the head" in flaw(verify(rows))


def test_a_head_of_another_hash_is_named(six: None, verify: Verify) -> None:
    rows = exported()
    rows[0]["head"]["hash"] = "1" * 64
    assert "is not the head that the first line names" in flaw(verify(rows))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"seq": 2, "seq": 1, "digest": "d", "hash": "h"}\n', "a key twice stands in it"),
        ('{"seq": 1.0}\n', "a number that is not whole"),
        ('{"seq": NaN}\n', "a number that is none"),
        ('{"seq": ' + "9" * 5000 + "}\n", "a number that is too long"),
        ("[" * 200_000 + "\n", "not JSON as an export has it"),
        ("\x1b[2J\n", "not JSON as an export has it"),
        ("[]\n", "is not an event"),
        ('{"seq": true, "digest": "d", "hash": "h"}\n', "is not an event"),
        (f'{{"seq": 1, "digest": "{"0" * 64}", "hash": "{"0" * 64}", "note": "not hashed"}}\n', "is not an event"),
        ('{"seq": 1', "was cut off there"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_lines_that_an_export_never_has_are_named(verify: Verify, line: str, says: str) -> None:
    head = {"rollbook_export": 1, "head": {"seq": 1, "hash": "0" * 64}, "filter": {}, "exported_at": "x"}
    found = flaw(verify(f"{json.dumps(head)}\n{line}"))
    assert says in found
    assert found.isprintable()


@pytest.mark.parametrize("text", ["", "{}\n", "[]\n", '{"rollbook_export": 2}\n', '{"rollbook_export": 1}\n'])
def test_a_file_that_is_no_export_is_refused(verify: Verify, text: str) -> None:
    assert flaw(verify(text))


@pytest.mark.parametrize("text", ["\n", "7\n", f"0 {'0' * 64} 2026-11-24T12:00:00Z\n", "x" * 300, "1 2 3"])
def test_an_anchor_file_that_cannot_be_read_is_no_agreement(six: None, verify: Verify, text: str) -> None:
    assert "of the anchor file is no anchor" in flaw(verify(exported(), anchors=text))


def test_an_empty_anchor_file_is_no_agreement(six: None, verify: Verify, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.touch()
    assert "holds no anchor" in flaw(verify(exported(), argv=("--anchor", str(empty))))


def test_a_file_that_is_not_there_is_no_agreement(tmp_path: Path) -> None:
    status, said = run_verifier(tmp_path / "nothing.jsonl")
    assert status == 1
    assert said.startswith("Nothing was verified: ")


def test_a_flaw_of_the_database_is_exported_for_the_verifier_to_name(six: None, verify: Verify) -> None:
    """B62"""
    triggers.lift()
    Event.objects.filter(pk=4).delete()
    assert flaw(verify(exported())) == "line 5 is event 5: event 4 is missing."


def _forged(row: dict[str, Any]) -> dict[str, Any]:
    payload = {**row["payload"], "reason": "another"}
    return {**row, "payload": payload, "digest": hashlib.sha256(canonical(payload)).hexdigest()}


def _rehashed(row: dict[str, Any], previous: str) -> dict[str, Any]:
    return {**row, "hash": chain_hash(previous, row["seq"], row["digest"])}
