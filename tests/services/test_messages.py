"""What people are told: a red checklist of what is live, and every outcome of a rollback, once each."""

import pytest
from django.utils import timezone

from releases.models import ChecklistRun, Environment, Finding, Message, ProbeRun, Rollback
from releases.services.checklists import begin_run, make_run, settle_run
from releases.services.outcomes import end_rollback
from releases.states import (
    Level,
    MessageStatus,
    Outcome,
    ProbeStatus,
    Purpose,
    Regression,
    RollbackStatus,
    Serving,
    Verdict,
)
from tests import factory

pytestmark = pytest.mark.django_db


@pytest.fixture
def production() -> Environment:
    place, _, _ = factory.story()
    Environment.objects.update(receivers=["chat", "mail"])
    place.refresh_from_db()
    return place


def settled(environment: Environment, verdict: Verdict, *sentences: str, purpose: Purpose = Purpose.VERIFY) -> None:
    """Have the live deployment's checklist settle with this verdict."""
    assert environment.live is not None
    run = make_run(environment, purpose=purpose, deployment=environment.live, expected_version="2026.11.4")
    begin_run(run.pk)
    for number, sentence in enumerate(sentences):
        probe = ProbeRun.objects.filter(run=run).first()
        assert probe is not None
        Finding.objects.create(
            probe_run=probe, kind="odd", level=Level.FAIL, sentence=sentence, already_failing=number == 0
        )
    ProbeRun.objects.filter(run=run).update(status=ProbeStatus.DONE, verdict=verdict, regression=Regression.UNKNOWN)
    ChecklistRun.objects.filter(pk=run.pk).update(wave=9)
    settle_run(run.pk)


def rollback(environment: Environment) -> Rollback:
    assert environment.live is not None
    target = environment.deployments.order_by("pk").first()
    assert target is not None
    return factory.rollback(environment, target, environment.live, factory.on_call(), status=RollbackStatus.VERIFYING)


def test_a_red_checklist_of_what_is_live_is_told_to_every_receiver(production: Environment) -> None:
    settled(production, Verdict.FAIL, "an old failure", "reader-a sees what belongs to reader-b")
    assert [message.receiver for message in Message.objects.order_by("pk")] == ["chat", "mail"]
    message = Message.objects.first()
    assert message is not None
    assert message.title == "fail archive/production 2026.11.4 (Ben Okafor)"
    assert message.text == "reader-a sees what belongs to reader-b. (+1 more)"
    assert message.path == f"/s/archive/production/rollback?seen={production.live_id}"
    assert message.status == MessageStatus.QUEUED


def test_it_is_told_once_however_often_the_checklist_is_run(production: Environment) -> None:
    settled(production, Verdict.FAIL)
    settled(production, Verdict.FAIL)
    assert Message.objects.count() == 2


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.ERROR])
def test_only_a_failing_checklist_is_an_alarm(production: Environment, verdict: Verdict) -> None:
    settled(production, verdict)
    assert not Message.objects.exists()


def test_a_baseline_and_a_restore_are_no_alarm_of_their_own(production: Environment) -> None:
    settled(production, Verdict.FAIL, purpose=Purpose.BASELINE)
    settled(production, Verdict.FAIL, purpose=Purpose.RESTORE)
    assert not Message.objects.exists()


def test_what_is_not_live_any_more_is_no_alarm(production: Environment) -> None:
    before = production.live
    factory.deployed(production, "2026.11.5")
    assert before is not None
    run = make_run(production, purpose=Purpose.VERIFY, deployment=before, expected_version="2026.11.4")
    begin_run(run.pk)
    ProbeRun.objects.filter(run=run).update(status=ProbeStatus.DONE, verdict=Verdict.FAIL)
    ChecklistRun.objects.filter(pk=run.pk).update(wave=9)
    settle_run(run.pk)
    assert not Message.objects.exists()


def test_where_nobody_is_named_nobody_is_told(production: Environment) -> None:
    Environment.objects.update(receivers=[])
    production.refresh_from_db()
    settled(production, Verdict.FAIL)
    end_rollback(rollback(production), outcome=Outcome.RESTORED, serving=Serving.TARGET, detail="Done.")
    assert not Message.objects.exists()


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_of_a_rollback_is_told_with_a_link_to_it(production: Environment, outcome: Outcome) -> None:
    row = rollback(production)
    assert end_rollback(row, outcome=outcome, serving=Serving.TARGET, detail="2026.11.3 serves.")
    message = Message.objects.first()
    assert message is not None
    assert message.title == f"{outcome} archive/production 2026.11.4 → 2026.11.3 ({row.tag})"
    assert message.text == "2026.11.3 serves. Pressed by Cho Park."
    assert (message.path, message.about) == (f"/rollbacks/{row.pk}", row.tag)


def test_an_outcome_that_was_measured_again_is_told_too(production: Environment) -> None:
    row = rollback(production)
    end_rollback(row, outcome=Outcome.UNKNOWN, serving=Serving.NOT_MEASURED, detail="Nobody answered.")
    Rollback.objects.update(status=RollbackStatus.VERIFYING, outcome="", ended_at=None)
    row.refresh_from_db()
    end_rollback(row, outcome=Outcome.RESTORED, serving=Serving.TARGET, detail="2026.11.3 serves.")
    assert Message.objects.filter(receiver="chat").count() == 2
    assert timezone.now() >= Message.objects.latest("pk").due_at
