"""The response time that lists show is kept on the deployment when a checklist of it ends."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from releases.intake import RunAgainSpec
from releases.models import ChecklistRun, Deployment, Environment, ProbeRun, User
from releases.services.checklists import begin_run, settle_run
from releases.services.run_again import run_again
from releases.states import ProbeStatus, Regression, Verdict
from tests import factory

pytestmark = pytest.mark.django_db

VERSIONS = {"versions": {"web-1": "2026.11.4", "web-2": "2026.11.4"}}


def routes(**milliseconds: float) -> dict[str, Any]:
    timed = {f"/{route}": {"edge": {"p95_ms": p95, "samples_ms": [p95] * 30}} for route, p95 in milliseconds.items()}
    return {"routes": timed}


def asked_again(live: Deployment, *probes: str, **milliseconds: float) -> ChecklistRun:
    spec = RunAgainSpec(service="archive", environment="production", probes=list(probes))
    run = run_again(spec, actor=factory.actor(User.objects.first() or factory.on_call()))
    begin_run(run.pk)
    for wave in range(6):
        asked = ProbeRun.objects.filter(run=run, wave=wave)
        asked.update(status=ProbeStatus.DONE, verdict=Verdict.PASS, regression=Regression.NO, figures=VERSIONS)
        asked.filter(key="response_time").update(figures=routes(**milliseconds))
        settle_run(run.pk)
    live.refresh_from_db()
    return run


@pytest.fixture
def live() -> Deployment:
    return factory.story()[2]


def test_a_checklist_that_measured_it_leaves_it_without_samples(live: Deployment) -> None:
    asked_again(live, articles=205.0)
    assert live.response_time == {"route": "/articles", "place": "edge", "n": 30, "p95_ms": 205.0, "budget_ms": None}


def test_a_route_over_its_budget_stands_for_all(live: Deployment) -> None:
    budgets = [{"path": "/articles"}, {"path": "/slow", "budget_ms": 300}]
    checklist = live.environment.checklist | {"response_time": {"routes": budgets}}
    Environment.objects.filter(pk=live.environment_id).update(checklist=checklist)
    asked_again(live, articles=205.0, slow=810.0)
    assert (live.response_time["route"], live.response_time["budget_ms"]) == ("/slow", 300.0)


def test_the_newest_answer_counts_also_of_a_run_that_asked_only_this_probe(live: Deployment) -> None:
    asked_again(live, articles=205.0)
    asked_again(live, "response_time", articles=410.0)
    assert live.response_time["p95_ms"] == 410.0


def test_a_run_that_did_not_ask_leaves_it_as_it_was(live: Deployment) -> None:
    asked_again(live, articles=205.0)
    asked_again(live, "cache_headers")
    assert live.response_time["p95_ms"] == 205.0


def test_a_whole_checklist_that_measured_nothing_leaves_none(live: Deployment) -> None:
    asked_again(live, articles=205.0)
    asked_again(live)
    assert live.response_time is None


def test_what_was_measured_before_it_was_kept_is_taken_over_in_batches(
    live: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = import_module("releases.migrations.0029_response_times_measured_before")
    monkeypatch.setattr(migration, "BATCH", 2)
    timed = [factory.deployed(live.environment, f"1.{number}") for number in range(5)]
    for number, deployment in enumerate(timed):
        assert deployment.verify_run is not None
        deployment.verify_run.probes.filter(key="response_time").update(figures=routes(articles=100.0 + number))
    migration.take_over(apps, connection.schema_editor())
    kept = Deployment.objects.filter(pk__in=[each.pk for each in timed]).order_by("pk")
    assert [each.response_time["p95_ms"] for each in kept if each.response_time] == [100.0, 101.0, 102.0, 103.0, 104.0]
    live.refresh_from_db()
    assert live.response_time is None, "its checklist measured nothing"
