"""The auditor's desk: everything that is kept about one release, on one page."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from releases.intake import LiftSpec, NoteSpec, RollbackSpec
from releases.models import Execution, Finding, Freeze, ProbeRun, Rollback
from releases.services.freezes import lift_freeze
from releases.services.notes import add_note
from releases.services.pressing import press
from releases.states import CommandState, ExecutionKind, ExecutionStatus, Level
from tests import factory
from tests.dashboard.pages import links, queries_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def lee() -> Client:
    return signed_in(factory.person("lee", "auditor"))


@pytest.fixture
def rollback() -> Rollback:
    _, target, live = factory.story()
    probe = ProbeRun.objects.filter(run=live.verify_run).latest("pk")
    Finding.objects.create(probe_run=probe, kind="slow", level=Level.FAIL, sentence="It is slow.")
    spec = RollbackSpec(
        service="archive",
        environment="production",
        live=live.pk,
        target=target.pk,
        reason="users",
        words="names leaked",
    )
    return press(spec, actor=factory.actor(factory.on_call()))


def test_record_deployments_findings_rollbacks_notes_and_events_stand_on_one_page(
    lee: Client, rollback: Rollback
) -> None:
    cho = factory.actor(rollback.requester)
    old = add_note(rollback.undone.release, NoteSpec(text="in the footer"), actor=cho)
    add_note(rollback.undone.release, NoteSpec(text="in the header", corrects=old.pk), actor=cho)
    add_note(rollback, NoteSpec(text="seen by 3"), actor=cho)
    lift_freeze(Freeze.objects.get(), LiftSpec(reason="mended"), actor=cho)
    rollback.execution = Execution.objects.create(
        environment=rollback.environment,
        kind=ExecutionKind.ROLLBACK,
        status=ExecutionStatus.ENDED,
        command=CommandState.EXITED,
        exit_code=0,
        argv=["bin/deploy", "--version=2026.11.3"],
        digest="c" * 64,
        output_sha256="e" * 64,
        host="worker-1",
        started_by="Cho Park",
        started_at=timezone.now(),
        ended_at=timezone.now(),
    )
    rollback.save(update_fields=["execution"])
    answer = lee.get(f"/audit/releases/{rollback.undone.release_id}")
    told = words(answer)
    assert answer.status_code == 200
    assert "Everything about archive 2026.11.4" in told
    assert "Back to the version before; purge /articles. No migration." in told
    assert "D-2 deployment in archive/production finished fail" in told.replace(rollback.undone.tag, "D-2")
    assert "It is slow." in told
    assert "2026.11.4 → 2026.11.3" in told
    assert "Users report: names leaked" in told.replace(" :", ":")
    assert "c" * 64 in told
    assert "e" * 64 in told
    assert "corrected by" in told
    assert "seen by 3" in told
    assert "lifted by Cho Park : mended" in told
    assert f"{rollback.tag}: roll back archive/production from 2026.11.4 to 2026.11.3." in told


def test_a_decision_leads_to_everything_about_its_release(lee: Client, rollback: Rollback) -> None:
    assert f"/audit/releases/{rollback.undone.release_id}" in links(lee.get("/audit"))


def test_a_release_that_was_never_deployed_says_so(lee: Client) -> None:
    release = factory.release(factory.service(), "1.0.0")
    told = words(lee.get(f"/audit/releases/{release.pk}"))
    assert "It was deployed nowhere." in told
    assert "The book has no line about it." in told


def test_many_deployments_ask_no_more_than_few_and_what_is_cut_is_said(lee: Client, rollback: Rollback) -> None:
    address = f"/audit/releases/{rollback.undone.release_id}"
    few = queries_of(lambda: lee.get(address))
    for _ in range(22):
        factory.deployed(rollback.environment, "2026.11.4")
    assert queries_of(lambda: lee.get(address)) <= few <= 32
    assert "Only the newest are shown of: deployments" in words(lee.get(address))


def test_who_may_not_read_the_book_is_refused(rollback: Rollback) -> None:
    assert signed_in(rollback.requester).get(f"/audit/releases/{rollback.undone.release_id}").status_code == 403


def test_a_release_that_is_not_there_is_not_found(lee: Client) -> None:
    assert lee.get("/audit/releases/9").status_code == 404


def test_no_samples_are_read_for_checklists_and_findings(lee: Client) -> None:
    """A probe's figures hold hundreds of samples, and a finding would bring them along once more."""
    _, _, live = factory.story()
    with CaptureQueriesContext(connection) as captured:
        assert lee.get(f"/audit/releases/{live.release_id}").status_code == 200
    read = [query["sql"] for query in captured if 'FROM "releases_finding"' in query["sql"]]
    (findings,) = (sql for sql in read if "LIMIT 1001" in sql)
    assert '"releases_proberun"."key"' in findings
    assert '"figures"' not in findings
