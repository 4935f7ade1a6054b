"""Purging routes after a rollback, by the method that the catalogue names."""

import sys
from typing import Any

import pytest
from django.utils import timezone
from werkzeug import Request, Response

from releases.executor import Result
from releases.models import Deployment, Environment, Execution
from releases.services import purging
from releases.services.purging import purge_routes
from releases.states import CommandState, ExecutionKind
from tests import factory
from tests.hostile import hostile, silent
from tests.services.conftest import LittleService

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def target(production: Environment) -> Deployment:
    return factory.deployed(production, "2026.11.3")


def purge(target: Deployment, *routes: str, stop: str = "") -> Result:
    execution = Execution.objects.create(
        environment=target.environment, kind=ExecutionKind.PURGE, started_by="Cho Park", started_at=timezone.now()
    )
    return purge_routes(target.environment, target, routes, execution, lambda: stop)


def by_command(service: LittleService, code: str) -> None:
    """Have the catalogue name a command that purges."""
    text = service.catalogue.read_text().replace('method = "PURGE"', 'method = "command"')
    command = (
        "[services.archive.commands.purge]\n"
        f'argv = ["{sys.executable}", "-c", "{code}", "{{route}}"]\n'
        f'directory = "{service.home}"\ntimeout = 20\n'
    )
    service.catalogue.write_text(text + command)


def test_each_route_is_purged_at_the_edge(target: Deployment, little_service: LittleService) -> None:
    result = purge(target, "/articles", "/version")
    assert little_service.purged == ["/articles", "/version"]
    assert (result.state, result.exit_code, result.problem) == (CommandState.EXITED, 0, "")
    assert result.output == "PURGE /articles: 200\nPURGE /version: 200"


def test_every_node_is_asked_in_the_name_of_the_edge_also_after_one_that_refused(
    target: Deployment, little_service: LittleService
) -> None:
    """B57"""
    asked = []

    def answer(request: Request) -> Response:
        asked.append((request.method, request.path, request.headers["X-Ban"]))
        return Response("", status=403 if len(asked) == 1 else 200)

    little_service.server.expect_request("/nodes", method="BAN").respond_with_handler(answer)
    node = f"127.0.0.1:{little_service.server.port}"
    little_service.catalogue.write_text(
        little_service.catalogue.read_text().replace(
            'method = "PURGE"',
            f'method = "BAN", field = "X-Ban", value = "^{{pattern}}$", nodes = ["http://{node}", "http://{node}"]',
        )
    )
    result = purge(target, "/nodes")
    assert asked == [("BAN", "/nodes", "^/nodes$")] * 2
    assert result.output == f"BAN /nodes: 403 at {node}, 200 at {node}"
    assert result.problem == "Not purged: /nodes."


def test_a_node_that_hangs_leaves_time_for_the_others(
    target: Deployment, little_service: LittleService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B57"""
    monkeypatch.setattr(purging, "REQUEST_SECONDS", 0.3)
    with hostile(silent) as node:
        other = f"http://127.0.0.1:{little_service.server.port}"
        little_service.catalogue.write_text(
            little_service.catalogue.read_text().replace(
                'method = "PURGE"', f'method = "PURGE", nodes = ["{node.url.rstrip("/")}", "{other}"]'
            )
        )
        result = purge(target, "/articles")
    assert little_service.purged == ["/articles"]
    assert (result.exit_code, result.problem) == (1, "Not purged: /articles.")


@pytest.mark.parametrize("status", [301, 403, 404, 405, 500])
def test_a_route_that_the_cache_did_not_purge_is_named(
    target: Deployment, little_service: LittleService, status: int
) -> None:
    """B54"""

    def answer(request: Request) -> Response:
        return Response("no", status=status)

    little_service.server.expect_request("/refused", method="PURGE").respond_with_handler(answer)
    result = purge(target, "/articles", "/refused")
    assert (result.exit_code, result.problem) == (1, "Not purged: /refused.")
    assert f"PURGE /refused: {status}" in result.output


def test_a_stop_between_two_routes_ends_the_purge(target: Deployment, little_service: LittleService) -> None:
    """B43"""
    result = purge(target, "/articles", stop="stopped by Cho Park")
    assert (result.state, result.exit_code, result.stop_reason) == (CommandState.KILLED, None, "stopped by Cho Park")
    assert little_service.purged == []


def test_an_environment_without_a_way_to_purge_says_so(target: Deployment, little_service: LittleService) -> None:
    text = little_service.catalogue.read_text()
    little_service.catalogue.write_text(text.replace('purging = { method = "PURGE" }', ""))
    result = purge(target, "/articles")
    assert result.state == CommandState.NOT_STARTED
    assert "names no way to purge archive/production" in result.problem


def test_without_a_catalogue_nothing_is_purged_and_it_is_said(target: Deployment, settings: Any) -> None:
    settings.ROLLBOOK_CATALOGUE = ""
    assert "ROLLBOOK_CATALOGUE is not set" in purge(target, "/articles").problem


def test_a_command_purges_each_route_as_one_argument(target: Deployment, little_service: LittleService) -> None:
    """C20"""
    by_command(little_service, "import sys; print('purged', sys.argv[1:])")
    result = purge(target, "/articles?q=$(id);x")
    assert result.exit_code == 0
    assert "exit 0 purged ['/articles?q=$(id);x']" in result.output


def test_a_purge_command_that_fails_names_its_route(target: Deployment, little_service: LittleService) -> None:
    by_command(little_service, "import sys; sys.exit('no such route')")
    result = purge(target, "/articles")
    assert (result.exit_code, result.problem) == (1, "Not purged: /articles.")
    assert "exit 1 no such route" in result.output
