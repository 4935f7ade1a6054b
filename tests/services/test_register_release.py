"""Registering a release."""

from datetime import UTC, datetime

import pytest

from releases.actor import Actor
from releases.errors import Conflict, Denied, NotFound
from releases.intake import ReleaseSpec
from releases.models import Event, Release, Service
from releases.services.releases import register_release
from tests import factory

pytestmark = pytest.mark.django_db


def spec(**changes: object) -> ReleaseSpec:
    return ReleaseSpec.model_validate(
        {
            "service": "archive",
            "version": "2026.11.4",
            "owner": "Ben Okafor",
            "expected_result": "p95 of /articles <= +10 %",
            "rollback_note": "Back to the version before.",
            "affected_routes": ["/articles"],
            **changes,
        }
    )


@pytest.fixture
def archive() -> Service:
    return factory.service()


@pytest.fixture
def ana() -> Actor:
    return factory.actor(factory.lead())


def test_a_release_is_kept_with_its_whole_record(archive: Service, ana: Actor) -> None:
    made = register_release(spec(change_url="https://example.org/c/4", assumptions="none"), actor=ana)
    made.refresh_from_db()
    assert (made.service, made.version, made.owner) == (archive, "2026.11.4", "Ben Okafor")
    assert (made.expected_result, made.rollback_note) == ("p95 of /articles <= +10 %", "Back to the version before.")
    assert (made.affected_routes, made.change_url, made.assumptions) == (
        ["/articles"],
        "https://example.org/c/4",
        "none",
    )
    assert made.registered_by == "Ana Ruiz"
    assert not made.bad


def test_the_book_says_who_registered_what(archive: Service, ana: Actor) -> None:
    made = register_release(spec(), actor=ana)
    event = Event.objects.get(action="release:registered")
    assert (event.actor, event.service, event.object_tag) == ("Ana Ruiz", "archive", made.tag)
    assert event.payload["details"]["rollback_note"] == "Back to the version before."


def test_when_its_oldest_commit_was_made_is_kept_and_stands_in_the_book(archive: Service, ana: Actor) -> None:
    made = register_release(spec(committed_at="2026-03-14T10:00:00+01:00"), actor=ana)
    made.refresh_from_db()
    assert made.committed_at == datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
    assert Event.objects.get().payload["details"]["committed_at"] == "2026-03-14T09:00:00Z"


def test_nothing_is_guessed_where_nobody_says_when_it_was_committed(archive: Service, ana: Actor) -> None:
    made = register_release(spec(), actor=ana)
    made.refresh_from_db()
    assert made.committed_at is None
    assert "committed_at" not in Event.objects.get().payload["details"]


def test_a_version_is_registered_once_per_service(archive: Service, ana: Actor) -> None:
    first = register_release(spec(), actor=ana)
    with pytest.raises(Conflict) as refused:
        register_release(spec(owner="Cho Park"), actor=ana)
    assert refused.value.problems[0].code == "version_exists"
    assert f"as {first.tag} by Ana Ruiz" in refused.value.problems[0].failed
    assert refused.value.made == first
    assert Event.objects.count() == 1


def test_another_service_may_have_the_same_version(archive: Service, ana: Actor) -> None:
    factory.service("search")
    register_release(spec(), actor=ana)
    register_release(spec(service="search"), actor=ana)
    assert Release.objects.count() == 2


def test_an_unknown_service_is_named_with_those_that_there_are(archive: Service, ana: Actor) -> None:
    with pytest.raises(NotFound) as refused:
        register_release(spec(service="serach"), actor=ana)
    assert "There is no service serach" in refused.value.problems[0].failed
    assert "archive" in refused.value.problems[0].expected


def test_a_service_that_the_catalogue_no_longer_names_takes_no_releases(archive: Service, ana: Actor) -> None:
    Service.objects.update(listed=False)
    with pytest.raises(NotFound):
        register_release(spec(), actor=ana)


def test_whoever_may_not_register_is_told_who_may(archive: Service) -> None:
    with pytest.raises(Denied) as refused:
        register_release(spec(), actor=factory.actor(factory.on_call()))
    assert "Cho Park does not hold the permission register_release" in refused.value.problems[0].failed
    assert "lead" in refused.value.problems[0].expected
    assert not Release.objects.exists()


def test_somebody_who_left_may_nothing(archive: Service) -> None:
    """C33"""
    left = factory.person("ana", "lead", is_active=False)
    with pytest.raises(Denied):
        register_release(spec(), actor=factory.actor(left))


def test_a_token_without_the_scope_is_told_which_one_is_missing(archive: Service) -> None:
    """C33"""
    with pytest.raises(Denied) as refused:
        register_release(spec(), actor=factory.actor(factory.lead(), via="api"))
    assert refused.value.problems[0].failed == "The token has no scope releases:write."
