"""Anchors: what a cut tail and a full rewrite are found against, and what keeps one from being written."""

import fcntl
import logging
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.utils import timezone

from releases import anchors, triggers
from releases.actor import worker
from releases.anchoring import Anchoring
from releases.anchors import NotAnchored
from releases.book import GENESIS, Tag, canonical, chain_hash, record, verify
from releases.checks import book_is_anchored
from releases.models import BookHead, Event
from releases.sweep import Sweep
from tests.commands.conftest import Terminal, refusal, terminal

__all__ = ["refusal", "terminal"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file with an anchor of event 2 and one of event 4."""
    path = tmp_path / "anchors.txt"
    for _ in range(2):
        record(Tag.CATALOGUE_SYNCED, worker())
        record(Tag.CATALOGUE_SYNCED, worker())
        anchors.append(path)
    return path


def cut(to: int) -> None:
    """Cut the tail and set the head back, as somebody who knows the chain would."""
    triggers.lift()
    Event.objects.filter(seq__gt=to).delete()
    BookHead.objects.update(seq=to, hash=Event.objects.get(seq=to).hash)


def rewrite(start: int) -> None:
    """Change an event and compute everything after it anew."""
    triggers.lift()
    previous = Event.objects.get(seq=start - 1).hash if start > 1 else GENESIS
    for event in Event.objects.filter(seq__gte=start).order_by("seq"):
        digest = event.payload_digest
        if event.seq == start:
            event.payload = {**event.payload, "reason": "another"}
            digest = sha256(canonical(event.payload)).hexdigest()
        made = chain_hash(previous, event.seq, digest)
        Event.objects.filter(pk=event.pk).update(
            payload=event.payload, payload_digest=digest, previous=previous, hash=made
        )
        previous = made
    BookHead.objects.update(hash=previous)


# --- Writing ----------------------------------------------------------------------------------------------------------


def test_an_anchor_is_number_hash_and_time_on_a_line_of_its_own(kept: Path) -> None:
    lines = kept.read_text().splitlines()
    assert [line.split()[:2] for line in lines] == [[str(n), Event.objects.get(seq=n).hash] for n in (2, 4)]
    assert abs(timezone.now() - list(anchors.read(kept))[-1].at) < timedelta(minutes=1)


def test_a_line_is_only_appended_and_only_for_something_new(kept: Path) -> None:
    before = kept.read_text()
    assert anchors.append(kept) is None
    assert kept.read_text() == before
    record(Tag.CATALOGUE_SYNCED, worker())
    assert anchors.append(kept) is not None
    assert kept.read_text().startswith(before)


def test_an_empty_book_has_nothing_to_anchor(tmp_path: Path) -> None:
    assert anchors.append(tmp_path / "anchors.txt") is None


@pytest.mark.parametrize("harm", [lambda: cut(3), lambda: rewrite(3)], ids=["cut", "rewritten"])
def test_an_anchor_that_would_cover_up_is_refused(kept: Path, refusal: Terminal, harm: Callable[[], None]) -> None:
    """B62"""
    harm()
    before = kept.read_text()
    said = refusal("anchor_audit", "--file", str(kept))
    assert said.startswith("Nothing was anchored: ")
    assert "was anchored on" in said
    assert kept.read_text() == before


def test_a_head_that_is_not_the_last_event_is_not_anchored(kept: Path) -> None:
    BookHead.objects.update(hash="1" * 64)
    with pytest.raises(NotAnchored, match="the head of the book is not its last event"):
        anchors.append(kept)


@pytest.mark.parametrize("torn", ["4 abc", "hello\n", "\n", "x" * 500])
def test_a_last_line_that_is_none_is_left_for_a_person(kept: Path, torn: str) -> None:
    with kept.open("a") as file:
        file.write(torn)
    record(Tag.CATALOGUE_SYNCED, worker())
    with pytest.raises(NotAnchored, match=r"The last line of .* is no anchor"):
        anchors.append(kept)
    assert kept.read_text().endswith(torn)


def test_two_writers_do_not_write_at_once(kept: Path) -> None:
    record(Tag.CATALOGUE_SYNCED, worker())
    with kept.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(NotAnchored, match="another process is writing"):
            anchors.append(kept)


def test_a_pipe_is_no_file_and_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotAnchored, match="no plain file"):
        anchors.append(tmp_path / "pipe")


# --- Comparing --------------------------------------------------------------------------------------------------------


def test_anchors_that_agree_are_said(kept: Path, terminal: Terminal) -> None:
    record(Tag.CATALOGUE_SYNCED, worker())
    assert terminal("verify_audit", "--anchor", str(kept)).endswith("Anchors that agree: 2, the newest of event 4.")


def test_without_an_anchor_the_command_says_what_it_cannot_find(kept: Path, terminal: Terminal) -> None:
    assert "A cut tail or a full rewrite can only be found against one" in terminal("verify_audit")


def test_a_cut_tail_with_a_new_head_is_found(kept: Path, refusal: Terminal) -> None:
    """B62"""
    cut(3)
    assert verify() is None, "without an anchor nobody can know"
    assert "at event 4: the book ends at 3, but event 4 was anchored on" in refusal("verify_audit", f"--anchor={kept}")


def test_a_full_rewrite_is_found_at_the_first_anchor_after_it(kept: Path, refusal: Terminal) -> None:
    """B62"""
    rewrite(1)
    assert verify() is None, "without an anchor nobody can know"
    assert "at event 2: it is not the one that was anchored on" in refusal("verify_audit", f"--anchor={kept}")


@pytest.mark.parametrize("text", [None, "", "nonsense\n", f"0 {'0' * 64} 2026-11-24T12:00:00Z\n"], ids=str)
def test_anchors_that_cannot_be_read_are_no_agreement(tmp_path: Path, refusal: Terminal, text: str | None) -> None:
    path = tmp_path / "anchors.txt"
    if text is not None:
        path.write_text(text)
    assert refusal("verify_audit", f"--anchor={path}").startswith("Nothing was verified. ")


# --- On a schedule ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_sweep_anchors_the_head_when_it_is_due(tmp_path: Path, settings: Any) -> None:
    settings.ROLLBOOK_ANCHOR_FILE = str(tmp_path / "anchors.txt")
    now = 0.0
    sweep = Sweep(anchoring=Anchoring(clock=lambda: now))
    for now, anchored in ((0.0, 1), (3599.0, 1), (3600.0, 2)):
        record(Tag.CATALOGUE_SYNCED, worker())
        sweep.once()
        sweep.anchoring.finish(20)
        assert len(list(anchors.read(tmp_path / "anchors.txt"))) == anchored, now


@pytest.mark.django_db(transaction=True)
def test_a_failure_is_logged_and_ends_no_sweep(tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.ROLLBOOK_ANCHOR_FILE = str(tmp_path / "no such directory" / "anchors.txt")
    sweep = Sweep()
    sweep.once()
    sweep.anchoring.finish(20)
    assert "the book was not anchored. Nothing was anchored: " in caplog.text


def test_a_file_system_that_hangs_is_said_and_not_waited_for(
    tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ROLLBOOK_ANCHOR_FILE = str(tmp_path / "anchors.txt")
    answers = threading.Event()
    monkeypatch.setattr(anchors, "append", lambda path: answers.wait(60) and None)
    anchoring = Anchoring(clock=iter([0.0, 0.0, 9e9, 9e9]).__next__)
    with caplog.at_level(logging.ERROR):
        anchoring.anchor_when_due()
        anchoring.anchor_when_due()
        said = caplog.text
    answers.set()
    anchoring.finish(20)
    assert "does not answer" in said


# --- The system check -------------------------------------------------------------------------------------------------


@pytest.fixture
def checked(kept: Path, settings: Any) -> Path:
    settings.ROLLBOOK_ANCHOR_FILE = str(kept)
    return kept


def warnings() -> list[CheckMessage]:
    return book_is_anchored(None, databases=["default"])


def test_anchors_that_agree_warn_of_nothing(checked: Path) -> None:
    record(Tag.CATALOGUE_SYNCED, worker())
    assert warnings() == []


def test_anchors_that_contradict_warn(checked: Path) -> None:
    cut(3)
    assert "Its tail was cut" in warnings()[0].msg


def test_anchors_that_are_not_there_warn(checked: Path) -> None:
    checked.unlink()
    assert "could not be read" in warnings()[0].msg


def test_anchors_that_fell_behind_warn(checked: Path, settings: Any) -> None:
    record(Tag.CATALOGUE_SYNCED, worker())
    settings.ROLLBOOK_ANCHOR_SECONDS = -60
    assert "are not anchored" in warnings()[0].msg
