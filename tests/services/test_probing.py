"""Running one probe on a worker: claimed once, given what it may use, its answer kept; never a pass by accident."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from releases.models import ChecklistRun, Environment, Finding, ProbeRun
from releases.probes import registry
from releases.probes.base import Answer, CommandResult, Context, Finding as Found, FindingKind, Probe, Settings
from releases.services import probing
from releases.services.checklists import begin_run, give_up, make_run
from releases.services.commands import looking_here
from releases.services.probing import run_probe
from releases.states import Effect, Level, ProbeStatus, Purpose, Regression, RunStatus, Verdict
from tests import factory
from tests.services.conftest import InlineWorkers, LittleService

pytestmark = pytest.mark.django_db(transaction=True)

SLOW = FindingKind("slow", Level.FAIL, "{subject} took {ms} ms", "Look at it.")
ODD = FindingKind("odd", Level.NOTE, "{subject} is odd", "")

Measure = Callable[[Context[Any]], Answer]


class Scripted(Probe[Settings]):
    """Answers what a test says."""

    key = "cache_headers"
    title = proves = cannot_see = "-"
    group = "implementation"
    effect = Effect.NONE
    deadline = 5.0
    kinds = (SLOW, ODD)
    settings_model = Settings

    def __init__(self, measure: Measure) -> None:
        self._measure = measure

    def measure(self, context: Context[Any]) -> Answer:
        return self._measure(context)


@pytest.fixture
def measure(
    production: Environment, monkeypatch: pytest.MonkeyPatch, workers: InlineWorkers
) -> Callable[..., ProbeRun]:
    """Have one probe of a begun run measured as told, and return its row."""
    real = registry.all_probes()

    def measure(told: Measure, **fields: Any) -> ProbeRun:
        monkeypatch.setattr(registry, "all_probes", lambda: {**real, "cache_headers": Scripted(told)})
        Environment.objects.update(checklist={"cache_headers": {}})
        production.refresh_from_db()
        run = make_run(production, purpose=Purpose.VERIFY, **fields)
        begin_run(run.pk)
        row = ProbeRun.objects.get(run=run)
        run_probe(row.pk)
        row.refresh_from_db()
        return row

    return measure


def fail(error: Exception) -> Measure:
    def measure(context: Context[Any]) -> Answer:
        raise error

    return measure


def test_an_answer_is_kept_with_its_findings_and_figures(measure: Callable[..., ProbeRun]) -> None:
    found = Found(SLOW, "/articles", {"ms": 900}, {"samples": [1, 2]})
    row = measure(lambda context: Answer([found], {"p95_ms": 900.5}, Regression.YES))
    assert (row.status, row.verdict, row.regression) == (ProbeStatus.DONE, Verdict.FAIL, Regression.YES)
    assert row.figures == {"p95_ms": 900.5}
    finding = Finding.objects.get()
    assert (finding.kind, finding.subject, finding.level) == ("slow", "/articles", Level.FAIL)
    assert (finding.sentence, finding.hint) == ("/articles took 900 ms", "Look at it.")
    assert finding.evidence == {"samples": [1, 2]}


def test_the_run_goes_on_once_the_probe_has_answered(measure: Callable[..., ProbeRun]) -> None:
    measure(lambda context: Answer())
    run = ChecklistRun.objects.get()
    assert (run.status, run.verdict) == (RunStatus.DONE, Verdict.PASS)


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyError("x"), RecursionError(), AssertionError()], ids=repr)
def test_a_probe_that_raises_is_an_error_and_never_a_pass(measure: Callable[..., ProbeRun], error: Exception) -> None:
    row = measure(fail(error))
    assert (row.verdict, row.regression) == (Verdict.ERROR, Regression.UNKNOWN)
    finding = Finding.objects.get()
    assert (finding.kind, finding.level) == ("probe_failed", Level.ERROR)
    assert type(error).__name__ in finding.sentence
    assert "boom" not in finding.sentence, "what an exception says may hold anything"
    assert ChecklistRun.objects.get().verdict == Verdict.ERROR


def test_a_finding_that_cannot_be_said_is_an_error_and_never_a_pass(measure: Callable[..., ProbeRun]) -> None:
    row = measure(lambda context: Answer([Found(SLOW, "/articles", {"seconds": 1})]))
    assert (row.status, row.verdict) == (ProbeStatus.DONE, Verdict.ERROR)


def test_figures_that_json_does_not_have_are_kept_as_missing(measure: Callable[..., ProbeRun]) -> None:
    row = measure(lambda context: Answer(figures={"p95_ms": float("nan"), "rate": float("inf"), "n": 3}))
    assert row.figures == {"p95_ms": None, "rate": None, "n": 3}


def test_a_skipped_probe_says_why(measure: Callable[..., ProbeRun]) -> None:
    row = measure(lambda context: Answer(skipped="there is no cache"))
    assert (row.verdict, row.skipped) == (Verdict.SKIPPED, "there is no cache")


def test_hostile_text_is_made_visible_wherever_it_is_kept(measure: Callable[..., ProbeRun]) -> None:
    """B32, B52: NUL would not even reach a text column of PostgreSQL."""
    hostile = "\x00\x1b[2J\u202e<script>"
    found = Found(SLOW, f"/{hostile}", {"ms": hostile}, {hostile: [hostile, {"deep": hostile}]})
    row = measure(lambda context: Answer([found], {"version": hostile, hostile: 1}, skipped=""))
    finding = Finding.objects.get()
    kept = f"{finding.subject}{finding.sentence}{finding.evidence}{row.figures}"
    assert "\\u0000" in kept
    assert "<script>" in kept, "it is the page that escapes"
    for character in "\x00\x1b\u202e":
        assert character not in kept


@pytest.mark.parametrize("method", ["PURGE", "BAN", ""])
def test_a_probe_learns_from_the_workers_catalogue_how_routes_are_purged_here_or_that_they_are_not(
    measure: Callable[..., ProbeRun], little_service: LittleService, method: str
) -> None:
    """The same file says how: what was synced before must not mix with it."""
    purging = {"": "", "PURGE": 'purging = { method = "PURGE" }'}.get(
        method, 'purging = { method = "BAN", field = "X-Ban", value = "{route}" }'
    )
    text = little_service.catalogue.read_text()
    little_service.catalogue.write_text(text.replace('purging = { method = "PURGE" }', purging))
    told: list[str] = []

    def look(context: Context[Any]) -> Answer:
        told.append(context.purging)
        return Answer()

    measure(look)
    assert told == [method]


def test_a_probe_that_this_worker_does_not_know_is_an_error_and_never_a_pass(
    measure: Callable[..., ProbeRun], production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker, which runs another version of Rollbook, made the row."""
    Environment.objects.update(checklist={"cache_headers": {}})
    production.refresh_from_db()
    run = make_run(production, purpose=Purpose.VERIFY)
    begin_run(run.pk)
    known = {key: probe for key, probe in registry.all_probes().items() if key != "cache_headers"}
    monkeypatch.setattr(registry, "all_probes", lambda: known)
    run_probe(ProbeRun.objects.get().pk)
    assert ProbeRun.objects.get().verdict == Verdict.ERROR
    finding = Finding.objects.get()
    assert (finding.kind, finding.level) == ("could_not_prepare", Level.ERROR)
    assert "cache_headers" in finding.sentence


def test_at_most_a_hundred_findings_are_kept(measure: Callable[..., ProbeRun]) -> None:
    row = measure(lambda context: Answer([Found(ODD, f"/{number}") for number in range(1000)]))
    assert row.findings.count() == 100


def test_a_finding_that_failed_before_is_marked_as_such(
    measure: Callable[..., ProbeRun], production: Environment
) -> None:
    """A subject as long as a route may be."""
    old, new = "/" + "a" * 1999, "/new"
    before = ChecklistRun.objects.create(
        environment=production, purpose=Purpose.VERIFY, status=RunStatus.DONE, created_at=timezone.now()
    )
    earlier = ProbeRun.objects.create(
        run=before, key="cache_headers", effect=Effect.NONE, wave=0, status=ProbeStatus.DONE, verdict=Verdict.FAIL
    )
    Finding.objects.create(probe_run=earlier, kind="slow", subject=old, level=Level.FAIL, sentence="-")
    seen: list[Any] = []

    def look(context: Context[Any]) -> Answer:
        seen.append(context.before)
        return Answer([Found(SLOW, old, {"ms": 1}), Found(SLOW, new, {"ms": 1})])

    row = measure(look, compared_with=before)
    assert dict(row.findings.values_list("subject", "already_failing")) == {old: True, new: False}
    assert seen[0].failing == {f"slow {old}"}


# --- What it is given -------------------------------------------------------------------------------------------------


def test_a_probe_gets_the_settings_of_the_snapshot_and_the_place_as_it_was(
    measure: Callable[..., ProbeRun], production: Environment
) -> None:
    seen: list[Context[Any]] = []

    def look(context: Context[Any]) -> Answer:
        seen.append(context)
        return Answer()

    live = factory.deployed(production, "2026.11.4")
    measure(look, deployment=live, expected_version="2026.11.4")
    context = seen[0]
    assert (context.service, context.environment, context.production) == ("archive", "production", True)
    assert (context.edge, context.expected_version) == (production.base_url, "2026.11.4")
    assert [instance.name for instance in context.instances] == ["web-1", "web-2"]
    assert context.affected_routes == ("/articles",)
    assert context.before is None


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("no catalogue", "ROLLBOOK_CATALOGUE is not set"),
        ("catalogue gone", "cannot be read"),
        ("place gone", "The catalogue has no archive/production"),
        ("settings", "do not fit this version of the probe"),
    ],
)
def test_a_probe_that_cannot_be_prepared_is_an_error_with_the_reason(
    measure: Callable[..., ProbeRun], little_service: LittleService, settings: Any, spoil: str, says: str
) -> None:
    if spoil == "no catalogue":
        settings.ROLLBOOK_CATALOGUE = ""
    elif spoil == "catalogue gone":
        little_service.catalogue.unlink()
    elif spoil == "place gone":
        text = little_service.catalogue.read_text()
        little_service.catalogue.write_text(text.replace("environments.production", "environments.staging"))
    row = measure(lambda context: Answer()) if spoil != "settings" else with_unknown_settings(measure)
    assert row.verdict == Verdict.ERROR
    finding = Finding.objects.get()
    assert finding.kind == "could_not_prepare"
    assert says in finding.sentence


def with_unknown_settings(measure: Callable[..., ProbeRun]) -> ProbeRun:
    row = measure(lambda context: Answer())
    Finding.objects.all().delete()
    snapshot = row.run.settings | {"checklist": {"cache_headers": {"of": "another version"}}}
    ChecklistRun.objects.update(status=RunStatus.RUNNING, settings=snapshot)
    ProbeRun.objects.update(status=ProbeStatus.QUEUED)
    run_probe(row.pk)
    row.refresh_from_db()
    return row


@pytest.mark.parametrize("needed", [True, False])
def test_a_secret_that_is_missing_stops_only_a_probe_that_needs_it(
    measure: Callable[..., ProbeRun], little_service: LittleService, monkeypatch: pytest.MonkeyPatch, needed: bool
) -> None:
    monkeypatch.setattr(Probe, "needs_accounts", lambda *_: needed)
    with little_service.catalogue.open("a") as file:
        file.write(
            '[[services.archive.environments.production.accounts]]\nname = "reader-a"\n'
            'username = "env:NO_SUCH_NAME"\npassword = "env:NO_SUCH_PASSWORD"\nmarker = "Ada"\n'
        )
    measure(lambda context: Answer())
    said = [finding.sentence for finding in Finding.objects.all()]
    assert ["env:NO_SUCH_NAME" in sentence for sentence in said] == [True] * needed


def test_a_command_that_the_catalogue_does_not_have_is_an_answer_to_the_probe(
    measure: Callable[..., ProbeRun], production: Environment
) -> None:
    results: list[CommandResult] = []

    def purge(context: Context[Any]) -> Answer:
        results.append(context.run_command("purge", {"route": "/articles"}))
        return Answer()

    factory.deployed(production, "2026.11.4")
    measure(purge)
    assert results[0].exit_code is None
    assert "no purge command" in results[0].output


def test_a_probe_gets_the_facts_about_the_rollback_command_without_running_it(
    measure: Callable[..., ProbeRun], production: Environment, little_service: LittleService
) -> None:
    facts: list[Any] = []

    def ask(context: Context[Any]) -> Answer:
        facts.append(context.rollback_facts())
        return Answer()

    factory.deployed(production, "2026.11.3")
    factory.deployed(production, "2026.11.4")
    with looking_here():
        measure(ask)
    assert facts[0].target_version == "2026.11.3"
    assert "--version=2026.11.3" in facts[0].argv
    assert [identity for identity, _ in facts[0].problems] == ["artifact_not_checked"]
    assert little_service.ran == []


# --- Claims and leases ------------------------------------------------------------------------------------------------


def test_a_probe_is_measured_once_however_often_it_is_knocked_for(measure: Callable[..., ProbeRun]) -> None:
    """B7"""
    measured: list[int] = []

    def count(context: Context[Any]) -> Answer:
        measured.append(1)
        return Answer()

    row = measure(count)
    run_probe(row.pk)
    assert (len(measured), row.attempts) == (1, 1)


def test_a_probe_that_is_measured_already_is_not_begun_beside_it(measure: Callable[..., ProbeRun]) -> None:
    begun: list[str] = []

    def nested(context: Context[Any]) -> Answer:
        begun.append("measured")
        if len(begun) == 1:
            run_probe(ProbeRun.objects.get().pk)
        return Answer()

    measure(nested)
    assert begun == ["measured"]


def test_an_answer_after_the_lease_was_taken_away_is_not_kept(measure: Callable[..., ProbeRun]) -> None:
    """B5"""

    def lose(context: Context[Any]) -> Answer:
        ProbeRun.objects.update(fence=9, status=ProbeStatus.QUEUED)
        return Answer([Found(SLOW, "/articles", {"ms": 1})])

    row = measure(lose)
    assert (row.status, row.verdict) == (ProbeStatus.QUEUED, "")
    assert not Finding.objects.exists()


def test_an_answer_to_a_run_that_was_given_up_meanwhile_is_not_kept(measure: Callable[..., ProbeRun]) -> None:
    def leave(context: Context[Any]) -> Answer:
        give_up(ChecklistRun.objects.get(), "RB-1 changes what is served")
        return Answer()

    row = measure(leave)
    assert (row.verdict, row.skipped) == (Verdict.SKIPPED, "RB-1 changes what is served")
    assert ChecklistRun.objects.get().verdict == Verdict.INCONCLUSIVE


def test_progress_can_be_read_while_the_probe_measures(
    measure: Callable[..., ProbeRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "PROGRESS_SECONDS", 0.0)
    seen: list[tuple[int, int, str]] = []

    def slowly(context: Context[Any]) -> Answer:
        context.progress(3, 40, "GET /articles \x1b")
        row = ProbeRun.objects.get()
        seen.append((row.done, row.total, row.doing))
        return Answer()

    measure(slowly)
    assert seen == [(3, 40, "GET /articles \\u001b")]


def test_progress_is_written_at_most_every_half_second(measure: Callable[..., ProbeRun]) -> None:
    def fast(context: Context[Any]) -> Answer:
        for number in range(1, 1000):
            context.progress(number, 1000, "asking")
        return Answer()

    assert measure(fast).done < 1000 / 2


def test_the_counter_rises_while_the_probe_measures(
    measure: Callable[..., ProbeRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releases.services.leases.BEAT_SECONDS", 0.01)
    beaten = threading.Event()

    def slowly(context: Context[Any]) -> Answer:
        for _ in range(1000):
            if ProbeRun.objects.get().heartbeat > 2:
                beaten.set()
                break
            beaten.wait(0.01)
        return Answer()

    measure(slowly)
    assert beaten.is_set()


# --- What is observed -------------------------------------------------------------------------------------------------


def test_the_board_learns_which_version_each_instance_serves(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    run = make_run(production, purpose=Purpose.VERIFY, expected_version="2026.11.4")
    begin_run(run.pk)
    run_probe(run.probes.get().pk)
    production.refresh_from_db()
    assert production.observed == {"web-1": "2026.11.4", "web-2": "2026.11.4"}
    assert production.observed_at is not None


def test_an_instance_that_does_not_answer_is_shown_as_not_measured(
    production: Environment, workers: InlineWorkers, little_service: LittleService
) -> None:
    Environment.objects.update(instances=[*production.instances, {"name": "web-3", "url": "http://127.0.0.1:1"}])
    production.refresh_from_db()
    run = make_run(production, purpose=Purpose.VERIFY, expected_version="2026.11.4")
    begin_run(run.pk)
    run_probe(run.probes.get().pk)
    production.refresh_from_db()
    assert production.observed == {"web-1": "2026.11.4", "web-2": "2026.11.4", "web-3": None}
    run.refresh_from_db()
    assert run.verdict != Verdict.PASS
