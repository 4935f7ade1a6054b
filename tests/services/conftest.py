"""What tests of the verbs share: workers that run in this process, and a service whose version is a file."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from releases import knocks, tasks
from releases.catalogue import load
from releases.management.refusing import person_at_the_terminal
from releases.models import Environment
from releases.services.catalogue_sync import sync_catalogue
from tests.little_service import LittleService, start_little_service


@dataclass
class InlineWorkers:
    """Runs what was knocked for, one after the other, in this process."""

    knocked: deque[tuple[str, str, int]] = field(default_factory=deque)

    def work(self, limit: int = 200) -> None:
        """Do everything that is knocked for, and what that knocks for in turn."""
        for _ in range(limit):
            if not self.knocked:
                return
            task, _, row_id = self.knocked.popleft()
            getattr(tasks, task)(row_id)
        raise AssertionError(f"still busy after {limit} tasks: {self.knocked}")


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> InlineWorkers:
    inline = InlineWorkers()
    monkeypatch.setattr(knocks, "_send", lambda task, queue, row_id: inline.knocked.append((task, queue, row_id)))
    return inline


@pytest.fixture
def little_service(tmp_path: Path, httpserver: HTTPServer, settings: Any) -> Iterator[LittleService]:
    service = start_little_service(tmp_path, httpserver)
    settings.ROLLBOOK_CATALOGUE = str(service.catalogue)
    settings.ROLLBOOK_HOME = tmp_path
    yield service
    service.end_what_was_left()


@pytest.fixture
def production(little_service: LittleService, workers: InlineWorkers, transactional_db: None) -> Environment:
    """archive/production as `sync_catalogue` makes it from the little service's file."""
    from django.conf import settings

    sync_catalogue(load(Path(settings.ROLLBOOK_CATALOGUE)), actor=person_at_the_terminal())
    return Environment.objects.select_related("service").get(service__key="archive", key="production")
