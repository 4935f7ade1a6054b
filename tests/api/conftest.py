"""What tests of the JSON face share: a pipeline with a token."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from releases.intake import SCOPES
from releases.management.refusing import person_at_the_terminal
from releases.models import Environment, Service
from releases.services.tokens import create_token
from tests import factory

RELEASE: dict[str, Any] = {
    "service": "archive",
    "version": "2026.11.5",
    "owner": "Ben Okafor",
    "expected_result": "p95 of /articles <= +10 %",
    "rollback_note": "Back to the version before; purge /articles.",
}
START = {"service": "archive", "environment": "production", "version": "2026.11.5"}


@dataclass
class Pipeline:
    """A caller of the API, with a token in its header."""

    token: str
    client: Client = field(default_factory=Client)

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.client.get(f"/api/v1/{path}", headers=self._headers(headers))

    def post(self, path: str, body: Any, **headers: str) -> HttpResponse:
        """Send a body, as JSON unless it is bytes; a header's name is written with underscores."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = self._headers(headers)
        kind = given.pop("Content-Type", "application/json")
        return self.client.generic("POST", f"/api/v1/{path}", data, content_type=kind, headers=given)

    def _headers(self, given: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-").title(): value for name, value in given.items()}
        return {"Authorization": f"Bearer {self.token}"} | named


def token_for(
    username: str = "pipeline", group: str = "lead", scopes: Iterable[str] = SCOPES, of: Service | None = None
) -> str:
    user = factory.person(username, group, of)
    return create_token(user, "ci", list(scopes), None, actor=person_at_the_terminal())


@pytest.fixture
def pipeline(db: None) -> Pipeline:
    return Pipeline(token_for())


@pytest.fixture
def place(db: None) -> Environment:
    """archive/production: 2026.11.3 verified, 2026.11.4 live and failing."""
    return factory.story()[0]
