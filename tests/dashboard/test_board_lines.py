"""p95 of the last deployments in a board's cells: a small picture, and the same in words."""

from typing import Any

import pytest

from releases.models import Deployment, Environment, Rollback
from releases.queries.response_lines import response_lines
from releases.queries.trends import SHOWN
from releases.states import DeploymentKind, DeploymentStatus, Outcome, Regression, RollbackStatus, Verdict
from tests import factory
from tests.dashboard.pages import queries_of, signed_in, words

pytestmark = pytest.mark.django_db


def timed(
    place: Environment, version: str, milliseconds: float, verdict: Verdict = Verdict.PASS, **fields: Any
) -> Deployment:
    made = factory.deployed(place, version, verdict, Regression.NO, **fields)
    factory.timed(
        made, {"routes": {"/articles": {"edge": {"p95_ms": milliseconds, "samples_ms": [milliseconds] * 30}}}}
    )
    return made


def test_the_cell_shows_the_line_and_says_it_in_words() -> None:
    place = factory.environment()
    timed(place, "1", 205.0)
    factory.deployed(place, "2")
    timed(place, "3", 810.0, Verdict.FAIL)
    response = signed_in(factory.on_call()).get("/")
    assert response.content.decode().count("spark") == 1
    assert "/articles: p95 of the last 3 deployments, 205 to 810 ms, last 810 ms; 1 not measured." in words(response)
    assert "p95 810 ms n 30 /articles at the edge" in words(response)


def test_where_nothing_was_timed_before_there_is_no_line() -> None:
    factory.deployed(factory.environment(), "1")
    timed(factory.environment(key="staging"), "1", 100.0)
    assert "spark" not in signed_in(factory.on_call()).get("/").content.decode()


def test_each_environment_has_its_own_last_deployments() -> None:
    place, other = factory.environment(), factory.environment(key="staging")
    for number in range(SHOWN + 3):
        timed(place, f"1.{number}", 100.0 + number)
    timed(other, "1.0", 50.0)
    lines = response_lines([place.pk, other.pk])
    assert [one.p95 for one in lines[place.pk]] == [100.0 + number for number in range(3, SHOWN + 3)]
    assert [one.p95 for one in lines[other.pk]] == [50.0]


def test_what_did_not_end_and_rehearsals_are_no_part_of_it() -> None:
    place = factory.environment()
    timed(place, "1", 100.0)
    for fields in ({"status": DeploymentStatus.FAILED}, {"kind": DeploymentKind.REHEARSAL}):
        Deployment.objects.filter(pk=timed(place, "2", 200.0, live=False).pk).update(**fields)
    assert [one.p95 for one in response_lines([place.pk])[place.pk]] == [100.0]


def test_a_rollback_stands_as_its_outcome() -> None:
    place, target, live = factory.story()
    back = timed(place, target.release.version, 206.0, kind=DeploymentKind.ROLLBACK)
    rollback = factory.rollback(place, target, live, factory.on_call(), status=RollbackStatus.DONE)
    Rollback.objects.filter(pk=rollback.pk).update(deployment=back, outcome=Outcome.RESTORED)
    last = response_lines([place.pk])[place.pk][-1]
    assert (last.word, last.rollback, last.p95) == ("restored", True, 206.0)


def test_the_lines_of_all_environments_are_read_at_once() -> None:
    client = signed_in(factory.on_call())
    first = factory.environment()
    timed(first, "1", 100.0)
    timed(first, "2", 100.0)
    few = queries_of(lambda: client.get("/"))
    for number in range(6):
        place = factory.environment(factory.service(f"s{number}"))
        timed(place, "1", 100.0)
        timed(place, "2", 100.0)
    assert queries_of(lambda: client.get("/")) == few
