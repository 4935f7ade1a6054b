"""Accepting a finding: a lead, with a reason, for a release or until a day; never a pass."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from releases import queries
from releases.errors import Conflict, Denied, Invalid, NotFound
from releases.intake import AcceptSpec, LiftSpec
from releases.models import Acceptance, Deployment, Environment, Event, Finding
from releases.queries.board import alarms
from releases.queries.places import places
from releases.services.acceptances import accept_finding, weigh, withdraw_acceptance
from releases.states import Level, Regression, Verdict
from tests import factory

pytestmark = pytest.mark.django_db

REASON = "known since 2024; ARCH-7 mends it"


@pytest.fixture
def place() -> Environment:
    """archive/production: 2026.11.3 fails as it did before, and is live."""
    made = factory.environment()
    factory.deployed(made, "2026.11.3", Verdict.FAIL, Regression.NO)
    return made


@pytest.fixture
def ana() -> factory.User:
    return factory.lead()


def live(place: Environment) -> Deployment:
    assert place.live_id is not None
    return Deployment.objects.select_related("environment", "release").get(pk=place.live_id)


def finding(of: Deployment, key: str = "cache_headers", subject: str = "/articles", **fields: Any) -> Finding:
    assert of.verify_run is not None
    fields.setdefault("level", Level.FAIL)
    return Finding.objects.create(
        probe_run=of.verify_run.probes.get(key=key), kind="not_shared", subject=subject, sentence="not shared", **fields
    )


def accept(of: Finding, who: factory.User, until: date | None = None) -> Acceptance:
    return accept_finding(of.pk, AcceptSpec(reason=REASON, until=until), actor=factory.actor(who))


def test_an_accepted_deployment_is_verified_and_its_verdict_stays(place: Environment, ana: factory.User) -> None:
    deployment = live(place)
    accept(finding(deployment), ana)
    after = live(place)
    assert (after.verdict, after.stands_accepted, after.verified) == (Verdict.FAIL, True, True)
    event = Event.objects.get(action="finding:accepted")
    assert (event.actor, event.payload["reason"]) == ("Ana Ruiz", REASON)


def test_one_finding_left_open_keeps_it_unverified(place: Environment, ana: factory.User) -> None:
    finding(live(place), subject="/login")
    accept(finding(live(place)), ana)
    assert not live(place).verified


def test_a_regression_is_not_verified_however_much_is_accepted(place: Environment, ana: factory.User) -> None:
    Deployment.objects.update(regression=Regression.YES)
    accept(finding(live(place)), ana)
    assert not live(place).stands_accepted


def test_a_rollback_may_come_back_to_an_accepted_deployment(place: Environment, ana: factory.User) -> None:
    accept(finding(live(place)), ana)
    accepted = live(place)
    factory.deployed(place, "2026.11.4", Verdict.FAIL, Regression.YES)
    assert queries.way_back(place).target == accepted
    [shown] = places(Environment.objects.all())
    assert shown.back is not None
    assert "target" not in shown.back.red


def test_an_accepted_failure_is_shown_and_is_no_alarm(place: Environment, ana: factory.User) -> None:
    finding(live(place))
    [before] = alarms(places(Environment.objects.all()), timezone.now())
    assert "fail" in [need.word for need in before.needs]
    accept(Finding.objects.get(), ana)
    shown = places(Environment.objects.all())
    assert shown[0].live is not None
    assert (shown[0].live.standing.word, shown[0].live.accepted) == ("fail", True)
    assert "fail" not in [need.word for alarm in alarms(shown, timezone.now()) for need in alarm.needs]


def test_until_a_day_it_holds_to_the_end_of_it_and_then_no_longer(place: Environment, ana: factory.User) -> None:
    tomorrow = timezone.now().astimezone(UTC).date() + timedelta(days=1)
    made = accept(finding(live(place)), ana, tomorrow)
    assert made.until == datetime.combine(tomorrow + timedelta(days=1), datetime.min.time(), UTC)
    assert live(place).accepted_until == made.until
    Deployment.objects.update(accepted_until=timezone.now() - timedelta(seconds=1))
    assert not live(place).verified
    Acceptance.objects.update(until=timezone.now() - timedelta(seconds=1))
    weigh(live(place))
    assert not live(place).accepted


def test_for_a_release_it_holds_for_that_release_only(place: Environment, ana: factory.User) -> None:
    accept(finding(live(place)), ana)
    later = factory.deployed(place, "2026.11.4", Verdict.FAIL, Regression.NO)
    finding(later)
    weigh(later)
    later.refresh_from_db()
    assert not later.accepted


def test_until_a_day_it_holds_for_the_next_release_too(place: Environment, ana: factory.User) -> None:
    accept(finding(live(place)), ana, timezone.now().astimezone(UTC).date() + timedelta(days=7))
    later = factory.deployed(place, "2026.11.4", Verdict.FAIL, Regression.NO)
    finding(later)
    weigh(later)
    later.refresh_from_db()
    assert later.stands_accepted


def test_accepting_anew_ends_the_older_acceptance(place: Environment, ana: factory.User) -> None:
    first = accept(finding(live(place)), ana)
    accept(Finding.objects.get(), ana)
    first.refresh_from_db()
    assert (first.ended_by, first.end_reason) == ("Ana Ruiz", "accepted anew")
    assert Acceptance.objects.filter(ended_at=None).count() == 1


def test_a_withdrawn_acceptance_holds_no_longer_and_is_withdrawn_once(place: Environment, ana: factory.User) -> None:
    made = accept(finding(live(place)), ana)
    made = Acceptance.objects.select_related("environment").get(pk=made.pk)
    assert withdraw_acceptance(made, LiftSpec(reason="it leaks after all"), actor=factory.actor(ana))
    assert not live(place).verified
    assert not withdraw_acceptance(made, LiftSpec(reason="again"), actor=factory.actor(ana))
    event = Event.objects.get(action="finding:acceptance_withdrawn")
    assert event.payload["details"]["before"]["accepted_by"] == "Ana Ruiz"
    assert event.payload["details"]["before"]["accepted_because"] == made.reason


@pytest.mark.parametrize("days", [-1, 367])
def test_a_day_in_the_past_or_beyond_a_year_is_refused(place: Environment, ana: factory.User, days: int) -> None:
    """C42"""
    with pytest.raises(Invalid) as refused:
        accept(finding(live(place)), ana, timezone.now().astimezone(UTC).date() + timedelta(days=days))
    assert refused.value.problems[0].field == "until"
    assert not Acceptance.objects.exists()


def test_a_note_keeps_nothing_from_a_pass(place: Environment, ana: factory.User) -> None:
    with pytest.raises(Conflict):
        accept(finding(live(place), level=Level.NOTE), ana)


def test_a_finding_that_is_not_there_is_named(place: Environment, ana: factory.User) -> None:
    with pytest.raises(NotFound):
        accept_finding(999, AcceptSpec(reason=REASON), actor=factory.actor(ana))


@pytest.mark.parametrize("group", ["on-call", "auditor", "viewer"])
def test_only_a_lead_accepts(place: Environment, group: str) -> None:
    found = finding(live(place))
    with pytest.raises(Denied):
        accept(found, factory.person("cho", group))
    assert not Acceptance.objects.exists()
