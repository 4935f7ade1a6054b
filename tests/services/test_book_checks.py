"""The chain is walked on a schedule, a little at a time, and what was found is kept for the pages."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from releases import triggers
from releases.actor import worker
from releases.anchoring import Anchoring
from releases.anchors import Anchor, Contradicted, NotAnchored
from releases.book import Tag, record
from releases.models import BookCheck, BookHead, Event
from releases.queries.book_state import book_state
from releases.services.book_checks import check_some
from releases.sweep import Sweep

pytestmark = pytest.mark.django_db


def write(events: int) -> None:
    for _ in range(events):
        record(Tag.CATALOGUE_SYNCED, worker())


def kept() -> BookCheck:
    return BookCheck.objects.get()


def a_day_passes() -> None:
    before = timezone.now() - timedelta(hours=25)
    BookCheck.objects.update(begun_at=before, whole_at=before + timedelta(minutes=1), newest_at=before)


def test_a_book_that_was_never_walked_is_not_checked() -> None:
    write(3)
    assert book_state().word == "not checked"


def test_each_round_walks_a_bounded_number_of_events() -> None:
    write(5)
    check_some(limit=2)
    assert (kept().seq, kept().whole_at, book_state().word) == (2, None, "not checked")
    check_some(limit=2)
    check_some(limit=2)
    assert (kept().seq, kept().whole_events, book_state().word) == (5, 5, "intact")


def test_a_walk_that_ends_at_a_full_round_is_told_whole_by_the_next() -> None:
    write(2)
    check_some(limit=2)
    check_some(limit=2)
    assert kept().whole_events == 2


def test_between_two_walks_only_what_was_added_is_looked_at() -> None:
    write(3)
    check_some()
    triggers.lift()
    Event.objects.filter(seq=1).update(actor="Lee Novak")
    triggers.install()
    write(2)
    check_some()
    state = book_state()
    assert (state.word, state.check.whole_events, state.added) == ("intact", 3, 2)


def test_a_day_later_a_walk_begins_at_the_first_event_and_finds_the_change() -> None:
    """B62"""
    write(3)
    check_some()
    triggers.lift()
    Event.objects.filter(seq=2).update(actor="Lee Novak")
    a_day_passes()
    check_some()
    assert (kept().flaw_seq, kept().flaw) == (2, "its content was changed")
    assert book_state().word == "broken"


def test_a_tail_that_was_cut_behind_what_had_been_checked_is_found_without_an_anchor() -> None:
    """B62: head and events agree, but fewer are there than were checked before."""
    write(5)
    check_some()
    triggers.lift()
    Event.objects.filter(seq__gt=3).delete()
    BookHead.objects.update(seq=3, hash=Event.objects.get(seq=3).hash)
    check_some()
    assert (kept().flaw_seq, "its tail was cut" in kept().flaw) == (4, True)
    a_day_passes()
    check_some()
    assert "its tail was cut" in kept().flaw


def test_a_broken_book_is_walked_again_and_told_intact_once_it_holds() -> None:
    write(3)
    triggers.lift()
    Event.objects.filter(seq=2).update(actor="Lee Novak")
    check_some()
    Event.objects.filter(seq=2).update(actor=worker().name)
    check_some()
    assert kept().flaw_seq == 2, "only a walk from the first event takes the flaw away"
    triggers.install()
    call_command("verify_audit")
    assert (kept().flaw_seq, book_state().word) == (None, "intact")


def test_a_walk_at_a_terminal_is_kept_too() -> None:
    write(3)
    call_command("verify_audit")
    assert (kept().whole_events, book_state().word) == (3, "intact")
    triggers.lift()
    Event.objects.filter(seq=2).update(actor="Lee Novak")
    with pytest.raises(CommandError, match="does not hold at event 2"):
        call_command("verify_audit")
    assert kept().flaw_seq == 2


def test_a_book_without_its_triggers_is_not_intact() -> None:
    write(1)
    check_some()
    triggers.lift()
    assert book_state().word == "broken"


def test_a_walk_of_long_ago_is_not_called_intact() -> None:
    write(1)
    check_some()
    assert book_state(timezone.now() + timedelta(hours=37)).word == "not checked lately"


def test_the_sweep_walks() -> None:
    write(2)
    Sweep().once()
    assert kept().whole_events == 2


def test_the_newest_anchor_and_what_contradicts_it_are_kept() -> None:
    anchoring = Anchoring()
    anchoring.ended.put(Anchor(2, "0" * 64, timezone.now()))
    anchoring.anchor_when_due()
    assert (kept().anchor_seq, kept().anchor_problem) == (2, "")
    anchoring.ended.put(NotAnchored("Nothing was anchored: the disk is full."))
    anchoring.anchor_when_due()
    assert (kept().anchor_problem, book_state().word) == ("Nothing was anchored: the disk is full.", "not checked")
    anchoring.ended.put(Contradicted("Nothing was anchored: event 2 is another."))
    anchoring.anchor_when_due()
    assert book_state().word == "broken"
