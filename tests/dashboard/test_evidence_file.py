"""The evidence of a release as a file: whole, self-contained, safe to open, tied to the book."""

import base64
import hashlib
import html
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.evidence_file import calmed
from releases import book
from releases.book import Tag
from releases.intake import ConfirmSpec, LiftSpec, NoteSpec, RollbackSpec
from releases.models import Event, Execution, Finding, Freeze, ProbeRun, Rehearsal, RehearsalStep, Release, Rollback
from releases.queries import audit_release
from releases.services.expected_results import confirm_result
from releases.services.freezes import lift_freeze
from releases.services.notes import add_note
from releases.services.pressing import press
from releases.states import CommandState, ExecutionKind, ExecutionStatus, Level
from tests import factory
from tests.dashboard.pages import links, queries_of, signed_in, words

pytestmark = pytest.mark.django_db

HOSTILE = "=HYPERLINK(1) </style><script>alert(1)</script> \u202e"


@pytest.fixture
def lee() -> Client:
    return signed_in(factory.person("lee", "auditor"))


@pytest.fixture
def rollback() -> Rollback:
    """A release that promised two things, failed, was taken back and thawed, with a note and a rehearsal."""
    place, target, live = factory.story()
    Release.objects.filter(pk=live.release_id).update(
        expected_result="p95 of / <= 300 ms\nreaders see teasers", committed_at=datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
    )
    live.release.refresh_from_db()
    probe = ProbeRun.objects.filter(run=live.verify_run).latest("pk")
    evidence = {"cache-control": HOSTILE, "status": 200}
    Finding.objects.create(probe_run=probe, kind="slow", level=Level.FAIL, sentence=HOSTILE, evidence=evidence)
    ana, cho = factory.actor(factory.lead()), factory.actor(factory.on_call())
    confirm_result(live.release, 2, ConfirmSpec(came_true=False, note="not on phones"), actor=ana)
    spec = RollbackSpec(
        service="archive",
        environment="production",
        live=live.pk,
        target=target.pk,
        reason="users",
        words="names leaked",
    )
    pressed = press(spec, actor=cho)
    pressed.execution = ran(place, ExecutionKind.ROLLBACK)
    pressed.save(update_fields=["execution"])
    add_note(live.release, NoteSpec(text="in the header"), actor=ana)
    lift_freeze(Freeze.objects.get(), LiftSpec(reason="mended"), actor=ana)
    rehearsed(live, ran(place, ExecutionKind.DEPLOY))
    return pressed


def ran(place: Any, kind: ExecutionKind) -> Execution:
    return Execution.objects.create(
        environment=place,
        kind=kind,
        status=ExecutionStatus.ENDED,
        command=CommandState.EXITED,
        exit_code=0,
        argv=["bin/deploy", "--password=•••"],
        digest="c" * 64,
        output_sha256="e" * 64,
        output_bytes=812,
        host="worker-1",
        started_by="Cho Park",
        started_at=timezone.now(),
        ended_at=timezone.now(),
    )


def rehearsed(live: Any, execution: Execution) -> None:
    staging = factory.environment(live.environment.service, "staging")
    made = Rehearsal.objects.create(
        environment=staging,
        release=live.release,
        back_to=factory.deployed(staging, "2026.11.3"),
        requester=factory.lead("eve"),
        requested_by="Eve",
        pressed_at=timezone.now(),
    )
    RehearsalStep.objects.create(rehearsal=made, position=1, kind="deploy", execution=execution)


def of(rollback: Rollback, ending: str) -> str:
    return f"/audit/releases/{rollback.undone.release_id}.{ending}"


def document(client: Client, rollback: Rollback) -> Any:
    return json.loads(client.get(of(rollback, "json")).content)


# --- What is in it ----------------------------------------------------------------------------------------------------


def test_the_page_tells_record_promise_evidence_commands_notes_and_events(lee: Client, rollback: Rollback) -> None:
    told = words(lee.get(of(rollback, "html")))
    assert "Owner Ben Okafor" in told
    assert "Oldest commit 2026-03-14 09:00:00Z" in told
    assert "Rollback note Back to the version before; purge /articles. No migration." in told
    assert "not as expected readers see teasers : Ana Ruiz , " in told
    assert "cache-control =HYPERLINK(1) </style><script>" in told.replace("cache-control '", "cache-control ")
    assert "Users report: names leaked" in told.replace(" :", ":")
    assert "bin/deploy" in told
    assert "RH-" in told
    assert "e" * 64 in told
    assert "in the header" in told
    assert "lifted by Ana Ruiz : mended" in told


def test_the_document_has_a_version_and_every_time_in_it_is_utc(lee: Client, rollback: Rollback) -> None:
    found = document(lee, rollback)
    assert found["rollbook_evidence"] == 1
    assert (found["release"]["version"], found["made_by"]) == ("2026.11.4", "Lee Novak")
    assert found["release"]["committed_at"] == "2026-03-14T09:00:00Z"
    assert [each["answer"] for each in found["promised"]] == ["not measured", "not as expected"]
    assert found["rollbacks"][0]["commands"][0]["output_sha256"] == "e" * 64
    assert found["rehearsals"][0]["steps"][0]["command"]["argv"] == ["bin/deploy", "--password=•••"]
    assert found["deployments"][0]["checklists"][0]["probes"][-1]["findings"][0]["sentence"] == HOSTILE
    times = [value for name, value in leaves(found) if name == "at" or name.endswith("_at")]
    assert len(times) > 10
    assert [time for time in times if time and not re.search(r"(Z|\+00:00)$", time)] == []


def leaves(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, key)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item, name)]
    return [(name, value)]


def test_each_event_can_be_tied_to_the_book_by_the_file_alone(lee: Client, rollback: Rollback) -> None:
    found = document(lee, rollback)
    assert len(found["events"]) >= 5
    for event in found["events"]:
        text = json.dumps(event["payload"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(text.encode()).hexdigest() == event["digest"]
        linked = f"{event['previous']}{event['seq']}{event['digest']}"
        assert hashlib.sha256(linked.encode()).hexdigest() == event["hash"]
        assert Event.objects.get(seq=event["seq"]).hash == event["hash"]
    assert found["book_head"]["seq"] == max(event["seq"] for event in found["events"])


# --- How it is served -------------------------------------------------------------------------------------------------


def test_it_is_a_file_to_keep_and_no_page_of_ours(lee: Client, rollback: Rollback) -> None:
    for ending in ("html", "json"):
        answer = lee.get(of(rollback, ending))
        name = rf'attachment; filename="rollbook-R-\d+-archive-2026\.11\.4-[-0-9T]+Z\.{ending}"'
        assert re.fullmatch(name, answer["Content-Disposition"])
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "sandbox" in answer["Content-Security-Policy"]


def test_the_page_needs_nothing_but_itself(lee: Client, rollback: Rollback) -> None:
    """B34: nor does hostile text in it become markup."""
    source = lee.get(of(rollback, "html")).content.decode()
    assert re.findall(r"<(script|link|img|iframe|object|embed|form|button|input)\b", source) == []
    assert re.findall(r"\s(?:src|style|on\w+)=", source) == []
    assert "url(" not in source
    assert "@import" not in source
    assert set(re.findall(r'href="(\w+:)', source)) == {"http:"}
    assert "\u202e" not in source


def test_the_only_style_is_the_one_that_its_policy_names(lee: Client, rollback: Rollback) -> None:
    source = lee.get(of(rollback, "html")).content.decode()
    (style,) = re.findall(r"<style>(.*?)</style>", source, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', source)
    assert html.unescape(policy).split("; ") == [
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        f"style-src 'sha256-{digest}'",
    ]


def test_no_cell_of_the_page_begins_with_a_formula(lee: Client, rollback: Rollback) -> None:
    source = lee.get(of(rollback, "html")).content.decode()
    assert '<pre dir="auto">\'=HYPERLINK(1)' in source
    assert calmed("<td><bdi>=1</bdi></td>") == "<td><bdi>'=1</bdi></td>"
    assert calmed('<td><span class="figure">+252 %</span></td>') == '<td><span class="figure">+252 %</span></td>'
    assert calmed("<p>1 = 1</p>") == "<p>1 = 1</p>"


def test_nothing_in_the_document_can_be_taken_for_markup(lee: Client, rollback: Rollback) -> None:
    text = lee.get(of(rollback, "json")).content.decode()
    assert text.isascii()
    assert not set("<>&") & set(text)


# --- Its bounds -------------------------------------------------------------------------------------------------------


def test_what_is_too_long_is_left_out_and_named(
    lee: Client, rollback: Rollback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_release, "EVIDENCE_LIMIT", 10)
    monkeypatch.setattr(audit_release, "EVENTS_LIMIT", 2)
    found = document(lee, rollback)
    assert found["left_out"] == ["events", "evidence"]
    assert len(found["events"]) == 2
    finding = found["deployments"][0]["checklists"][0]["probes"][-1]["findings"][0]
    assert (finding["evidence"], finding["evidence_left_out"]) == ([], 2)
    assert "Only the newest are shown of: events and evidence." in words(lee.get(of(rollback, "html")))


def test_many_rows_ask_no_more_than_few(lee: Client, rollback: Rollback) -> None:
    def queries_after(deployments: int) -> int:
        for _ in range(deployments):
            again = factory.deployed(rollback.environment, "2026.11.4")
            probe = ProbeRun.objects.filter(run=again.verify_run).latest("pk")
            Finding.objects.create(probe_run=probe, kind="slow", level=Level.FAIL, sentence="It is slow.")
        return queries_of(lambda: lee.get(of(rollback, "json")))

    few = queries_after(1)
    assert queries_after(8) == few <= 40


# --- Who takes it -----------------------------------------------------------------------------------------------------


def test_taking_it_is_a_line_of_the_book_behind_what_it_shows(lee: Client, rollback: Rollback) -> None:
    before = book.ends()[0]
    found = document(lee, rollback)
    event = Event.objects.get(action=Tag.BOOK_EXPORTED)
    assert found["book_head"]["seq"] == before == event.seq - 1
    assert event.payload["details"]["question"] == f"everything about R-{rollback.undone.release_id}, archive 2026.11.4"


def test_the_release_leads_to_it_whoever_may_read_the_book(lee: Client, rollback: Rollback) -> None:
    page = f"/releases/{rollback.undone.release_id}"
    assert {of(rollback, "html"), of(rollback, "json")} <= set(links(lee.get(page)))
    assert {of(rollback, "html"), of(rollback, "json")} <= set(links(lee.get(f"/audit{page}")))
    told = signed_in(rollback.requester).get(page)
    assert of(rollback, "html") not in links(told)
    assert "Only lead and auditor may take it out of the book." in words(told)
    assert signed_in(rollback.requester).get(of(rollback, "html")).status_code == 403
