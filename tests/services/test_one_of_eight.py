"""One instance of eight that the command did not reach, as when a deploy leaves one machine behind."""

import json
from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_httpserver import HTTPServer

from releases.models import Environment
from releases.states import Outcome, Serving
from tests import factory
from tests.dashboard.pages import words
from tests.services.conftest import InlineWorkers, LittleService
from tests.services.test_run_rollback import press

PAIR = 'instances = [{{ name = "web-1", url = "{url}" }}, {{ name = "web-2", url = "{url}" }}]'


@pytest.fixture
def left_behind(little_service: LittleService) -> Iterator[None]:
    """Eight instances, of which the seventh serves 2026.11.4 whatever the command writes."""
    with HTTPServer() as old:
        old.expect_request("/version").respond_with_data(
            json.dumps({"version": "2026.11.4"}), content_type="application/json"
        )
        new_url, old_url = (server.url_for("").rstrip("/") for server in (little_service.server, old))
        eight = ", ".join(
            f'{{ name = "web-{number}", url = "{old_url if number == 7 else new_url}" }}' for number in range(1, 9)
        )
        text = little_service.catalogue.read_text()
        pair = PAIR.format(url=new_url)
        assert pair in text
        little_service.catalogue.write_text(text.replace(pair, f"instances = [{eight}]"))
        yield


def test_exit_0_with_one_of_eight_left_behind_is_not_restored_and_names_it(
    left_behind: None, production: Environment, workers: InlineWorkers, client: Client
) -> None:
    """B41"""
    rollback = press(production)
    workers.work()
    rollback.refresh_from_db()
    assert rollback.execution is not None
    assert (rollback.execution.exit_code, rollback.serving) == (0, Serving.MIXED)
    assert rollback.outcome == Outcome.NOT_RESTORED
    assert rollback.detail.startswith("Only some instances serve 2026.11.3: web-7 serves 2026.11.4")
    client.force_login(factory.person("lee", "auditor"))
    assert "web-7 still serves 2026.11.4" in words(client.get(f"/rollbacks/{rollback.pk}"))
