"""What the JSON face says of rows."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from releases.display import utc_text
from releases.models import Acceptance, ChecklistRun, Deployment, Finding, Rehearsal, Release, Rollback
from releases.queries.answers import acceptances_for, identity_of
from releases.queries.probe_counts import answered, how_many
from releases.states import Purpose


def release_json(request: HttpRequest, release: Release) -> dict[str, Any]:
    return {
        "id": release.tag,
        "service": release.service.key,
        "version": release.version,
        "owner": release.owner,
        "expected_result": release.expected_result,
        "rollback_note": release.rollback_note,
        "affected_routes": release.affected_routes,
        "change_url": release.change_url,
        "assumptions": release.assumptions,
        "change_size": release.change_size,
        "committed_at": utc_text(release.committed_at) if release.committed_at else None,
        "registered_by": release.registered_by,
        "registered_at": utc_text(release.registered_at),
        "bad": release.bad,
        "url": request.build_absolute_uri(release.get_absolute_url()),
    }


def deployment_json(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.tag,
        "service": deployment.release.service.key,
        "environment": deployment.environment.key,
        "version": deployment.release.version,
        "kind": deployment.kind,
        "status": deployment.status,
        "verdict": deployment.verdict or None,
        "regression": deployment.regression or None,
        "despite_freeze": deployment.despite_freeze,
        "during_rollback": deployment.during_rollback,
        "started_at": utc_text(deployment.started_at),
        "finished_at": utc_text(deployment.finished_at) if deployment.finished_at else None,
        "baseline": run_json(deployment.baseline) if deployment.baseline else None,
        "checklist": run_json(deployment.checklist_runs.exclude(purpose=Purpose.BASELINE).order_by("-id").first()),
        "url": request.build_absolute_uri(f"/releases/{deployment.release_id}"),
    }


def run_json(run: ChecklistRun | None) -> dict[str, Any] | None:
    if run is None:
        return None
    looks = list(run.probes.only("key", "status"))
    return {
        "id": run.tag,
        "purpose": run.purpose,
        "status": run.status,
        "verdict": run.verdict or None,
        "regression": run.regression or None,
        "tainted": run.tainted,
        "given_up": run.given_up or None,
        "partial": run.partial,
        "requested_by": run.requested_by or None,
        "done": answered(looks),
        "total": how_many(looks),
    }


def checklist_json(request: HttpRequest, run: ChecklistRun) -> dict[str, Any]:
    """Return a run with every answer and the address of its page."""
    return checklist_facts(run) | {"url": request.build_absolute_uri(_page_of(run))}


def checklist_facts(run: ChecklistRun) -> dict[str, Any]:
    """Return a run with every answer; what was seen stays on the page, where foreign text is shown as such."""
    held = acceptances_for(run.deployment) if run.deployment else {}
    return (run_json(run) or {}) | {
        "service": run.environment.service.key,
        "environment": run.environment.key,
        "version": run.deployment.release.version if run.deployment else None,
        "probes": [
            {
                "key": probe.key,
                "repeat": probe.repeat,
                "status": probe.status,
                "verdict": probe.verdict or None,
                "regression": probe.regression or None,
                "skipped": probe.skipped or None,
                "findings": [_finding_json(probe.key, finding, held) for finding in probe.findings.all()],
            }
            for probe in run.probes.prefetch_related("findings")
        ],
    }


def acceptance_json(acceptance: Acceptance) -> dict[str, Any]:
    return {
        "id": acceptance.tag,
        "finding": acceptance.finding_id,
        "release": acceptance.release.version if acceptance.release else None,
        "until": utc_text(acceptance.until) if acceptance.until else None,
        "reason": acceptance.reason,
        "accepted_by": acceptance.accepted_by,
        "accepted_at": utc_text(acceptance.accepted_at),
        "ended_by": acceptance.ended_by or None,
        "ended_at": utc_text(acceptance.ended_at) if acceptance.ended_at else None,
    }


def _finding_json(key: str, finding: Finding, held: Mapping[str, Acceptance]) -> dict[str, Any]:
    accepted = held.get(identity_of(key, finding))
    return {
        "id": finding.pk,
        "kind": finding.kind,
        "subject": finding.subject,
        "level": finding.level,
        "sentence": finding.sentence,
        "already_failing": finding.already_failing,
        "accepted": acceptance_json(accepted) if accepted else None,
    }


def _page_of(run: ChecklistRun) -> str:
    if run.deployment is None:
        return run.environment.get_absolute_url()
    return f"/releases/{run.deployment.release_id}?deployment={run.deployment_id}"


def rehearsal_json(request: HttpRequest, rehearsal: Rehearsal) -> dict[str, Any]:
    """Return a rehearsal with its steps; `outcome` is null until it has ended."""
    return {
        "id": rehearsal.tag,
        "service": rehearsal.environment.service.key,
        "environment": rehearsal.environment.key,
        "version": rehearsal.release.version,
        "back_to": rehearsal.back_to.release.version,
        "status": rehearsal.status,
        "outcome": rehearsal.outcome or None,
        "detail": rehearsal.detail,
        "steps": [
            {
                "step": step.kind,
                "ended": step.ended,
                "seconds": step.seconds,
                "exit_code": step.execution.exit_code if step.execution else None,
                "verdict": (step.run.verdict or None) if step.run else None,
            }
            for step in rehearsal.steps.select_related("execution", "run")
        ],
        "url": request.build_absolute_uri(rehearsal.get_absolute_url()),
    }


def rollback_json(request: HttpRequest, rollback: Rollback) -> dict[str, Any]:
    return {
        "id": rollback.tag,
        "service": rollback.environment.service.key,
        "environment": rollback.environment.key,
        "undone": rollback.undone.release.version,
        "target": rollback.target.release.version,
        "status": rollback.status,
        "command": rollback.command,
        "serving": rollback.serving or None,
        "outcome": rollback.outcome or None,
        "detail": rollback.detail,
        "url": request.build_absolute_uri(rollback.get_absolute_url()),
    }
