"""Groups: for all services or for one, asked at the request and again where the work starts."""

import pytest
from django.db import IntegrityError, transaction

from releases.errors import Denied
from releases.groups import GROUPS
from releases.intake import LiftSpec, RollbackSpec
from releases.models import Event, Freeze, Membership, Rollback, Service, User
from releases.queries.people import people_who_may
from releases.services.freezes import lift_freeze
from releases.services.pressing import press
from tests import factory

pytestmark = pytest.mark.django_db


@pytest.fixture
def payments() -> Service:
    return factory.service("payments")


def press_as(user: User) -> Rollback:
    _, target, live = factory.story()
    spec = RollbackSpec(service="archive", environment="production", live=live.pk, target=target.pk, reason="users")
    return press(spec, actor=factory.actor(user))


def test_a_group_for_one_service_holds_for_that_alone(payments: Service) -> None:
    cho = factory.person("cho", "on-call", payments)
    assert [cho.may("roll_back", of) for of in ("payments", "archive", "")] == [True, False, False]
    assert cho.may_somewhere("roll_back")
    assert not cho.may_somewhere("deploy")


def test_a_group_for_all_services_holds_for_each() -> None:
    cho = factory.on_call()
    assert cho.may("roll_back", "archive")
    assert cho.may("roll_back")


def test_rolling_back_is_a_permission_of_its_own() -> None:
    assert factory.on_call().may("roll_back")
    assert not User.objects.get().may("deploy")


@pytest.mark.parametrize("group", ["auditor", "viewer"])
def test_who_only_reads_may_do_nothing(group: str) -> None:
    lee = factory.person("lee", group)
    every = {permission for held in GROUPS.values() for permission in held}
    assert {permission for permission in every if lee.may_somewhere(permission)} <= {"read_book"}


def test_a_closed_account_may_nothing() -> None:
    assert not factory.person("ana", "lead", is_active=False).may("roll_back")


def test_a_group_that_is_not_known_any_more_allows_nothing() -> None:
    cho = factory.on_call()
    Membership.objects.update(group="gone")
    assert not cho.may("roll_back")


def test_on_call_of_another_service_is_refused_with_who_may_and_it_is_in_the_book(payments: Service) -> None:
    cho = factory.person("cho", "on-call", payments)
    with pytest.raises(Denied) as refused:
        press_as(cho)
    said = refused.value.problems[0]
    assert said.failed == "Cho Park does not hold the permission roll_back for archive."
    assert said.expected == "a person of one of the groups lead, on-call for archive"
    assert Event.objects.get().payload["details"] == {"permission": "roll_back", "on": "archive/production"}


def test_a_verb_about_a_row_asks_for_the_service_of_that_row(payments: Service) -> None:
    lead = factory.person("ana", "lead", payments)
    place, _, _ = factory.story()
    freeze = Freeze.objects.create(environment=place, reason="leak", frozen_by="Cho", frozen_at=place.live.finished_at)
    with pytest.raises(Denied):
        lift_freeze(freeze, LiftSpec(reason="mended"), actor=factory.actor(lead))
    freeze.refresh_from_db()
    assert freeze.lifted_at is None


def test_whom_to_ask_are_those_of_the_service_and_of_all(payments: Service) -> None:
    factory.person("cho", "on-call", payments)
    factory.lead()
    factory.person("lee", "auditor")
    pipeline = factory.person("pipeline", "lead")
    pipeline.set_unusable_password()
    pipeline.save()
    assert people_who_may("roll_back", "payments") == ["Ana Ruiz", "Cho Park"]
    assert people_who_may("roll_back", "archive") == ["Ana Ruiz"]


@pytest.mark.parametrize("everywhere", [True, False])
def test_nobody_is_twice_in_the_same_group(payments: Service, everywhere: bool) -> None:
    of = None if everywhere else payments
    cho = factory.person("cho", "on-call", of)
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=cho, group="on-call", service=of, since=cho.date_joined, given_by="")
