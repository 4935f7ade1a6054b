"""Real processes around a little service, for the tests of what happens when one of them dies."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from releases.catalogue import load
from releases.management.refusing import person_at_the_terminal
from releases.models import Deployment, Environment, User
from releases.services.catalogue_sync import sync_catalogue
from releases.services.commands import keep_rendered
from tests import factory
from tests.integration.stack import Person, Stack, running
from tests.little_service import LittleService, start_little_service


@dataclass
class Story:
    """2026.11.3 was verified, 2026.11.4 is live, and Cho is on call."""

    stack: Stack
    service: LittleService
    place: Environment
    target: Deployment
    live: Deployment
    cho: User

    def cho_in_the_browser(self) -> Person:
        return self.stack.browser_of(self.cho)


@contextmanager
def telling(home: Path, httpserver: HTTPServer, settings: Any, passes: Sequence[str] = ()) -> Iterator[Story]:
    """Make the story in Django's present database; none of Rollbook's processes runs yet."""
    service = start_little_service(home, httpserver, passes=passes)
    settings.ROLLBOOK_CATALOGUE, settings.ROLLBOOK_HOME = str(service.catalogue), home
    sync_catalogue(load(service.catalogue), actor=person_at_the_terminal())
    place = Environment.objects.select_related("service").get()
    target = factory.deployed(place, "2026.11.3")
    live = factory.deployed(place, "2026.11.4")
    keep_rendered(place, target)
    with running(home, service.catalogue) as stack:
        yield Story(stack, service, place, target, live, factory.on_call())


@pytest.fixture
def story(tmp_path: Path, httpserver: HTTPServer, settings: Any, transactional_db: None) -> Iterator[Story]:
    with telling(tmp_path, httpserver, settings) as told:
        yield told
