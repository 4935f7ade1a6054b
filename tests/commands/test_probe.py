"""probe at a terminal: a run like any other, with a table and a status by verdict."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from releases.intake import FinishSpec, StartSpec
from releases.models import ChecklistRun, Environment
from releases.services.deployments import finish_deployment, start_deployment
from tests import factory
from tests.commands.conftest import Terminal
from tests.little_service import LittleService
from tests.services.conftest import InlineWorkers

WHERE = ("archive", "production")


@pytest.fixture
def live(production: Environment, little_service: LittleService, workers: InlineWorkers) -> Environment:
    """archive/production with 2026.11.5 live, as measured by real probes."""
    lead = factory.actor(factory.lead())
    factory.release(production.service, "2026.11.5")
    little_service.version = "2026.11.5"
    spec = StartSpec(service="archive", environment="production", version="2026.11.5")
    made = start_deployment(spec, actor=lead)
    finish_deployment(made.pk, FinishSpec(), actor=lead)
    workers.work()
    return Environment.objects.get(pk=production.pk)


@pytest.mark.django_db(transaction=True)
def test_measured_here_it_prints_what_each_probe_found(live: Environment, terminal: Terminal) -> None:
    said = terminal("probe", *WHERE, "--here")
    run = ChecklistRun.objects.latest("pk")
    assert (run.verdict, run.requested_by.endswith("(system user)")) == ("pass", True)
    assert said.splitlines()[0].startswith("pass          serving_version")
    assert said.splitlines()[-1].startswith(f"{run.tag}: pass; regression")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("served", "status", "verdict"), [("2026.11.4", 1, "fail"), ("<oops>", 2, "error")])
def test_the_exit_status_says_the_verdict(
    live: Environment,
    little_service: LittleService,
    served: str,
    status: int,
    verdict: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    little_service.version = served
    with pytest.raises(SystemExit) as ended:
        call_command("probe", *WHERE, "serving_version", "--here", "--json")
    assert ended.value.code == status
    answer = json.loads(capsys.readouterr().out)
    assert (answer["verdict"], answer["partial"], answer["version"]) == (verdict, True, "2026.11.5")
    assert answer["probes"][0]["findings"][0]["sentence"]


@pytest.mark.django_db
def test_without_workers_it_says_so_in_time() -> None:
    factory.story()
    with pytest.raises(CommandError, match=r"has no verdict after 0\.1 s.*--here") as refused:
        call_command("probe", *WHERE, "cache_headers", "--wait", "0.1")
    assert refused.value.returncode == 5


@pytest.mark.django_db
def test_without_waiting_the_run_is_queued(terminal: Terminal) -> None:
    factory.story()
    assert "is queued" in terminal("probe", *WHERE, "--wait", "0")
    assert ChecklistRun.objects.latest("pk").status == "queued"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "says"), [((*WHERE, "no_such_probe"), "has no no_such_probe"), (("archive", "moon"), "moon")]
)
def test_what_cannot_be_asked_is_refused_with_a_status_of_its_own(words: tuple[str, ...], says: str) -> None:
    factory.story()
    with pytest.raises(CommandError, match=says) as refused:
        call_command("probe", *words)
    assert refused.value.returncode == 4
