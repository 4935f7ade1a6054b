"""Instances that answer to the public name of their service only."""

from dataclasses import replace
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from tests.probes.conftest import World

NAME = "shop.example"
HOW_FAST = {"noisy", "too_noisy", "over_budget"}
"""Findings of a busy machine: here only counts who answers."""


@pytest.fixture
def strict(world: World) -> World:
    """The world, with instances that refuse every other Host, as Django does by ALLOWED_HOSTS."""

    def strictly(app: Any) -> Any:
        async def asked(scope: Any, receive: Any, send: Any) -> None:
            named = dict(scope["headers"]).get(b"host", b"").decode()
            await (app if named == NAME else PlainTextResponse("no such host", 400))(scope, receive, send)

        return asked

    for switch in world.switches:
        switch.app = strictly(switch.app)
    world.edge = world.instances[0].url
    return world


def ask_everywhere(world: World) -> dict[str, str]:
    route = world.service.public_routes[0]
    settings: dict[str, dict[str, Any]] = {
        "serving_version": {"path": world.service.version_route, "field": world.service.version_field, "edge": False},
        "cache_headers": {"routes": [{"path": route, "expect": "shared"}]},
        "response_time": {"routes": [{"path": route, "edge": False}], "samples": 20, "pause_ms": 0},
    }
    answers = {key: world.ask(key, **given) for key, given in settings.items()}
    at_origin = {
        key: [one for one in answer.findings if "edge" not in one.subject and one.kind.id not in HOW_FAST]
        for key, answer in answers.items()
    }
    return {key: "refused" if found else "answered" for key, found in at_origin.items()}


def test_instances_are_asked_by_the_name_that_the_catalogue_gives_them(strict: World) -> None:
    assert set(ask_everywhere(strict).values()) == {"refused"}
    strict.instances = [replace(instance, host=NAME) for instance in strict.instances]
    assert set(ask_everywhere(strict).values()) == {"answered"}
