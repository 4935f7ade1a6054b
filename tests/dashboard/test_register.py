"""The form that registers a release: what it takes, what it refuses, and that nothing typed is lost."""

import html
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from releases.models import Event, Release
from tests import factory
from tests.dashboard.pages import hidden_key, links, sign_in_again, signed_in, words

pytestmark = pytest.mark.django_db

FORM = "/releases/new"


@pytest.fixture
def archive() -> Any:
    return factory.service()


def filled(**fields: str) -> dict[str, str]:
    return {
        "service": "archive",
        "version": "2026.11.4",
        "owner": "Ben Okafor",
        "expected_result": "p95 of /articles <= +10 %",
        "rollback_note": "Back to 2026.11.3.\nNo migration.",
        "affected_routes": "/articles\r\n\r\n /account \r\n",
        "change_url": "",
        "assumptions": "",
        "change_size": "",
        "committed_at": "",
        "key": str(uuid.uuid4()),
    } | fields


def send(**fields: str) -> Any:
    return signed_in(factory.lead()).post(FORM, filled(**fields))


# --- It works -------------------------------------------------------------------------------------------------------


def test_a_release_is_registered_and_shown(archive: Any) -> None:
    commit = "2026-03-14T10:00:00+01:00"
    response = send(change_url="https://example.org/pull/4", change_size="12 files", committed_at=commit)
    release = Release.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/releases/{release.pk}")
    assert (release.version, release.owner) == ("2026.11.4", "Ben Okafor")
    assert release.affected_routes == ["/articles", "/account"]
    assert release.registered_by == "Ana Ruiz"
    assert release.committed_at == datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
    assert Event.objects.get().action == "release:registered"


def test_the_form_offers_the_services_and_fills_in_who_asks(archive: Any) -> None:
    factory.service("payments")
    response = signed_in(factory.lead()).get(f"{FORM}?service=payments")
    source = response.content.decode()
    assert '<option value="payments" selected>' in source
    assert '<option value="archive">' in source
    assert 'value="Ana Ruiz"' in source


def test_a_service_that_left_the_catalogue_is_not_offered(archive: Any) -> None:
    factory.service("gone", listed=False)
    assert 'value="gone"' not in signed_in(factory.lead()).get(FORM).content.decode()


def test_without_services_there_is_nothing_to_register() -> None:
    response = signed_in(factory.lead()).get(FORM)
    assert "No service yet." in words(response)
    assert "<textarea" not in response.content.decode()


# --- Twice ----------------------------------------------------------------------------------------------------------


def test_the_same_form_sent_twice_makes_one_release(archive: Any) -> None:
    """C24: the second press leads to what the first one made."""
    client, form = signed_in(factory.lead()), filled()
    first, second = client.post(FORM, form), client.post(FORM, form)
    assert (second.status_code, second["Location"]) == (303, first["Location"])
    assert Release.objects.count() == 1


def test_a_form_that_was_sent_and_then_changed_gets_a_new_key(archive: Any) -> None:
    """C35: the key stands for the first sending; what was typed since is kept."""
    client, form = signed_in(factory.lead()), filled()
    client.post(FORM, form)
    response = client.post(FORM, form | {"version": "2026.11.5"})
    assert response.status_code == 422
    assert "was used for another request" in words(response)
    assert hidden_key(response) != form["key"]
    assert 'value="2026.11.5"' in response.content.decode()
    again = client.post(FORM, form | {"version": "2026.11.5", "key": hidden_key(response)})
    assert again.status_code == 303


def test_a_version_that_is_taken_is_refused_with_who_has_it(archive: Any) -> None:
    taken = factory.release(archive, "2026.11.4")
    response = send()
    told = words(response)
    assert response.status_code == 409
    assert f"archive 2026.11.4 is already registered, as {taken.tag} by Ben Okafor." in told
    assert "Do not try again." in told
    assert f"/releases/{taken.pk}" in links(response)
    assert Release.objects.count() == 1


# --- Bad input ------------------------------------------------------------------------------------------------------


def refused(response: Any, field: str) -> str:
    """Check that nothing was made and that the mistake stands beside its field; return the page's words."""
    source = response.content.decode()
    assert response.status_code == 422
    assert Release.objects.count() == 0
    assert f'id="error-{field}"' in source
    assert f'href="#field-{field}"' in source, "and on top, with the way to it"
    assert "Safe to try again." in words(response)
    return words(response)


@pytest.mark.parametrize("field", ["service", "version", "owner", "expected_result", "rollback_note"])
def test_a_field_that_is_required_and_empty_is_named(archive: Any, field: str) -> None:
    """C1: nothing but white space is empty too, where white space is no content."""
    assert f"{field} is missing. Expected:" in refused(send(**{field: ""}), field)


def test_a_name_of_white_space_is_empty(archive: Any) -> None:
    """C1."""
    told = refused(send(owner="   "), "owner")
    assert "owner is empty. Expected: a name of 1-80 characters. Safe to try again." in told


@pytest.mark.parametrize(("field", "length"), [("owner", 81), ("owner", 10_000), ("expected_result", 4001)])
def test_a_text_that_is_too_long_is_refused_with_its_length_and_the_limit(
    archive: Any, field: str, length: int
) -> None:
    """C2."""
    told = refused(send(**{field: "x" * length}), field)
    assert f"{field} has {length:,} characters. Expected:" in told


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ben\nOkafor", "a line break or tab"),
        ("Ben\x00", "U+0000 control character"),
        ("Ben\u202eOkafor", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("Ben\u200bOkafor", "U+200B ZERO WIDTH SPACE"),
    ],
)
def test_a_hidden_character_is_named(archive: Any, text: str, name: str) -> None:
    """C3."""
    assert f"owner contains {name}." in refused(send(owner=text), "owner")


@pytest.mark.parametrize(
    "address",
    [
        "example.com/x",
        "ftp://example.com/",
        "javascript:alert(1)",
        "http://exa mple.com",
        "http://a\\b",
        "https://h:0/",
    ],
)
def test_an_address_that_is_none_is_refused(archive: Any, address: str) -> None:
    """C5, C6, C9, C12."""
    told = refused(send(change_url=address), "change_url")
    assert "Expected: an address that starts with https:// or http://" in told


def test_credentials_in_an_address_are_refused_and_not_repeated(archive: Any) -> None:
    """C8."""
    response = send(change_url="https://user:hunter2@example.com/")
    assert "change_url holds credentials." in refused(response, "change_url")
    assert "hunter2" not in response.content.decode()


@pytest.mark.parametrize("route", ["/*", ".*", "https://elsewhere.example/x", "articles", "/a?b#c", "/a b", "//host/x"])
def test_a_route_that_is_no_exact_path_is_refused(archive: Any, route: str) -> None:
    """C14, C15: a purge must hit one route of this service."""
    told = refused(send(affected_routes=f"/articles\n{route}"), "affected_routes")
    assert "affected_routes.1 cannot be purged:" in told


def test_a_commits_time_that_is_no_moment_is_refused_beside_its_field(archive: Any) -> None:
    """C42"""
    told = refused(send(committed_at="2026-03-14 10:00"), "committed_at")
    assert "committed_at is not a moment. Expected: RFC 3339 with offset, such as 2026-03-14T09:00:00Z" in told


def test_every_mistake_is_told_at_once(archive: Any) -> None:
    response = send(owner="", rollback_note="", version="no good")
    source = response.content.decode()
    assert [f'id="error-{name}"' in source for name in ("owner", "rollback_note", "version")] == [True] * 3


def test_everything_typed_is_kept(archive: Any) -> None:
    typed = "<b>Back</b> & forth\n" * 100
    response = send(rollback_note=typed, owner="", affected_routes="/a\n/b")
    source = response.content.decode()
    assert source.count("&lt;b&gt;Back&lt;/b&gt; &amp; forth") == 100
    assert "/a\n/b</textarea>" in source
    assert '<option value="archive" selected>' in source


def test_a_service_that_does_not_exist_is_named_and_kept(archive: Any) -> None:
    response = send(service="nothing")
    assert response.status_code == 404
    assert "There is no service nothing. Expected: a service of the catalogue (archive)." in words(response)
    assert '<option value="nothing" selected>' in response.content.decode()


# --- Who and how ----------------------------------------------------------------------------------------------------


def test_somebody_without_the_permission_sees_who_has_it(archive: Any) -> None:
    client = signed_in(factory.on_call())
    response = client.get(FORM)
    assert "Only lead may." in words(response)
    assert "<textarea" not in response.content.decode()
    assert client.post(FORM, filled()).status_code == 403
    assert Release.objects.count() == 0


def test_a_form_without_its_token_is_refused(archive: Any) -> None:
    """C22."""
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(factory.lead())
    assert client.post(FORM, filled()).status_code == 403
    assert Release.objects.count() == 0


def test_the_form_takes_nothing_but_get_and_post(archive: Any) -> None:
    assert signed_in(factory.lead()).put(FORM).status_code == 405


def test_who_is_signed_out_is_led_to_sign_in(client: Any, archive: Any) -> None:
    assert client.get(FORM)["Location"] == f"/login?next={FORM}"
    assert f"/login?next={FORM}" in links(client.post(FORM, filled()))
    assert Release.objects.count() == 0


# --- The session has ended ------------------------------------------------------------------------------------------


def test_a_form_sent_after_the_session_ended_is_filled_again_after_the_sign_in(archive: Any) -> None:
    """C22"""
    client, typed = Client(), filled(rollback_note="Back to 2026.11.3. " + "No migration. " * 250)
    ended = client.post(FORM, typed)
    assert ended.status_code == 403
    assert "Your session has ended" in words(ended)
    again = sign_in_again(client, ended, factory.lead())
    for text in (typed["version"], typed["owner"], typed["rollback_note"], typed["expected_result"], "/account"):
        assert html.escape(text, quote=False) in again.content.decode()
    assert hidden_key(again) == typed["key"]
    assert not Release.objects.exists()


def test_what_was_kept_fills_the_form_once(archive: Any) -> None:
    """C22"""
    client = Client()
    sign_in_again(client, client.post(FORM, filled()), factory.lead())
    assert 'value="2026.11.4"' not in client.get(FORM).content.decode()


def test_more_than_the_form_takes_is_shown_instead_of_kept(archive: Any) -> None:
    """C22: nobody who is signed out may fill the database."""
    client = Client()
    ended = client.post(FORM, filled(assumptions="x" * 100_000))
    assert "x" * 100_000 in words(ended)
    assert not Session.objects.exists()
