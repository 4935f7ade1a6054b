"""Rows of a history as files: one flat set of facts per row, as CSV or JSON Lines, a piece at a time."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from releases.display import utc_text
from releases.models import Release
from releases.queries.history import HistoryRow

Facts = Mapping[str, Any]

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""
LINES_AT_ONCE = 200
DEPLOYMENT_COLUMNS = (
    "deployment",
    "service",
    "environment",
    "version",
    "release",
    "bad",
    "kind",
    "owner",
    "reported_by",
    "started_at",
    "finished_at",
    "status",
    "stands",
    "verdict",
    "regression",
    "despite_freeze",
    "rollback",
    "undid",
    "reason",
    "words",
    "undone_by",
    "released_again_by",
)
RELEASE_COLUMNS = (
    "release",
    "service",
    "version",
    "owner",
    "registered_at",
    "registered_by",
    "expected_result",
    "rollback_note",
    "affected_routes",
    "change_url",
    "assumptions",
    "change_size",
    "committed_at",
    "bad_since",
    "bad_by",
    "bad_reason",
)


def deployment_facts(row: HistoryRow) -> Facts:
    """Return what a file tells of a deployment. Times are UTC."""
    d, rollback = row.deployment, row.rollback
    return {
        "deployment": d.tag,
        "service": d.environment.service.key,
        "environment": d.environment.key,
        "version": d.release.version,
        "release": f"R-{d.release_id}",
        "bad": d.release.bad,
        "kind": d.kind,
        "owner": d.release.owner,
        "reported_by": d.reported_by,
        "started_at": _utc(d.started_at),
        "finished_at": _utc(d.finished_at),
        "status": d.status,
        "stands": row.standing.word,
        "verdict": d.verdict,
        "regression": d.regression,
        "despite_freeze": d.despite_freeze,
        "rollback": rollback.tag if rollback else "",
        "undid": f"D-{rollback.undone_id}" if rollback else "",
        "reason": rollback.reason if rollback else "",
        "words": rollback.words if rollback else "",
        "undone_by": row.undone_by.tag if row.undone_by else "",
        "released_again_by": row.again_by.tag if row.again_by else "",
    }


def release_facts(release: Release) -> Facts:
    """Return what a file tells of a release. Times are UTC."""
    return {
        "release": release.tag,
        "service": release.service.key,
        "version": release.version,
        "owner": release.owner,
        "registered_at": _utc(release.registered_at),
        "registered_by": release.registered_by,
        "expected_result": release.expected_result,
        "rollback_note": release.rollback_note,
        "affected_routes": release.affected_routes,
        "change_url": release.change_url,
        "assumptions": release.assumptions,
        "change_size": release.change_size,
        "committed_at": _utc(release.committed_at),
        "bad_since": _utc(release.bad_since),
        "bad_by": release.bad_by,
        "bad_reason": release.bad_reason,
    }


def as_csv(columns: Iterable[str], rows: Iterable[Facts]) -> Iterator[str]:
    """Yield the pieces of a CSV file. A text that a spreadsheet would calculate begins with an apostrophe."""
    names = list(columns)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(names)
    for number, facts in enumerate(rows, start=1):
        writer.writerow([_cell(facts[name]) for name in names])
        if not number % LINES_AT_ONCE:
            yield _emptied(buffer)
    yield _emptied(buffer)


def as_json_lines(rows: Iterable[Facts]) -> Iterator[str]:
    """Yield the pieces of a JSON Lines file: texts as they are, an absent time as null."""
    lines: list[str] = []
    for facts in rows:
        lines.append(json.dumps(facts, ensure_ascii=False) + "\n")
        if len(lines) == LINES_AT_ONCE:
            yield "".join(lines)
            lines.clear()
    yield "".join(lines)


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _utc(moment: datetime | None) -> str | None:
    return utc_text(moment.replace(microsecond=0)) if moment else None
