"""What the documents' pictures show: a release that leaks names, and the evening on which it was taken back."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from releases.intake import ConfirmSpec, LiftSpec, NoteSpec, RollbackSpec
from releases.models import Deployment, Execution, Finding, Freeze, Release, Rollback, User
from releases.services.book_checks import check_some
from releases.services.expected_results import confirm_result, score
from releases.services.freezes import lift_freeze
from releases.services.notes import add_note
from releases.services.pressing import press
from releases.states import (
    CommandState,
    DeploymentKind,
    ExecutionKind,
    ExecutionStatus,
    Level,
    Outcome,
    Purpose,
    Regression,
    RollbackStatus,
    Serving,
    Verdict,
)
from tests import factory

LEAK = "/account at the edge: a shared cache may store what belongs to one reader"
CHECKLIST: dict[str, Any] = {
    "serving_version": {"path": "/version"},
    "cache_headers": {"routes": [{"path": "/account", "expect": "private"}]},
    "response_time": {"routes": [{"path": "/articles", "budget_ms": 300}]},
    "rollback_command": {},
}


def before() -> tuple[Deployment, Deployment]:
    """Make the services: archive/production fails since its last release, everything else is well."""
    place = factory.environment(checklist=CHECKLIST)
    Release.objects.filter(pk=factory.release(place.service, "2026.11.3").pk).update(
        rollback_note="Back to 2026.10.1; purge /articles. No migration."
    )
    target = factory.deployed(place, "2026.11.3")
    factory.release(
        place.service,
        "2026.11.4",
        expected_result="p95 of /articles <= +10%\nreaders see the new teasers",
        rollback_note="Back to 2026.11.3; purge /articles/*. No migration.",
        affected_routes=["/articles/*", "/account"],
        assumptions="Teasers are the same for every reader.",
    )
    live = factory.deployed(place, "2026.11.4", Verdict.FAIL, Regression.YES)
    _measured(target, 205, "private", timedelta(days=2, hours=11))
    _measured(live, 214, "public, max-age=60", timedelta(minutes=8))
    assert live.verify_run is not None
    live.verify_run.probes.exclude(key="cache_headers").update(verdict=Verdict.PASS)
    Finding.objects.create(
        probe_run=live.verify_run.probes.get(key="cache_headers"),
        kind="not_shared",
        level=Level.FAIL,
        subject="/account",
        sentence=LEAK,
        hint="Send Cache-Control: private, and purge the route.",
        evidence={"status": 200, "cache-control": "public, max-age=60"},
    )
    live.verify_run.compared_with = target.verify_run
    live.verify_run.save()
    score(live)
    factory.open_way_back(place, target, live)
    staging = factory.environment(place.service, "staging")
    factory.deployed(staging, "2026.11.5")
    payments = factory.environment(factory.service("payments"))
    factory.open_way_back(payments, factory.deployed(payments, "3.8.2"), factory.deployed(payments, "3.9.0"))
    return target, live


def press_the_button(target: Deployment, live: Deployment, cho: User) -> Rollback:
    """Take the release back, as on-call does; the worker's part is written as it would write it."""
    spec = RollbackSpec(
        service="archive",
        environment="production",
        live=live.pk,
        target=target.pk,
        reason="checklist",
        words="reader names leaked, seen by 3 users",
        digest=factory.DIGEST,
    )
    rollback = press(spec, actor=factory.actor(cho))
    place, began = rollback.environment, timezone.now() - timedelta(minutes=1)
    rollback.pressed_at = began
    rollback.deployment = factory.deployed(place, "2026.11.3", kind=DeploymentKind.ROLLBACK)
    rollback.restore_run = factory.run(place, purpose=Purpose.RESTORE, deployment=rollback.deployment)
    rollback.restore_run.compared_with = target.verify_run
    rollback.restore_run.save()
    both = {"web-1": "2026.11.3", "web-2": "2026.11.3"}
    rollback.restore_run.probes.filter(key="serving_version").update(figures={"versions": both, "edge": "2026.11.3"})
    rollback.restore_run.probes.filter(key="response_time").update(figures=_figures(206))
    rollback.execution = Execution.objects.create(
        environment=place,
        kind=ExecutionKind.ROLLBACK,
        status=ExecutionStatus.ENDED,
        command=CommandState.EXITED,
        exit_code=0,
        argv=["bin/deploy", "--version=2026.11.3"],
        digest=factory.DIGEST,
        host="worker-1",
        started_by=rollback.requested_by,
        started_at=began,
        ended_at=began + timedelta(seconds=12),
        output="switched web-1\nswitched web-2\n",
        output_bytes=30,
        output_sha256="e" * 64,
    )
    rollback.status, rollback.command = RollbackStatus.DONE, CommandState.EXITED
    rollback.serving, rollback.outcome = Serving.TARGET, Outcome.RESTORED
    rollback.claimed_at, rollback.command_ended_at = began, rollback.execution.ended_at
    rollback.purged_at, rollback.ended_at = began + timedelta(seconds=13), began + timedelta(seconds=21)
    rollback.detail = "2026.11.3 serves on 2 of 2 instances; 4 of 4 probes as in the baseline."
    rollback.save()
    return rollback


def the_morning_after(rollback: Rollback, lead: User) -> None:
    """Let the lead write what was seen, confirm what no probe can tell, and lift the freeze; the book is checked."""
    ana = factory.actor(lead)
    add_note(rollback.undone.release, NoteSpec(text="The header came from the new teaser box."), actor=ana)
    confirm_result(rollback.undone.release, 2, ConfirmSpec(came_true=False, note="not on phones"), actor=ana)
    lift_freeze(Freeze.objects.get(), LiftSpec(reason="2026.11.5 mends it"), actor=ana)
    check_some()


def _measured(deployment: Deployment, slowest: int, caching: str, ago: timedelta) -> None:
    assert deployment.verify_run is not None
    probes = deployment.verify_run.probes
    probes.filter(key="response_time").update(figures=_figures(slowest))
    fields = {"/account at the edge": {"fields": {"cache-control": caching}}}
    probes.filter(key="cache_headers").update(figures={"routes": fields})
    finished = timezone.now() - ago
    Deployment.objects.filter(pk=deployment.pk).update(finished_at=finished)


def _figures(slowest: int) -> dict[str, Any]:
    samples = [float(slowest - 90 + 3 * (number % 31)) for number in range(62)]
    edge = {"p50_ms": slowest - 45, "p95_ms": slowest, "p99_ms": slowest, "samples_ms": samples}
    return {"routes": {"/articles": {"edge": edge}}}
