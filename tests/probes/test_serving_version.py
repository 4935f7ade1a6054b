"""`serving_version`: every instance is asked, and what it does not say is not made up."""

import pytest
from fastapi import FastAPI, Response
from pydantic import ValidationError

from releases.http import Response as Answered, Timings
from releases.probes.base import Instance
from releases.probes.serving_version import ServingVersionSettings, read_version
from releases.states import Regression, Verdict
from tests.probes.conftest import World, kinds_of
from tests.rig.ports import free_port

KEY = "serving_version"


def test_it_passes_when_every_instance_serves_the_release(world: World) -> None:
    world.expected_version = "1.4.2"
    answer = world.ask(KEY, path=world.service.version_route, field=world.service.version_field)
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])
    assert answer.figures == {"versions": {"web-1": "1.4.2", "web-2": "1.4.2"}, "edge": "1.4.2"}


def test_a_baseline_passes_when_all_agree(world: World) -> None:
    assert world.ask(KEY, path=world.service.version_route, field=world.service.version_field).verdict is Verdict.PASS


def test_the_version_is_found_in_a_header_in_a_nested_field_and_in_plain_text(world: World) -> None:
    world.expected_version = "1.4.2"
    route = world.service.version_route
    assert world.ask(KEY, path=route, header=world.service.version_header).verdict is Verdict.PASS
    assert world.ask(KEY, path=route, field=f"build.{world.service.version_field}").verdict is Verdict.PASS
    assert read_version(answered(b" 2024.1+b7\n"), ServingVersionSettings(field="")) == ("2024.1+b7", "")


@pytest.mark.finding(KEY, "wrong_version")
@pytest.mark.finding(KEY, "mixed_versions")
def test_one_instance_left_behind_is_named(world: World) -> None:
    """B41"""
    world.expected_version = "1.4.2"
    world.service.versions[1] = "1.4.1"
    answer = world.ask(KEY, path=world.service.version_route, field=world.service.version_field, edge=False)
    assert [finding.sentence for finding in answer.findings] == [
        "web-2 serves 1.4.1, not 1.4.2",
        "the instances do not serve the same version: 1.4.1, 1.4.2",
    ]
    assert answer.figures["versions"] == {"web-1": "1.4.2", "web-2": "1.4.1"}


@pytest.mark.finding(KEY, "mixed_versions")
def test_a_baseline_fails_when_instances_differ(world: World) -> None:
    world.service.versions[0] = "1.4.1"
    answer = world.ask(KEY, path=world.service.version_route, field=world.service.version_field)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.FAIL, {"mixed_versions"})


@pytest.mark.finding(KEY, "edge_differs")
def test_an_edge_that_kept_an_old_answer_is_named(world: World) -> None:
    old = FastAPI(openapi_url=None)
    old.get("/v")(lambda: Response('{"version": "1.4.1"}', headers={"Cache-Control": "max-age=300"}))
    new = FastAPI(openapi_url=None)
    new.get("/v")(lambda: Response('{"version": "1.4.2"}', headers={"Cache-Control": "max-age=300"}))
    switches = world.switches
    for switch in switches:
        switch.app = old
    assert world.ask(KEY, path="/v").verdict is Verdict.PASS
    for switch in switches:
        switch.app = new
    world.expected_version = "1.4.2"
    answer = world.ask(KEY, path="/v")
    assert kinds_of(answer) == {"edge_differs"}
    assert answer.verdict is Verdict.FAIL


@pytest.mark.finding(KEY, "no_version")
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"field": "absent"}, "there is no field absent in a JSON answer"),
        ({"field": "build"}, "there is no field build in a JSON answer"),
        ({"header": "X-Absent"}, "there is no header X-Absent"),
        ({"field": ""}, "which is no version"),
        ({"path": "/nowhere"}, "answered 404, and that is no success"),
    ],
)
def test_an_answer_without_a_version_is_could_not_measure(world: World, settings: dict[str, str], reason: str) -> None:
    world.expected_version = "1.4.2"
    answer = world.ask(KEY, **({"path": world.service.version_route} | settings))
    assert answer.verdict is Verdict.ERROR
    assert reason in answer.findings[0].sentence
    assert answer.figures["versions"] == {}


@pytest.mark.finding(KEY, "could_not_ask")
@pytest.mark.finding(KEY, "wrong_version")
def test_an_instance_that_is_down_hides_nothing_of_the_others(world: World) -> None:
    world.expected_version = "1.4.3"
    world.instances.append(Instance("web-3", f"http://127.0.0.1:{free_port()}"))
    answer = world.ask(KEY, path=world.service.version_route, field=world.service.version_field, edge=False)
    assert kinds_of(answer) == {"wrong_version", "could_not_ask"}
    assert answer.verdict is Verdict.FAIL
    assert set(answer.figures["versions"]) == {"web-1", "web-2"}


def test_the_edge_stands_in_where_no_instance_is_named(world: World) -> None:
    world.instances = []
    answer = world.ask(KEY, path=world.service.version_route, field=world.service.version_field)
    assert answer.figures["versions"] == {"edge": "1.4.2"}


def test_a_failure_that_was_there_before_is_no_regression(world: World) -> None:
    world.service.versions[0] = "1.4.1"
    answer = world.ask_again(KEY, path=world.service.version_route, field=world.service.version_field, edge=False)
    assert (answer.verdict, answer.regression) == (Verdict.FAIL, Regression.NO)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'{"version": null}', b'{"version": true}', b'{"version": {"a": 1}}', b"[" * 100_000,
     b'{"version": "a b"}', b'{"version": "' + b"9" * 200 + b'"}', b"\xff\xfe", b'{"version": "<script>"}'],
)  # fmt: skip
def test_no_body_is_taken_for_a_version_that_holds_none(body: bytes) -> None:
    version, reason = read_version(answered(body), ServingVersionSettings())
    assert version is None
    assert reason


def test_a_number_is_taken_for_a_version() -> None:
    assert read_version(answered(b'{"version": 7}'), ServingVersionSettings()) == ("7", "")


def test_two_sources_for_the_version_are_refused() -> None:
    with pytest.raises(ValidationError, match="not from both"):
        ServingVersionSettings(field="version", header="X-Version")


def answered(body: bytes) -> Answered:
    return Answered(200, (), body, False, Timings(0, 0, 0), "127.0.0.1:1", "http://127.0.0.1:1/")
