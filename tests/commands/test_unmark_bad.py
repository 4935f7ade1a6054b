"""unmark_bad at a terminal."""

import pytest
from django.utils import timezone

from releases import queries
from releases.models import Event, Release
from tests import factory
from tests.commands.conftest import Terminal

pytestmark = pytest.mark.django_db


def mark(version: str) -> None:
    Release.objects.filter(version=version).update(bad_since=timezone.now(), bad_reason="RB-1: Other", bad_by="Cho")


def test_a_release_without_its_bad_mark_is_a_target_again_and_the_book_says_why(terminal: Terminal) -> None:
    place, target, _ = factory.story()
    mark("2026.11.3")
    assert queries.way_back(place).target is None
    said = terminal("unmark_bad", "archive", "2026.11.3", "--reason", "it was the network")
    assert said == "archive 2026.11.3 is no longer marked bad."
    assert queries.way_back(place).target == target
    assert Event.objects.get(action="release:unmarked_bad").payload["reason"] == "it was the network"


def test_twice_says_so(terminal: Terminal) -> None:
    factory.story()
    assert terminal("unmark_bad", "archive", "2026.11.3", "--reason", "x") == "archive 2026.11.3 was not marked bad."


def test_a_reason_is_required(terminal: Terminal, refusal: Terminal) -> None:
    factory.story()
    mark("2026.11.3")
    assert "reason is missing." in refusal("unmark_bad", "archive", "2026.11.3")
    assert Release.objects.get(version="2026.11.3").bad
