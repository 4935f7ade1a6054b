"""The door of the JSON face: who may in, what is read, and the one shape of every refusal."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from psycopg.errors import DeadlockDetected

from releases.api import views
from releases.models import ApiToken, Environment, Event, Release, User
from releases.services.retrying import retried
from tests import factory
from tests.api.conftest import RELEASE, START, Pipeline, token_for

SHAPE = {"type", "title", "status", "detail", "code", "field", "got", "expected", "retry", "request_id", "errors"}
ERROR_SHAPE = {"code", "field", "failed", "got", "expected", "retry"}


def refused(response: Any, status: int) -> dict[str, Any]:
    """Return a refusal's body, after a look at its shape."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) == SHAPE
    assert body["status"] == status
    assert body["errors"]
    assert all(set(error) == ERROR_SHAPE for error in body["errors"])
    assert body["request_id"] == response["X-Request-Id"]
    return body


# --- The shape --------------------------------------------------------------------------------------------------------


def test_every_refusal_has_the_same_shape(pipeline: Pipeline, place: Environment) -> None:
    body = refused(pipeline.post("releases", {**RELEASE, "version": "a b"}), 422)
    assert body == {
        "type": "urn:rollbook:problem:invalid",
        "title": "The input is not valid",
        "status": 422,
        "detail": body["errors"][0]["failed"] + " Expected: a version: a letter or digit, then letters, digits and "
        ". _ + -, at most 100 characters. Safe to try again.",
        "code": "invalid",
        "field": "version",
        "got": "a b",
        "expected": "a version: a letter or digit, then letters, digits and . _ + -, at most 100 characters",
        "retry": "safe",
        "request_id": body["request_id"],
        "errors": [
            {
                "code": "invalid",
                "field": "version",
                "failed": body["errors"][0]["failed"],
                "got": "a b",
                "expected": "a version: a letter or digit, then letters, digits and . _ + -, at most 100 characters",
                "retry": "safe",
            }
        ],
    }


def test_nothing_of_the_inside_is_told(pipeline: Pipeline, place: Environment) -> None:
    """ASVS 16.5.1: no stack trace, no path, no query."""
    for body in (b"{", b"[]", b'{"service": 5}', b"\xff"):
        text = pipeline.post("releases", body).content.decode()
        assert "Traceback" not in text
        assert "pydantic" not in text
        assert ".py" not in text


# --- Who may in -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer rb_wrong", "Token x"])
def test_without_a_valid_token_nobody_comes_in(db: None, header: str | None) -> None:
    """C33"""
    headers = {} if header is None else {"Authorization": header}
    response = Client().post("/api/v1/releases", RELEASE, content_type="application/json", headers=headers)
    body = refused(response, 401)
    assert body["code"] == "not_authenticated"
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("field", ["expires_at", "revoked_at"])
def test_an_expired_or_revoked_token_does_not_open(pipeline: Pipeline, field: str) -> None:
    """C33"""
    ApiToken.objects.update(**{field: timezone.now() - timedelta(seconds=1)})
    assert refused(pipeline.get("releases/1"), 401)["detail"].startswith("The token is not valid.")


def test_the_token_of_somebody_who_left_does_not_open(pipeline: Pipeline) -> None:
    """C33"""
    User.objects.update(is_active=False)
    refused(pipeline.get("releases/1"), 401)


def test_a_session_does_not_open_the_api(db: None, place: Environment) -> None:
    """It has no CSRF token to show."""
    client = Client()
    client.force_login(factory.lead())
    refused(client.post("/api/v1/releases", RELEASE, content_type="application/json"), 401)


@pytest.mark.parametrize(
    ("path", "body", "missing"),
    [("releases", RELEASE, "releases:write"), ("deployments", START, "deployments:write")],
)
def test_writing_without_its_scope_names_the_scope(
    place: Environment, path: str, body: dict[str, Any], missing: str
) -> None:
    """C33"""
    factory.release(place.service, "2026.11.5")
    reader = Pipeline(token_for(scopes=("read",)))
    assert refused(reader.post(path, body), 403)["detail"].startswith(f"The token has no scope {missing}.")


def test_finishing_without_its_scope_names_the_scope(place: Environment) -> None:
    """C33"""
    reader = Pipeline(token_for(scopes=("read", "releases:write")))
    body = refused(reader.post(f"deployments/{place.live_id}/finish", {}), 403)
    assert body["code"] == "scope_missing"


@pytest.mark.parametrize("path", ["releases/1", "deployments/1", "rollbacks/1", "way-back/archive/production"])
def test_reading_needs_a_scope_too(db: None, path: str) -> None:
    """C33"""
    writer = Pipeline(token_for(scopes=("releases:write", "deployments:write")))
    assert refused(writer.get(path), 403)["detail"].startswith("The token has no scope read.")


def test_a_scope_is_no_permission(place: Environment) -> None:
    """C33: the token may, the person may not."""
    auditor = Pipeline(token_for("lee", "auditor"))
    assert refused(auditor.post("releases", RELEASE), 403)["code"] == "permission_missing"
    assert not Release.objects.filter(version="2026.11.5").exists()


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_a_token_in_the_address_is_refused_and_to_be_revoked(pipeline: Pipeline, name: str) -> None:
    """C34"""
    body = refused(pipeline.get(f"releases/1?{name}={pipeline.token}"), 400)
    assert body["code"] == "token_in_address"
    assert "Authorization header" in body["expected"]
    assert pipeline.token not in json.dumps(body)


# --- What is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"not json", b'{"service": "archive"', b'{"a": 1,}'])
def test_a_body_that_is_not_json_is_refused_with_line_and_column(pipeline: Pipeline, body: bytes) -> None:
    """C28"""
    assert "line 1, column" in refused(pipeline.post("releases", body), 400)["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"owner": "a", "owner": "b"}',
        b'{"wait": NaN}',
        b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b"}",
        b'{"wait": 1' + b"0" * 400 + b"}",
    ],
    ids=["twice", "NaN", "nested", "huge"],
)
def test_json_that_parsers_disagree_about_is_refused(pipeline: Pipeline, body: bytes) -> None:
    """C29"""
    assert refused(pipeline.post("releases", body), 400)["code"] == "malformed_json"


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"],
)
def test_another_media_type_is_refused_with_the_one_that_is_accepted(pipeline: Pipeline, kind: str) -> None:
    """C31"""
    body = refused(pipeline.post("releases", RELEASE, content_type=kind), 415)
    assert body["expected"] == "application/json in UTF-8"


def test_another_character_set_is_refused(pipeline: Pipeline) -> None:
    """C31"""
    kind = "application/json; charset=utf-16"
    refused(pipeline.post("releases", json.dumps(RELEASE).encode("utf-16"), content_type=kind), 415)


def test_utf_8_may_be_named_in_any_spelling(pipeline: Pipeline, place: Environment) -> None:
    response = pipeline.post("releases", RELEASE, content_type="application/json; charset=Utf-8")
    assert response.status_code == 201


def test_a_compressed_body_is_refused(pipeline: Pipeline) -> None:
    """C31"""
    assert refused(pipeline.post("releases", RELEASE, content_encoding="gzip"), 415)["code"] == "content_encoding"


def test_a_body_of_more_than_a_mebibyte_is_refused_with_the_limit(pipeline: Pipeline) -> None:
    """C32"""
    body = refused(pipeline.post("releases", b" " * (1024 * 1024 + 1)), 413)
    assert body["expected"] == "at most 1,048,576 bytes"


def test_what_was_given_is_cut_and_does_nothing(pipeline: Pipeline) -> None:
    body = refused(pipeline.post("releases", {**RELEASE, "owner": "\x1b[2J" + "a" * 10_000}), 422)
    assert len(body["got"]) <= 81
    assert "\x1b" not in body["got"]


# --- Methods and addresses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("releases", "GET", "POST"),
        ("releases", "DELETE", "POST"),
        ("releases/1", "POST", "GET"),
        ("deployments", "PUT", "POST"),
        ("deployments/1/finish", "GET", "POST"),
        ("rollbacks", "GET", "POST"),
        ("rollbacks/1", "PATCH", "GET"),
        ("way-back/archive/production", "POST", "GET"),
        ("releases", "OPTIONS", "POST"),
    ],
)
def test_another_method_is_refused_with_those_that_are_allowed(
    pipeline: Pipeline, path: str, method: str, allowed: str
) -> None:
    """C38"""
    response = pipeline.client.generic(method, f"/api/v1/{path}")
    refused(response, 405)
    assert response["Allow"] == allowed


@pytest.mark.parametrize("path", ["", "nothing", "releases/x", "releases/-1", "releases/", "deployments/1/start"])
def test_an_address_without_anything_is_not_found_in_json(pipeline: Pipeline, path: str) -> None:
    """C38"""
    assert refused(pipeline.get(path), 404)["code"] == "not_found"
    assert refused(pipeline.post(path, {}), 404)["code"] == "not_found"


def test_a_wrong_host_is_refused(pipeline: Pipeline) -> None:
    """C40"""
    assert pipeline.get("releases/1", host="evil.example").status_code == 400


def test_an_address_that_the_client_made_up_does_not_reach_the_book(pipeline: Pipeline, place: Environment) -> None:
    """C40: no proxy of ours stands in front."""
    pipeline.post("releases", RELEASE, x_forwarded_for="198.51.100.1")
    assert Event.objects.get(action="release:registered").payload["origin"] == "127.0.0.1"


def test_behind_a_proxy_only_what_the_proxy_added_counts(pipeline: Pipeline, place: Environment, settings: Any) -> None:
    """C40"""
    settings.TRUSTED_PROXIES = 1
    pipeline.post("releases", RELEASE, x_forwarded_for="198.51.100.1, 203.0.113.9")
    assert Event.objects.get(action="release:registered").payload["origin"] == "203.0.113.9"


@pytest.mark.parametrize("header", ["", "nonsense", "<script>", "198.51.100.1, nonsense"])
def test_a_header_that_names_no_address_falls_back_to_the_peer(
    pipeline: Pipeline, place: Environment, settings: Any, header: str
) -> None:
    """C40"""
    settings.TRUSTED_PROXIES = 1
    pipeline.post("releases", RELEASE, x_forwarded_for=header)
    assert Event.objects.get(action="release:registered").payload["origin"] == "127.0.0.1"


# --- The database -----------------------------------------------------------------------------------------------------


def test_a_database_that_is_away_is_said_with_when_to_come_back(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B18"""

    def away(*args: object, **options: object) -> None:
        raise OperationalError("FATAL: too many clients already")

    monkeypatch.setattr(views, "register_release", away)
    response = pipeline.post("releases", RELEASE)
    body = refused(response, 503)
    assert (body["code"], response["Retry-After"]) == ("database_away", "5")
    assert "too many clients" not in json.dumps(body)


@pytest.mark.django_db(transaction=True)
def test_what_met_other_transactions_again_and_again_is_safe_to_send_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B19"""

    @retried
    def meets(*args: object, **options: object) -> None:
        raise OperationalError("deadlock detected") from DeadlockDetected("deadlock detected")

    monkeypatch.setattr(views, "register_release", meets)
    response = pipeline.post("releases", RELEASE)
    body = refused(response, 503)
    assert (body["code"], body["retry"], response["Retry-After"]) == ("database_busy", "safe", "1")
    assert "nothing was changed" in body["detail"]
