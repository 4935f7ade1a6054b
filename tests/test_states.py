"""The words for states, the moves between them, and the table that derives an outcome."""

from itertools import product

import pytest

from releases.states import (
    OPEN_ROLLBACK,
    OUTCOMES,
    ROLLBACK_MOVES,
    CommandEnd,
    CommandState,
    Outcome,
    ProbesSay,
    Regression,
    RehearsalOutcome,
    RollbackStatus,
    Serving,
    Verdict,
    command_end,
    derive_outcome,
    derive_rehearsal,
    worst,
    worst_regression,
)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ({Verdict.PASS}, Verdict.PASS),
        ({Verdict.PASS, Verdict.SKIPPED}, Verdict.PASS),
        ({Verdict.PASS, Verdict.INCONCLUSIVE}, Verdict.INCONCLUSIVE),
        ({Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.PASS}, Verdict.ERROR),
        ({Verdict.ERROR, Verdict.FAIL, Verdict.PASS}, Verdict.FAIL),
    ],
)
def test_the_worst_verdict_decides(verdicts: set[Verdict], expected: Verdict) -> None:
    assert worst(verdicts) is expected


@pytest.mark.parametrize("verdicts", [set(), {Verdict.SKIPPED}], ids=["empty", "all skipped"])
def test_nothing_measured_is_inconclusive_and_never_a_pass(verdicts: set[Verdict]) -> None:
    assert worst(verdicts) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("regressions", "expected"),
    [
        ([], Regression.UNKNOWN),
        ([Regression.NO], Regression.NO),
        ([Regression.NO, Regression.UNKNOWN], Regression.UNKNOWN),
        ([Regression.UNKNOWN, Regression.YES, Regression.NO], Regression.YES),
    ],
)
def test_one_regression_is_a_regression_and_one_unknown_leaves_it_unknown(
    regressions: list[Regression], expected: Regression
) -> None:
    assert worst_regression(regressions) is expected


def test_every_status_of_a_rollback_says_where_it_may_go() -> None:
    assert set(ROLLBACK_MOVES) == set(RollbackStatus)


def test_open_statuses_are_those_with_a_way_on() -> None:
    assert set(OPEN_ROLLBACK) == set(RollbackStatus) - {
        RollbackStatus.DONE,
        RollbackStatus.CANCELLED,
        RollbackStatus.REFUSED,
    }


@pytest.mark.parametrize("to", [RollbackStatus.CANCELLED, RollbackStatus.REFUSED])
def test_nothing_has_run_is_said_only_of_what_was_never_claimed(to: RollbackStatus) -> None:
    assert [status for status, moves in ROLLBACK_MOVES.items() if to in moves] == [RollbackStatus.QUEUED]


def test_only_a_measured_rollback_can_be_done() -> None:
    assert [status for status, moves in ROLLBACK_MOVES.items() if RollbackStatus.DONE in moves] == [
        RollbackStatus.VERIFYING
    ]


@pytest.mark.parametrize(
    ("command", "exit_code", "stopped", "serving", "probes", "expected"),
    [
        (CommandState.EXITED, 0, False, Serving.TARGET, ProbesSay.AS_BEFORE, Outcome.RESTORED),
        (CommandState.LOST, None, False, Serving.TARGET, ProbesSay.AS_BEFORE, Outcome.RESTORED),
        (CommandState.EXITED, 1, False, Serving.TARGET, ProbesSay.AS_BEFORE, Outcome.RESTORED_WITH_DIFFERENCES),
        (CommandState.KILLED, None, True, Serving.TARGET, ProbesSay.AS_BEFORE, Outcome.RESTORED_WITH_DIFFERENCES),
        (CommandState.EXITED, 0, False, Serving.TARGET, ProbesSay.DIFFERENT, Outcome.RESTORED_WITH_DIFFERENCES),
        (CommandState.EXITED, 0, False, Serving.TARGET, ProbesSay.BUT_THE_WAY_BACK, Outcome.RESTORED_WITH_DIFFERENCES),
        (CommandState.LOST, None, False, Serving.TARGET, ProbesSay.BUT_THE_WAY_BACK, Outcome.RESTORED_WITH_DIFFERENCES),
        (CommandState.EXITED, 0, False, Serving.OTHER, ProbesSay.BUT_THE_WAY_BACK, Outcome.NOT_RESTORED),
        (CommandState.EXITED, 0, False, Serving.TARGET, ProbesSay.WORSE, Outcome.NOT_RESTORED),
        (CommandState.EXITED, 0, False, Serving.TARGET, ProbesSay.TOO_LITTLE, Outcome.INCONCLUSIVE),
        (CommandState.EXITED, 0, False, Serving.TARGET, ProbesSay.NOT_MEASURED, Outcome.INCONCLUSIVE),
        (CommandState.EXITED, 0, False, Serving.OTHER, ProbesSay.AS_BEFORE, Outcome.NOT_RESTORED),
        (CommandState.EXITED, 0, False, Serving.MIXED, ProbesSay.AS_BEFORE, Outcome.NOT_RESTORED),
        (CommandState.KILLED, None, True, Serving.OTHER, ProbesSay.AS_BEFORE, Outcome.STOPPED),
        (CommandState.KILLED, None, False, Serving.OTHER, ProbesSay.AS_BEFORE, Outcome.NOT_RESTORED),
        (CommandState.EXITED, 0, False, Serving.NOT_MEASURED, ProbesSay.AS_BEFORE, Outcome.INCONCLUSIVE),
        (CommandState.LOST, None, False, Serving.NOT_MEASURED, ProbesSay.AS_BEFORE, Outcome.UNKNOWN),
    ],
)
def test_the_outcome_follows_from_command_serving_version_and_probes(
    command: CommandState,
    exit_code: int | None,
    stopped: bool,
    serving: Serving,
    probes: ProbesSay,
    expected: Outcome,
) -> None:
    """B41, B42"""
    assert (
        derive_outcome(command=command, exit_code=exit_code, stopped=stopped, serving=serving, probes=probes)
        is expected
    )


def test_exactly_one_row_of_the_table_fits_whatever_was_measured() -> None:
    for facts in product(CommandEnd, Serving, ProbesSay, (True, False)):
        fitting = [row for row in OUTCOMES if all(fact in row[column] for column, fact in enumerate(facts))]
        assert len(fitting) == 1, facts


@pytest.mark.parametrize(
    ("command", "exit_code", "stopped", "end"),
    [
        (CommandState.EXITED, 0, True, CommandEnd.WELL),
        (CommandState.EXITED, 1, False, CommandEnd.BADLY),
        (CommandState.EXITED, None, False, CommandEnd.BADLY),
        (CommandState.KILLED, None, True, CommandEnd.STOPPED),
        (CommandState.KILLED, None, False, CommandEnd.KILLED),
        (CommandState.NOT_STARTED, None, False, CommandEnd.NOT_STARTED),
        (CommandState.LOST, None, True, CommandEnd.LOST),
    ],
)
def test_a_command_was_stopped_by_a_person_only_where_it_did_not_end_before(
    command: CommandState, exit_code: int | None, stopped: bool, end: CommandEnd
) -> None:
    assert command_end(command, exit_code, stopped) is end


def test_restored_is_said_only_when_the_target_was_measured_everywhere_and_the_probes_agree() -> None:
    """Over every combination there is."""
    for command, exit_code, stopped, serving, probes in product(
        CommandState, (None, 0, 1), (False, True), Serving, ProbesSay
    ):
        outcome = derive_outcome(command=command, exit_code=exit_code, stopped=stopped, serving=serving, probes=probes)
        if outcome is Outcome.RESTORED:
            assert serving is Serving.TARGET
            assert probes in (ProbesSay.AS_BEFORE, ProbesSay.PASSING)
        if serving is Serving.NOT_MEASURED:
            assert outcome in (Outcome.UNKNOWN, Outcome.INCONCLUSIVE)


def test_what_was_not_purged_or_left_out_is_never_simply_restored() -> None:
    for probes in ProbesSay:
        outcome = derive_outcome(
            command=CommandState.EXITED,
            exit_code=0,
            stopped=False,
            serving=Serving.TARGET,
            probes=probes,
            complete=False,
        )
        assert outcome is not Outcome.RESTORED


@pytest.mark.parametrize("deployed", [True, False])
@pytest.mark.parametrize("there", list(Serving))
@pytest.mark.parametrize("way_back", list(Outcome))
def test_a_rehearsal_proves_something_only_when_both_ways_were_measured(
    deployed: bool, there: Serving, way_back: Outcome
) -> None:
    proven = derive_rehearsal(deployed=deployed, there=there, way_back=way_back) is RehearsalOutcome.PROVEN
    assert proven == (deployed and there is Serving.TARGET and way_back is Outcome.RESTORED)


@pytest.mark.parametrize(
    ("deployed", "there", "way_back", "expected"),
    [
        (False, Serving.NOT_MEASURED, Outcome.RESTORED, RehearsalOutcome.NOT_PROVEN),
        (True, Serving.NOT_MEASURED, Outcome.RESTORED, RehearsalOutcome.INCONCLUSIVE),
        (True, Serving.TARGET, Outcome.INCONCLUSIVE, RehearsalOutcome.INCONCLUSIVE),
        (True, Serving.TARGET, Outcome.NOT_RESTORED, RehearsalOutcome.NOT_PROVEN),
        (True, Serving.TARGET, Outcome.RESTORED_WITH_DIFFERENCES, RehearsalOutcome.NOT_PROVEN),
        (True, Serving.TARGET, Outcome.STOPPED, RehearsalOutcome.STOPPED),
        (False, Serving.OTHER, Outcome.UNKNOWN, RehearsalOutcome.UNKNOWN),
    ],
)
def test_what_a_rehearsal_showed_follows_from_the_way_there_and_the_way_back(
    deployed: bool, there: Serving, way_back: Outcome, expected: RehearsalOutcome
) -> None:
    assert derive_rehearsal(deployed=deployed, there=there, way_back=way_back) is expected
