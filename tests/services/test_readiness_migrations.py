"""The worker's look at a way back: what it says of the migrations in between."""

from datetime import UTC, datetime
from typing import Any

import pytest

from releases.migration_report import NO_COMMAND
from releases.models import Deployment, Environment, MigrationReport
from releases.queries.readiness.item import ReadinessItem
from releases.services.readiness.migrations import item
from releases.services.readiness.seen import Seen
from tests import factory

REVERSIBLE = {"name": "0006_index", "kind": "reversible"}
SPLIT = {"name": "0005_split", "kind": "irreversible", "what_to_do": "Restore the backup."}


def said(*migrations: dict[str, Any], problem: str = "", answered_at: datetime | None = None) -> ReadinessItem:
    report = MigrationReport(migrations=list(migrations), problem=problem, answered_at=answered_at)
    return item(Seen(Environment(), Deployment(), Deployment(), [], report))


@pytest.mark.parametrize(
    ("migrations", "says"),
    [
        ([], "none in between"),
        ([REVERSIBLE], "1 in between, it is reversible"),
        ([REVERSIBLE, REVERSIBLE], "2 in between, all reversible"),
    ],
)
def test_none_and_reversible_ones_are_ready(migrations: list[dict[str, str]], says: str) -> None:
    found = said(*migrations)
    assert (found.word, found.says) == ("ready", says)


def test_a_loss_is_red_and_named_before_anything_else() -> None:
    found = said(SPLIT, factory.LOSING, REVERSIBLE)
    assert (found.word, found.says) == ("not ready", f"going back loses {factory.LOSS}")
    assert "asks you to accept it" in found.what_to_do


def test_an_irreversible_one_is_red_with_what_to_do() -> None:
    found = said(REVERSIBLE, SPLIT)
    assert (found.word, found.says, found.what_to_do) == (
        "not ready",
        "irreversible: 0005_split",
        "Restore the backup.",
    )


def test_what_could_not_be_asked_is_not_known_and_never_ready() -> None:
    found = said(problem="check_migrations did not end within 10 s.")
    assert (found.word, found.ready) == ("not known", False)


@pytest.mark.parametrize(
    ("known", "says"),
    [(factory.LOSING, f"going back loses {factory.LOSS}"), (SPLIT, "irreversible: 0005_split")],
    ids=["data-losing", "irreversible"],
)
@pytest.mark.parametrize("problem", ["check_migrations did not end within 10 s.", NO_COMMAND])
def test_what_is_known_stays_red_with_its_age_when_nobody_can_say_it_again(
    known: dict[str, str], says: str, problem: str
) -> None:
    """C25"""
    found = said(known, problem=problem, answered_at=datetime(2026, 11, 27, 3, 4, tzinfo=UTC))
    assert found.word == "not ready"
    assert found.says == f"{says} (said at 2026-11-27 03:04Z; the last look failed: {problem.rstrip('.')})"


def test_what_was_harmless_before_is_not_known_when_nobody_can_say_it_again() -> None:
    found = said(REVERSIBLE, problem="check_migrations did not end within 10 s.", answered_at=datetime.now(UTC))
    assert (found.word, found.ready) == ("not known", False)


def test_a_catalogue_without_the_command_is_no_alarm_for_ever() -> None:
    found = said(problem=NO_COMMAND)
    assert (found.word, found.red) == ("not checked", False)
    assert found.says == "not known: the catalogue has no check_migrations command"
