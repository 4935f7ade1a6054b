"""What holds for every probe there is, and for every one that is added."""

import importlib
import pkgutil
import string
import time
from collections.abc import Iterator
from typing import Any

import pytest

import tests.probes as package
from releases.probes import registry
from releases.probes.base import Instance, Settings
from releases.states import About, Verdict
from tests.hostile import hostile, silent
from tests.probes.conftest import World
from tests.rig.ports import free_port

KEYS = list(registry.all_probes())

SMALLEST: dict[str, dict[str, Any]] = {
    "serving_version": {},
    "cache_headers": {"routes": [{"path": "/a", "expect": "shared"}, {"path": "/b", "expect_logged_in": "private"}]},
    "logged_in_traffic": {"personal": ["/a", "/b"], "anonymous": ["/c"], "action": {"page": "/d"}},
    "purge": {"affected": ["/a"], "control": ["/b", "/c"]},
    "response_time": {"routes": [{"path": "/a"}, {"path": "/b"}]},
    "rollback_command": {},
    "permissions": {"routes": [{"path": "/a", "expect": {"nobody": "refused", "reader-a": "allowed"}}]},
    "secrets": {"routes": ["/a"], "paths": ["/b"]},
    "security_headers": {"routes": ["/a"]},
    "configuration": {},
    "deploy_command": {},
    "rollback_rehearsal": {},
    "upload_limits": {"path": "/a", "limit_bytes": 1024},
    "logging": {"route": "/a", "within_seconds": 0.5},
}
"""Settings with which every probe has something to do."""

WITHOUT_NETWORK = {"rollback_command", "configuration", "deploy_command", "rollback_rehearsal"}
ASKING = [key for key in KEYS if key not in WITHOUT_NETWORK]


def marked_findings() -> Iterator[tuple[str, str]]:
    """Yield (probe, finding) of every marked test of this directory; `produced` checks that the marks are true."""
    for info in pkgutil.iter_modules(package.__path__):
        if not info.name.startswith("test_"):
            continue
        for test in vars(importlib.import_module(f"{package.__name__}.{info.name}")).values():
            for mark in getattr(test, "pytestmark", []):
                yield from (one.args for one in [mark, *_of_parameters(mark)] if one.name == "finding")


def _of_parameters(mark: pytest.Mark) -> list[pytest.Mark]:
    if mark.name != "parametrize":
        return []
    return [getattr(one, "mark", one) for case in mark.args[1] for one in getattr(case, "marks", ())]


def test_every_other_probe_weighs_in_full_in_the_outcome_of_a_rollback() -> None:
    of_the_way_back = [key for key in KEYS if registry.about(key) is About.WAY_BACK]
    assert of_the_way_back == ["rollback_command", "deploy_command", "rollback_rehearsal"]


def test_the_probes_stand_in_the_order_of_reading() -> None:
    assert KEYS[: len(registry.ORDER)] == list(registry.ORDER)


@pytest.mark.parametrize("key", KEYS)
def test_every_finding_that_a_probe_declares_is_produced_by_a_test(key: str) -> None:
    declared = {kind.id for kind in registry.get(key).kinds}
    assert declared - {kind for probe, kind in marked_findings() if probe == key} == set()


@pytest.mark.parametrize("key", KEYS)
def test_a_probe_says_what_it_is_in_words(key: str) -> None:
    probe = registry.get(key)
    assert probe.group in ("is it there", "implementation", "security", "rehearsal")
    assert 0 < probe.deadline <= 60
    for sentence in (probe.title, probe.proves, probe.cannot_see):
        assert sentence
    assert len({kind.id for kind in probe.kinds}) == len(probe.kinds) > 0
    for kind in probe.kinds:
        assert kind.hint.endswith((".", "?"))
        assert all(name for _, name, _, _ in string.Formatter().parse(kind.sentence) if name is not None)


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_is_described(key: str) -> None:
    def described(model: type[Settings]) -> Iterator[tuple[str, str | None]]:
        for name, field in model.model_fields.items():
            yield name, field.description

    assert [name for name, description in described(registry.get(key).settings_model) if not description] == []


def test_an_unknown_probe_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(registry.UnknownProbe, match="serving_version"):
        registry.get("serving")


@pytest.mark.parametrize("key", ASKING)
def test_a_place_that_cannot_be_reached_is_never_a_pass(world: World, key: str) -> None:
    world.edge = f"http://127.0.0.1:{free_port()}"
    world.instances = [Instance("web-1", f"http://127.0.0.1:{free_port()}")]
    answer = world.ask(key, **SMALLEST[key])
    assert answer.verdict is Verdict.ERROR


@pytest.mark.parametrize("key", ASKING)
def test_a_place_that_answers_nonsense_is_never_a_pass(world: World, key: str) -> None:
    """B52"""

    def make(server: object) -> Any:
        return lambda wire: wire.sendall(b"\x00\xff nonsense\r\n\r\n")

    with hostile(make) as server:
        world.edge = server.url
        world.instances = [Instance("web-1", server.url)]
        assert world.ask(key, **SMALLEST[key]).verdict is Verdict.ERROR


@pytest.mark.parametrize("key", ASKING)
def test_a_place_that_never_answers_is_left_at_the_deadline(world: World, key: str) -> None:
    """B45"""
    world.seconds = 1.0
    with hostile(silent) as server:
        world.edge = server.url
        world.instances = [Instance("web-1", server.url)]
        began = time.monotonic()
        answer = world.ask(key, **SMALLEST[key])
        assert time.monotonic() - began < 2.0
    assert answer.verdict is Verdict.ERROR


@pytest.mark.parametrize("key", ASKING)
def test_an_address_that_is_not_allowed_is_never_a_pass(world: World, key: str) -> None:
    world.edge = "http://169.254.169.254"
    world.instances = [Instance("web-1", "http://169.254.169.254")]
    assert world.ask(key, **SMALLEST[key]).verdict is Verdict.ERROR


@pytest.mark.parametrize("key", ["serving_version", "cache_headers", "logged_in_traffic"])
def test_a_site_that_answers_everything_alike_is_never_a_pass(world: World, key: str) -> None:
    """A parked domain or a maintenance page answers 200 to everything."""

    async def parked(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<h1>This domain is for sale</h1>"})

    for switch in world.switches:
        switch.app = parked
    assert world.ask(key, **SMALLEST[key]).verdict is not Verdict.PASS
