"""The rig as pytest fixtures. Whatever is expensive lives as long as the test session, one for each xdist worker."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.rig.brokers import Broker, run_embedded_broker, run_redis
from tests.rig.browser import find_chromium, run_browser
from tests.rig.certificates import Certificate, make_certificate
from tests.rig.members import Members, make_members
from tests.rig.postgres import PostgresServer, run_postgres
from tests.rig.varnish import Varnish, run_varnish

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server with an empty cluster."""
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real Redis that nobody else uses."""
    with run_redis(tmp_path_factory.mktemp("redis")) as broker:
        yield broker


@pytest.fixture(scope="session")
def embedded_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The embedded default's broker."""
    with run_embedded_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def varnish() -> Iterator[Callable[[str], Varnish]]:
    """Start Varnish with a given configuration, as often as a test likes: `varnish(purging_vcl([8001, 8002]))`."""
    with ExitStack() as stack:
        yield lambda vcl: stack.enter_context(run_varnish(vcl))


@pytest.fixture(scope="session")
def members(tmp_path_factory: pytest.TempPathFactory) -> Members:
    """The people and the database of the members' site; `run_members` serves it."""
    return make_members(tmp_path_factory.mktemp("members"))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = find_chromium()
    assert path, "Chromium is not installed; as root, `make test` installs it"
    return path


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator["Browser"]:
    """A headless browser; open a context of your own in each test."""
    # Playwright keeps an event loop running in this thread, which Django would take for asynchronous code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with run_browser() as running:
            yield running
    finally:
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
        else:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before
