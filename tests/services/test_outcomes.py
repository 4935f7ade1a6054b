"""What became of a rollback: from its command, what is served, and what the probes say."""

from typing import Any

import pytest

from releases.models import ChecklistRun, ProbeRun, Rollback
from releases.services.outcomes import (
    end_rollback,
    sentence,
    versions_seen,
    what_all_say,
    what_is_served,
    what_probes_say,
)
from releases.states import Outcome, ProbesSay, Regression, RollbackStatus, Serving, Verdict
from tests import factory

TARGET, OLD = "2026.11.3", "2026.11.4"
RUN = ChecklistRun(settings={"instances": [{"name": "web-1", "url": ""}, {"name": "web-2", "url": ""}]})


def look(repeat: bool = False, **versions: str | None) -> ProbeRun:
    """Make one look at the serving version; `web_1` stands for web-1."""
    figures = {"versions": {name.replace("_", "-"): version for name, version in versions.items()}}
    return ProbeRun(key="serving_version", repeat=repeat, figures=figures, verdict=Verdict.PASS)


def answer(verdict: Verdict, regression: Regression = Regression.NO, key: str = "response_time") -> ProbeRun:
    return ProbeRun(key=key, verdict=verdict, regression=regression)


def of_the_way_back(verdict: Verdict, regression: Regression = Regression.NO) -> ProbeRun:
    return answer(verdict, regression, "rollback_command")


def served(*looks: ProbeRun) -> Serving:
    return what_is_served(versions_seen(RUN, looks), TARGET)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((TARGET, TARGET), (TARGET, TARGET), Serving.TARGET),
        ((OLD, OLD), (OLD, OLD), Serving.OTHER),
        ((TARGET, OLD), (TARGET, OLD), Serving.MIXED),
        ((TARGET, TARGET), (TARGET, OLD), Serving.MIXED),
        ((TARGET, None), (TARGET, TARGET), Serving.NOT_MEASURED),
        ((None, None), (None, None), Serving.NOT_MEASURED),
        ((OLD, None), (OLD, None), Serving.OTHER),
    ],
)
def test_what_is_served_is_what_every_instance_said_in_both_looks(
    first: tuple[str | None, str | None], second: tuple[str | None, str | None], expected: Serving
) -> None:
    """B41"""
    looks = [look(web_1=first[0], web_2=first[1]), look(repeat=True, web_1=second[0], web_2=second[1])]
    assert served(*looks) is expected


def test_an_instance_that_is_absent_from_the_answer_was_not_measured() -> None:
    """B41: one of two instances is down; the other alone does not prove a restore."""
    assert served(look(web_1=TARGET), look(repeat=True, web_1=TARGET)) is Serving.NOT_MEASURED


def test_a_probe_without_figures_measured_nothing() -> None:
    assert served(ProbeRun(key="serving_version", figures={})) is Serving.NOT_MEASURED


def test_without_any_look_nothing_was_measured() -> None:
    assert served(answer(Verdict.PASS)) is Serving.NOT_MEASURED


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], ProbesSay.PASSING),
        ([answer(Verdict.PASS, Regression.UNKNOWN)], ProbesSay.PASSING),
        ([answer(Verdict.PASS)], ProbesSay.AS_BEFORE),
        ([answer(Verdict.SKIPPED, Regression.UNKNOWN)], ProbesSay.PASSING),
        ([answer(Verdict.FAIL, Regression.NO)], ProbesSay.AS_BEFORE),
        ([answer(Verdict.FAIL, Regression.YES)], ProbesSay.WORSE),
        ([answer(Verdict.FAIL, Regression.UNKNOWN)], ProbesSay.FAILING),
        ([answer(Verdict.ERROR), answer(Verdict.FAIL, Regression.YES)], ProbesSay.WORSE),
        ([answer(Verdict.ERROR), answer(Verdict.PASS)], ProbesSay.NOT_MEASURED),
        ([answer(Verdict.INCONCLUSIVE), answer(Verdict.PASS)], ProbesSay.TOO_LITTLE),
        ([answer(Verdict.PASS, Regression.YES)], ProbesSay.DIFFERENT),
    ],
)
def test_what_the_other_probes_say_is_one_word(answers: list[ProbeRun], expected: ProbesSay) -> None:
    assert what_probes_say([look(web_1=TARGET), *answers]) is expected


@pytest.mark.parametrize(
    ("verdict", "regression", "expected"),
    [
        (Verdict.PASS, Regression.NO, ProbesSay.AS_BEFORE),
        (Verdict.PASS, Regression.UNKNOWN, ProbesSay.PASSING),
        (Verdict.FAIL, Regression.NO, ProbesSay.AS_BEFORE),
        (Verdict.SKIPPED, Regression.UNKNOWN, ProbesSay.AS_BEFORE),
        (Verdict.FAIL, Regression.YES, ProbesSay.BUT_THE_WAY_BACK),
        (Verdict.FAIL, Regression.UNKNOWN, ProbesSay.BUT_THE_WAY_BACK),
        (Verdict.ERROR, Regression.UNKNOWN, ProbesSay.BUT_THE_WAY_BACK),
        (Verdict.INCONCLUSIVE, Regression.UNKNOWN, ProbesSay.BUT_THE_WAY_BACK),
    ],
)
def test_the_way_back_keeps_a_good_service_from_being_simply_as_before_and_never_makes_it_worse(
    verdict: Verdict, regression: Regression, expected: ProbesSay
) -> None:
    """B38: what would keep the next rollback from running says nothing about what this one brought back."""
    assert what_probes_say([answer(Verdict.PASS), of_the_way_back(verdict, regression)]) is expected


@pytest.mark.parametrize(
    ("of_service", "expected"),
    [
        (answer(Verdict.FAIL, Regression.YES), ProbesSay.WORSE),
        (answer(Verdict.FAIL, Regression.UNKNOWN), ProbesSay.FAILING),
        (answer(Verdict.ERROR), ProbesSay.NOT_MEASURED),
        (answer(Verdict.INCONCLUSIVE), ProbesSay.TOO_LITTLE),
        (answer(Verdict.PASS, Regression.YES), ProbesSay.DIFFERENT),
    ],
)
@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL, Verdict.ERROR])
def test_what_the_service_lacks_is_said_whatever_the_way_back(
    of_service: ProbeRun, expected: ProbesSay, verdict: Verdict
) -> None:
    assert what_probes_say([of_service, of_the_way_back(verdict, Regression.YES)]) is expected


@pytest.mark.parametrize(
    ("verdict", "expected"), [(Verdict.FAIL, ProbesSay.WORSE), (Verdict.ERROR, ProbesSay.NOT_MEASURED)]
)
def test_where_all_weigh_in_full_as_in_a_rehearsal_so_does_the_way_back(verdict: Verdict, expected: ProbesSay) -> None:
    assert what_all_say([answer(Verdict.PASS), of_the_way_back(verdict, Regression.YES)]) is expected


def test_a_probe_that_is_not_here_any_more_weighs_as_one_of_the_service() -> None:
    assert what_probes_say([answer(Verdict.FAIL, Regression.YES, "of_an_older_version")]) is ProbesSay.WORSE


# --- In the rows ------------------------------------------------------------------------------------------------------


@pytest.fixture
def verifying(db: None) -> Rollback:
    place, target, live = factory.story()
    return factory.rollback(place, target, live, factory.on_call(), status=RollbackStatus.VERIFYING)


def said(rollback: Rollback, *probes: ProbeRun) -> str:
    looks = versions_seen(RUN, probes)
    return sentence(
        rollback.target.release.version, what_is_served(looks, TARGET), looks, list(probes), what_probes_say(probes)
    )


def test_the_sentence_says_that_the_target_serves_everywhere_and_counts_every_probe_once(verifying: Rollback) -> None:
    """The serving version looks twice and is one probe, as everywhere; what was skipped is said, not hidden."""
    looks = [look(web_1=TARGET, web_2=TARGET), look(repeat=True, web_1=TARGET, web_2=TARGET)]
    others = [
        answer(Verdict.PASS),
        answer(Verdict.FAIL, Regression.NO, "security_headers"),
        answer(Verdict.ERROR, key="cache_headers"),
        answer(Verdict.SKIPPED, key="configuration"),
    ]
    assert said(verifying, *looks, *others) == (
        "2026.11.3 serves on every instance; 3 of 5 probes as they should be, 1 skipped (could not measure)."
    )


def test_a_probe_is_as_it_should_be_only_when_each_of_its_looks_is(verifying: Rollback) -> None:
    looks = [look(web_1=TARGET, web_2=TARGET), look(repeat=True, web_1=TARGET, web_2=OLD)]
    looks[1].verdict, looks[1].regression = Verdict.FAIL, Regression.YES
    assert "; 1 of 2 probes as they should be (as before)." in said(verifying, *looks, answer(Verdict.PASS))


def test_the_sentence_names_the_instance_that_serves_something_else(verifying: Rollback) -> None:
    """B41"""
    assert said(verifying, look(web_1=TARGET, web_2=OLD)) == (
        "Only some instances serve 2026.11.3: web-2 serves 2026.11.4."
    )


def test_the_sentence_names_the_instance_that_did_not_answer(verifying: Rollback) -> None:
    assert said(verifying, look(web_1=TARGET)) == (
        "Which version serves could not be measured everywhere: web-2 did not answer."
    )


def test_a_rollback_ends_once(verifying: Rollback) -> None:
    ends: dict[str, Any] = {"outcome": Outcome.RESTORED, "serving": Serving.TARGET, "detail": "well."}
    assert [end_rollback(verifying, **ends), end_rollback(verifying, **ends)] == [True, False]
