"""Everything about a release as one JSON document, for a ticket elsewhere. Its shape has a version; times are UTC."""

import json
from collections.abc import Sequence
from datetime import datetime

from releases import book, evidence_parts as parts
from releases.display import utc_text
from releases.evidence_parts import Facts, utc
from releases.history_export import release_facts
from releases.models import BookHead
from releases.queries.audit_release import Everything, Measured
from releases.queries.expected_results import Answered
from releases.queries.release_page import BeforeAfter
from releases.queries.timings import Timing

FORMAT = 1
"""Raised when a reader of the document would have to change."""


def evidence_text(kept: Everything, *, made_at: datetime, made_by: str, head: BookHead) -> str:
    """Return the document in ASCII, with nothing in it that a page would take for markup."""
    text = json.dumps(evidence(kept, made_at=made_at, made_by=made_by, head=head), indent=1)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"{text}\n"


def evidence(kept: Everything, *, made_at: datetime, made_by: str, head: BookHead) -> Facts:
    """Return the document. An event keeps its place in the chain: number, hash before it, digest and hash."""
    return {
        "rollbook_evidence": FORMAT,
        "made_at": utc_text(made_at),
        "made_by": made_by,
        "book_head": {"seq": head.seq, "hash": head.hash or book.GENESIS},
        "left_out": list(kept.left_out),
        "release": release_facts(kept.release),
        "promised": [_promised(each) for each in kept.promised],
        "measured": _measured(kept.measured) if kept.measured else None,
        "deployments": [parts.placed(each) for each in kept.placed],
        "rehearsals": [parts.rehearsed(each) for each in kept.rehearsals],
        "rollbacks": [parts.went_back(each) for each in kept.rollbacks],
        "acceptances": [parts.accepted(each) for each in kept.acceptances],
        "notes": [parts.note(each) for each in kept.notes],
        "events": [parts.event(each) for each in kept.events],
    }


def _promised(each: Answered) -> Facts:
    said = each.confirmation
    return {
        "number": each.number,
        "promised": each.promised.text,
        "answer": each.answer.value,
        "measured": each.measured,
        "confirmed_by": said.confirmed_by if said else None,
        "confirmed_at": utc_text(said.confirmed_at) if said else None,
        "note": said.note if said else None,
    }


def _measured(measured: Measured) -> Facts:
    differences = measured.differences
    return {
        "deployment": measured.deployment.tag,
        "response_times": [_timed(each) for each in measured.timed],
        "commands": [
            {
                "name": each.name,
                "argv": list(each.argv),
                "digest": each.digest,
                "host": each.host,
                "ran_at" if each.ran else "rendered_at": utc(each.at),
                "says": each.says,
            }
            for each in measured.commands
        ],
        "differences": differences
        and {
            "to": differences.to.version,
            "configuration": _rows(("key", "before", "now"), differences.configuration),
            "headers": _rows(("subject", "field", "before", "now"), differences.headers),
        },
    }


def _rows(names: Sequence[str], rows: Sequence[Sequence[str]] | None) -> list[Facts] | None:
    """Return rows with the names of their columns; None where nothing could be compared."""
    return None if rows is None else [dict(zip(names, row, strict=True)) for row in rows]


def _timed(each: BeforeAfter) -> Facts:
    return {
        "route": each.route,
        "place": each.place,
        "unit": "ms",
        "before": _timing(each.before, each.before_at) if each.before else None,
        "after": _timing(each.after, each.measured_at),
        "budget": each.after.budget,
        "worse_by_test": each.worse,
        "effect": each.effect,
    }


def _timing(timing: Timing, at: datetime | None) -> Facts:
    return {"p50": timing.p50, "p95": timing.p95, "p99": timing.p99, "n": timing.n, "at": utc(at)}
