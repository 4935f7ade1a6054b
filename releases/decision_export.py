"""Decisions and events as rows of a file: one flat set of facts each. Times are UTC."""

from collections.abc import Mapping
from typing import Any

from releases.display import utc_text
from releases.queries.decisions import Decision
from releases.queries.events import Line

DECISION_COLUMNS = (
    "event", "at", "decision", "object", "service", "environment", "from", "to", "who", "why", "verdict_shown",
    "not_ready_shown", "finding", "result", "came_true", "data_loss", "outcome", "ended_at", "frozen_at", "lifted_at",
    "lifted_by", "lift_reason", "hash", "groups",
)  # fmt: skip
EVENT_COLUMNS = (
    "event", "at", "action", "says", "who", "via", "object", "service", "environment", "why", "before", "after",
    "details", "request_id", "origin", "digest", "hash", "groups",
)  # fmt: skip


def decision_facts(decision: Decision) -> Mapping[str, Any]:
    """Return what a file tells of a decision."""
    event, rollback, freeze = decision.event, decision.rollback, decision.freeze
    before, after = decision.versions
    return {
        "event": event.seq,
        "at": utc_text(event.at),
        "decision": decision.what,
        "object": event.object_tag,
        "service": event.service,
        "environment": event.environment,
        "from": before,
        "to": after,
        "who": event.actor,
        "why": decision.reason,
        "verdict_shown": decision.verdict,
        "not_ready_shown": "; ".join(f"{key}: {says}" for key, says in decision.red),
        "finding": str(decision.details.get("finding", "")),
        "result": str(decision.details.get("result", "")),
        "came_true": decision.came_true,
        "data_loss": "; ".join(decision.losses),
        "outcome": (rollback.outcome or rollback.status) if rollback else "",
        "ended_at": utc_text(rollback.ended_at) if rollback and rollback.ended_at else "",
        "frozen_at": utc_text(freeze.frozen_at) if freeze else "",
        "lifted_at": utc_text(freeze.lifted_at) if freeze and freeze.lifted_at else "",
        "lifted_by": freeze.lifted_by if freeze else "",
        "lift_reason": freeze.lift_reason if freeze else "",
        "hash": event.hash,
        "groups": event.groups,
    }


def event_facts(line: Line) -> Mapping[str, Any]:
    """Return what a file tells of an event."""
    event = line.event
    return {
        "event": event.seq,
        "at": utc_text(event.at),
        "action": event.action,
        "says": line.says,
        "who": event.actor,
        "via": line.of("via"),
        "object": event.object_tag,
        "service": event.service,
        "environment": event.environment,
        "why": line.of("reason"),
        "before": "; ".join(f"{field}: {before}" for field, before, _ in line.changed if before),
        "after": "; ".join(f"{field}: {after}" for field, _, after in line.changed if after),
        "details": "; ".join(f"{name}: {value}" for name, value in line.facts),
        "request_id": line.of("request_id"),
        "origin": line.of("origin"),
        "digest": event.payload_digest,
        "hash": event.hash,
        "groups": event.groups,
    }
