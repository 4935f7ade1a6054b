"""Saying whether an expected result came true, and the score that a deployment carries."""

from typing import Any

import pytest

from releases.errors import Conflict, Denied, NotFound
from releases.intake import ConfirmSpec
from releases.models import Confirmation, Deployment, Event, ProbeRun, User
from releases.queries.expected_results import results_of
from releases.services.expected_results import confirm_result, score
from releases.states import Expected, Purpose
from tests import factory

pytestmark = pytest.mark.django_db

CAME_TRUE = ConfirmSpec(came_true=True, note="seen on the front page")


@pytest.fixture
def ana() -> User:
    return factory.lead()


@pytest.fixture
def live() -> Deployment:
    """2026.11.4 in production; it promised a limit, a fall, and something that readers see."""
    place, _, deployment = factory.story()
    deployment.release.expected_result = (
        "p95 of /articles <= +10 %\np50 of /articles <= -50%; readers see teasers; p95 of /about <= 1s"
    )
    deployment.release.save()
    before = factory.run(place, purpose=Purpose.BASELINE)
    timed(before.pk, 200.0)
    run = deployment.verify_run
    assert run is not None
    run.compared_with = before
    run.save()
    timed(run.pk, 90.0)
    return deployment


def timed(run: int, milliseconds: float, n: int = 30) -> None:
    edge = {"samples_ms": [milliseconds] * n} | {f"p{percent}_ms": milliseconds for percent in (50, 95, 99)}
    figures: dict[str, Any] = {"routes": {"/articles": {"edge": edge, "origin": {"samples_ms": [1.0] * n}}}}
    ProbeRun.objects.filter(run=run, key="response_time").update(figures=figures)


def answers(deployment: Deployment) -> list[str]:
    return [each.answer.value for each in results_of(deployment.release, deployment)]


def carried(deployment: Deployment) -> str:
    deployment.refresh_from_db()
    return deployment.expected


def test_limits_are_scored_by_what_readers_had_at_the_edge(live: Deployment) -> None:
    limit, fall, text, not_timed = results_of(live.release, live)
    assert (limit.answer, limit.measured) == (Expected.AS_EXPECTED, "−55\u202f% (200 → 90\u202fms)")
    assert fall.answer is Expected.AS_EXPECTED
    assert text.answer is Expected.TO_CONFIRM
    assert (not_timed.answer, not_timed.measured) == (Expected.NOT_MEASURED, "no checklist has timed /about")


def test_seconds_are_written_as_everywhere_and_never_with_an_exponent(live: Deployment) -> None:
    timed(live.verify_run_id or 0, 1234.0)
    assert results_of(live.release, live)[0].measured == "+517\u202f% (200 → 1,230\u202fms)"


def test_the_figure_shown_is_the_one_that_the_probe_kept(live: Deployment) -> None:
    probe = ProbeRun.objects.get(run=live.verify_run_id, key="response_time")
    probe.figures["routes"]["/articles"]["edge"]["p95_ms"] = 90.6
    probe.save()
    assert results_of(live.release, live)[0].measured == "−54.7\u202f% (200 → 90.6\u202fms)"


def test_a_limit_that_was_broken_decides(live: Deployment) -> None:
    timed(live.verify_run_id or 0, 230.0)
    score(live)
    assert answers(live)[:2] == ["not as expected", "not as expected"]
    assert carried(live) == Expected.NOT_AS_EXPECTED


def test_too_few_samples_are_not_measured_and_say_so(live: Deployment) -> None:
    timed(live.verify_run_id or 0, 90.0, n=8)
    first = results_of(live.release, live)[0]
    assert (first.answer, first.measured) == (Expected.NOT_MEASURED, "too little data: 8 of 20 samples")


def test_a_change_without_a_baseline_is_not_measured(live: Deployment) -> None:
    run = live.verify_run
    assert run is not None
    run.compared_with = None
    run.save()
    first = results_of(live.release, live)[0]
    assert first.answer is Expected.NOT_MEASURED
    assert first.measured.startswith("nothing to compare with")


def test_a_person_says_that_it_came_true(live: Deployment, ana: User) -> None:
    score(live)
    assert carried(live) == Expected.TO_CONFIRM
    made = confirm_result(live.release, 3, CAME_TRUE, actor=factory.actor(ana))
    assert (made.result, made.confirmed_by) == ("readers see teasers", "Ana Ruiz")
    assert answers(live)[2] == "as expected"
    assert carried(live) == Expected.NOT_MEASURED, "/about was never timed"
    event = Event.objects.get(action="release:result_confirmed")
    assert event.payload["details"] == {
        "result": "readers see teasers",
        "came_true": True,
        "deployment": live.tag,
        "verdict": "fail",
        "before": {"answer": ""},
        "after": {"answer": "as expected"},
    }
    assert event.payload["reason"] == "seen on the front page"


def test_the_newest_word_counts_and_the_book_keeps_both(live: Deployment, ana: User) -> None:
    confirm_result(live.release, 3, CAME_TRUE, actor=factory.actor(ana))
    confirm_result(live.release, 3, ConfirmSpec(came_true=False, note="only on some"), actor=factory.actor(ana))
    assert carried(live) == Expected.NOT_AS_EXPECTED
    assert Confirmation.objects.count() == 2
    latest = Event.objects.filter(action="release:result_confirmed").latest("seq")
    assert latest.payload["details"]["before"] == {"answer": "as expected"}


def test_what_figures_score_is_not_said_by_a_person(live: Deployment, ana: User) -> None:
    with pytest.raises(Conflict) as refused:
        confirm_result(live.release, 1, CAME_TRUE, actor=factory.actor(ana))
    assert refused.value.problems[0].code == "measured_by_probes"
    assert not Confirmation.objects.exists()


def test_a_result_that_is_not_promised_is_not_found(live: Deployment, ana: User) -> None:
    with pytest.raises(NotFound):
        confirm_result(live.release, 9, CAME_TRUE, actor=factory.actor(ana))


def test_only_who_holds_the_permission_may_say_it(live: Deployment) -> None:
    with pytest.raises(Denied):
        confirm_result(live.release, 3, CAME_TRUE, actor=factory.actor(factory.on_call()))


def test_nothing_is_asked_of_a_release_that_was_not_deployed() -> None:
    waiting = factory.release(factory.environment().service, "2026.11.9", expected_result="readers see teasers")
    assert [each.answer for each in results_of(waiting, None)] == [Expected.NOT_MEASURED]
