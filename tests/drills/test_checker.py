"""The judge of the drills finds what it is there to find: each made-up log breaks one rule."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drills.checker import Facts, Row, broken_rules, during_the_fault
from tests.drills.drill import word_of
from tests.drills.log import FILE, Click, Effect, Happened, Log, Look, Told, Turn, read
from tests.little_service import LittleService

pytestmark = pytest.mark.once

SECRET = "hunter2"


def happened() -> Happened:
    """A drill as it should be: one click, a fault from second 2 to 8, restored at second 12."""
    return Happened(
        clicks=[Click("k1", sent=1.0, answered=1.1, status=303, rollback=7)],
        told=[Told(7, "Queued", 1.3), Told(7, "Worker lost", 5.0), Told(7, "Restored", 12.0)],
        looks=[Look("/", 2.0 + number / 10, 0.05, 200) for number in range(40)],
        turns=[Turn("fault", 2.0), Turn("over", 8.0)],
        effects=[Effect("start", "E-3.aa", "2026.11.3", 40, 2.0), Effect("end", "E-3.aa", "2026.11.3", 40, 6.0)],
    )


def facts() -> Facts:
    return Facts(
        rollbacks=[Row(7, "done", "restored")],
        executions={"E-3"},
        pressed=["RB-7"],
        keys={"k1": "RB-7"},
        texts={"act.log": "switching to 2026.11.3"},
    )


def test_nothing_is_said_where_everything_holds() -> None:
    assert broken_rules(happened(), facts(), SECRET) == []


def again(log: Happened, _: Facts) -> None:
    log.effects += [Effect("start", "E-3.bb", "2026.11.3", 41, 7.0)]


def beside(log: Happened, facts: Facts) -> None:
    log.effects += [Effect("start", "E-4.cc", "2026.11.3", 41, 5.0, beside=[40])]
    facts.executions.add("E-4")


def of_nobody(log: Happened, _: Facts) -> None:
    log.effects += [Effect("start", "E-9.dd", "2026.11.3", 41, 7.0)]


def without_an_event(_: Happened, facts: Facts) -> None:
    facts.pressed = []


def with_two_events(_: Happened, facts: Facts) -> None:
    facts.pressed *= 2


def event_of_nothing(_: Happened, facts: Facts) -> None:
    facts.pressed += ["RB-8"]


def success_without_a_row(_: Happened, facts: Facts) -> None:
    facts.rollbacks, facts.pressed, facts.keys = [], [], {}


def key_made_another(_: Happened, facts: Facts) -> None:
    facts.keys["k1"] = "RB-6"


def refused_and_made(log: Happened, facts: Facts) -> None:
    log.clicks += [Click("k2", 1.0, 1.1, 409)]
    facts.keys["k2"] = "RB-7"


def a_bare_500(log: Happened, _: Facts) -> None:
    log.clicks += [Click("k2", 1.0, 1.1, 500)]


def left_running(_: Happened, facts: Facts) -> None:
    facts.rollbacks = [Row(7, "running", "")]


def done_without_an_outcome(_: Happened, facts: Facts) -> None:
    facts.rollbacks = [Row(7, "done", "")]


def never_told(log: Happened, _: Facts) -> None:
    log.told = log.told[:1]


def told_late(log: Happened, _: Facts) -> None:
    log.told = [Told(7, "Queued", 1.3), Told(7, "Restored", 68.5)]


def told_otherwise(log: Happened, _: Facts) -> None:
    log.told += [Told(7, "Not restored", 13.0)]


def leaked(_: Happened, facts: Facts) -> None:
    facts.texts["E-3"] = f"with the token {SECRET}"


def slow(log: Happened, _: Facts) -> None:
    log.looks += [Look("/", 6.0, 1.5, 200) for _ in range(4)]


def flawed(_: Happened, facts: Facts) -> None:
    facts.flaws = ["12: its content was changed"]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (again, "the command of E-3 ran 2 times"),
        (beside, "the command of E-4 ran beside [40]"),
        (of_nobody, "a command ran for E-9, of which the database knows nothing"),
        (without_an_event, "RB-7 has 0 events that say it was pressed"),
        (with_two_events, "RB-7 has 2 events that say it was pressed"),
        (event_of_nothing, "an event says that RB-8 was pressed, which there is not"),
        (success_without_a_row, "a click was led to RB-7, which there is not"),
        (key_made_another, "a click was led to RB-7, and its key made RB-6"),
        (refused_and_made, "a click was refused with 409, and made RB-7 all the same"),
        (a_bare_500, "a click was answered with 500"),
        (left_running, "RB-7 is left running"),
        (done_without_an_outcome, "RB-7 is done without an outcome"),
        (never_told, "the page of RB-7 never said what happened"),
        (told_late, "the page of RB-7 said 'Restored' only after 60 s"),
        (told_otherwise, "the page of RB-7 says 'Not restored', the database 'Restored'"),
        (leaked, "the secret stands in E-3"),
        (slow, "pages answered slowly: p95 1.50 s of 44 looks while the fault lasted"),
        (flawed, "the book: 12: its content was changed"),
    ],
)
def test_each_broken_rule_is_named(spoil: Callable[[Happened, Facts], None], sentence: str) -> None:
    log, known = happened(), facts()
    spoil(log, known)
    assert sentence in broken_rules(log, known, SECRET)


def test_only_looks_during_the_fault_are_timed() -> None:
    log = happened()
    log.looks = [Look("/", at, at, 200) for at in (1.0, 2.5, 7.9, 8.1)]
    assert during_the_fault(log) == [2.5, 7.9]


def test_a_fault_that_is_never_over_lasts_to_the_end() -> None:
    log = happened()
    log.turns = [Turn("fault", 2.0)]
    log.looks = [Look("/", 99.0, 0.1, 200)]
    assert during_the_fault(log) == [0.1]


def test_the_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    log, wanted = Log(tmp_path / FILE), happened()
    for line in [*wanted.clicks, *wanted.told, *wanted.looks, *wanted.turns]:
        log.write(line)
    service = LittleService(tmp_path, server=None)  # type: ignore[arg-type]
    wanted.effects = []
    assert read(tmp_path / FILE, service) == wanted


def test_the_word_is_read_from_the_title_of_a_page() -> None:
    assert word_of("<title>● Restored · RB-3 archive/production · Rollbook</title>") == "Restored"
