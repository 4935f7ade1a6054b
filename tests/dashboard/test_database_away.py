"""Pages while the database is away: said plainly, with what helps meanwhile, and when to ask again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import InternalError, OperationalError, connection
from django.test import Client
from django.utils import timezone
from psycopg.errors import ReadOnlySqlTransaction

from dashboard.views import health
from releases.models import Worker
from tests import factory
from tests.dashboard.pages import words

pytestmark = pytest.mark.django_db


@contextmanager
def database_away() -> Iterator[None]:
    def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly: password=hunter2")

    with connection.execute_wrapper(refuse):
        yield


@pytest.fixture
def browser(client: Client) -> Iterator[Client]:
    client.force_login(factory.on_call())
    client.raise_request_exception = False
    yield client
    health._hosts = ()


def test_every_page_says_so_and_when_to_ask_again(browser: Client) -> None:
    """B18"""
    for address in ("/", "/s/archive/production/rollback", "/rollbacks/1"):
        with database_away():
            answer = browser.get(address)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "Rollbook's database does not answer" in words(answer)
        assert "manage.py last_known" in words(answer)
        assert f'href="{address}"' in answer.content.decode()
        assert "hunter2" not in answer.content.decode()


def test_a_database_that_takes_no_writes_is_away_too(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """B17"""

    def read_only(*_: object) -> None:
        raise InternalError("cannot execute INSERT") from ReadOnlySqlTransaction("cannot execute INSERT")

    monkeypatch.setattr("dashboard.views.board.places", read_only)
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_the_host_of_the_worker_is_named_as_last_seen(browser: Client) -> None:
    now = timezone.now()
    for role, host in (("act", "web-1.example.org"), ("probe", "elsewhere")):
        Worker.objects.create(name=host, role=role, queues=[], host=host, started_at=now, seen_at=now)
    assert browser.get("/healthz").status_code == 200
    with database_away():
        said = words(browser.get("/"))
    assert "Run it on web-1.example.org:" in said
    assert "elsewhere" not in said


def test_the_health_page_says_so_too(client: Client) -> None:
    """B18"""
    with database_away():
        answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (503, b"the database does not answer\n")


def test_another_mistake_is_not_blamed_on_the_database(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("hunter2")

    monkeypatch.setattr("dashboard.views.board.places", fail)
    answer = browser.get("/")
    assert answer.status_code == 500
    assert "Rollbook made a mistake" in words(answer)
    assert "hunter2" not in answer.content.decode()
