"""What the JSON face says of rows."""

from typing import Any

from django.http import HttpRequest

from releases.models import ChecklistRun, Deployment, Release, Rollback
from releases.states import ProbeStatus, Purpose


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
        "registered_by": release.registered_by,
        "registered_at": release.registered_at.isoformat(),
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
        "started_at": deployment.started_at.isoformat(),
        "finished_at": deployment.finished_at.isoformat() if deployment.finished_at else None,
        "baseline": run_json(deployment.baseline) if deployment.baseline else None,
        "checklist": run_json(deployment.checklist_runs.exclude(purpose=Purpose.BASELINE).order_by("-id").first()),
        "url": request.build_absolute_uri(f"/releases/{deployment.release_id}"),
    }


def run_json(run: ChecklistRun | None) -> dict[str, Any] | None:
    if run is None:
        return None
    statuses = list(run.probes.values_list("status", flat=True))
    return {
        "id": run.tag,
        "purpose": run.purpose,
        "status": run.status,
        "verdict": run.verdict or None,
        "regression": run.regression or None,
        "tainted": run.tainted,
        "given_up": run.given_up or None,
        "done": sum(status == ProbeStatus.DONE for status in statuses),
        "total": len(statuses),
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
