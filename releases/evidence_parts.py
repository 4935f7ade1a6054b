"""What a document of evidence tells of each deployment, rehearsal, rollback, acceptance, note and event."""

from datetime import datetime
from typing import Any

from releases.display import utc_text
from releases.models import Acceptance, Deployment, Execution, Note
from releases.queries.audit_release import Checked, Placed, Rehearsed, WentBack
from releases.queries.events import Line
from releases.queries.shown_findings import Shown

Facts = dict[str, Any]


def utc(moment: datetime | None) -> str | None:
    return utc_text(moment) if moment else None


def placed(each: Placed) -> Facts:
    d = each.deployment
    return {
        "deployment": d.tag,
        "kind": d.kind,
        "environment": str(d.environment),
        "replaced": _version_before(d),
        "status": d.status,
        "verdict": d.verdict,
        "regression": d.regression,
        "despite_freeze": d.despite_freeze,
        "reported_by": d.reported_by,
        "started_at": utc_text(d.started_at),
        "finished_at": utc(d.finished_at),
        "command": _execution(d.execution),
        "checklists": [_checked(run) for run in each.runs],
    }


def _version_before(deployment: Deployment) -> str | None:
    return deployment.replaced.release.version if deployment.replaced else None


def _checked(checked: Checked) -> Facts:
    run = checked.run
    return {
        "checklist": run.tag,
        "purpose": run.purpose,
        "status": run.status,
        "verdict": run.verdict,
        "regression": run.regression,
        "tainted": run.tainted,
        "requested_by": run.requested_by,
        "given_up": run.given_up,
        "finished_at": utc(run.finished_at),
        "probes": [
            {
                "probe": each.probe.key,
                "status": each.probe.status,
                "verdict": each.probe.verdict,
                "regression": each.probe.regression,
                "skipped": each.probe.skipped,
                "findings": [_finding(shown) for shown in each.findings],
            }
            for each in checked.probes
        ],
    }


def _finding(shown: Shown) -> Facts:
    finding = shown.finding
    return {
        "finding": finding.kind,
        "about": finding.subject,
        "level": finding.level,
        "already_failing": finding.already_failing,
        "sentence": finding.sentence,
        "hint": finding.hint,
        "evidence": [{"field": name, "value": value} for name, value in shown.evidence],
        "evidence_left_out": shown.left_out,
    }


def rehearsed(each: Rehearsed) -> Facts:
    r = each.rehearsal
    return {
        "rehearsal": r.tag,
        "environment": str(r.environment),
        "back_to": r.back_to.release.version,
        "status": r.status,
        "outcome": r.outcome,
        "detail": r.detail,
        "requested_by": r.requested_by,
        "pressed_at": utc_text(r.pressed_at),
        "ended_at": utc(r.ended_at),
        "steps": [
            {
                "step": step.kind,
                "command": _execution(step.execution),
                "checklist": step.run.tag if step.run else None,
                "verdict": step.run.verdict if step.run else None,
            }
            for step in each.steps
        ],
    }


def went_back(each: WentBack) -> Facts:
    r, freeze = each.rollback, each.freeze
    return {
        "rollback": r.tag,
        "environment": str(r.environment),
        "from": r.undone.release.version,
        "to": r.target.release.version,
        "status": r.status,
        "command": r.command,
        "serving": r.serving,
        "outcome": r.outcome,
        "first_outcome": r.first_outcome,
        "detail": r.detail,
        "requested_by": r.requested_by,
        "reason": r.reason,
        "words": r.words,
        "on_the_screen": r.at_press,
        "digest_on_the_screen": r.seen_digest,
        "override_by": r.override_by,
        "override_reason": r.override_reason,
        "pressed_at": utc_text(r.pressed_at),
        "ended_at": utc(r.ended_at),
        "commands": [_execution(ran) for ran in each.executions],
        "freeze": freeze
        and {
            "frozen_at": utc_text(freeze.frozen_at),
            "lifted_at": utc(freeze.lifted_at),
            "lifted_by": freeze.lifted_by,
            "lift_reason": freeze.lift_reason,
        },
    }


def _execution(ran: Execution | None) -> Facts | None:
    if ran is None:
        return None
    return {
        "execution": ran.tag,
        "kind": ran.kind,
        "status": ran.status,
        "command": ran.command,
        "exit_code": ran.exit_code,
        "argv": ran.argv,
        "digest": ran.digest,
        "host": ran.host,
        "started_by": ran.started_by,
        "started_at": utc_text(ran.started_at),
        "ended_at": utc(ran.ended_at),
        "problem": ran.problem,
        "output_bytes": ran.output_bytes,
        "output_sha256": ran.output_sha256,
    }


def accepted(each: Acceptance) -> Facts:
    return {
        "acceptance": each.tag,
        "environment": str(each.environment),
        "finding": each.finding.sentence,
        "until": utc(each.until),
        "accepted_by": each.accepted_by,
        "accepted_at": utc_text(each.accepted_at),
        "reason": each.reason,
        "ended_by": each.ended_by,
        "ended_at": utc(each.ended_at),
        "end_reason": each.end_reason,
    }


def note(each: Note) -> Facts:
    return {
        "note": each.tag,
        "author": each.author,
        "at": utc_text(each.at),
        "text": each.text,
        "corrects": each.corrects.tag if each.corrects else None,
    }


def event(line: Line) -> Facts:
    event = line.event
    return {
        "seq": event.seq,
        "says": line.says,
        "payload": event.payload,
        "digest": event.payload_digest,
        "previous": event.previous,
        "hash": event.hash,
    }
