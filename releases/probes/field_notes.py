"""What is wrong with single caching fields by the letter of their RFCs, as `httplint` says. It decides nothing."""

import time
from functools import cache
from typing import Any

from releases.probes.caching import Fields

CHECKED = frozenset({"cache-control", "expires", "date", "age", "vary", "etag", "last-modified", "pragma"})
MOST_LINES = 20
LONGEST_LINE = 500
MOST_NOTES = 5
PAST = frozenset({"0", "-1"})
"""Values of Expires that are no dates, and that everybody writes and reads as past."""


@cache
def _linter() -> Any:
    # 0.2 s and some megabytes: loaded by the first look, and only where there is one.
    import httplint

    return httplint


def notes(status: int, fields: Fields, now: float | None = None) -> list[str]:
    """Return plain sentences about malformed caching fields; empty when all are in order, or nothing can be said.

    Args:
        now: Seconds since the epoch when the answer arrived, for a service whose clock is wrong.
    """
    checked = [
        (name, value[:LONGEST_LINE])
        for name, value in fields
        if name.lower() in CHECKED and not (name.lower() == "expires" and value.strip() in PAST)
    ][:MOST_LINES]
    checked.sort(key=lambda line: line[0].lower() != "age")  # it takes an old Date for a wrong clock until it saw Age
    try:
        found = _lint(status, checked, time.time() if now is None else now)
    except Exception:
        # Foreign bytes in foreign code: what it cannot read it says nothing about, and the decision does not need it.
        return []
    return list(dict.fromkeys(found))[:MOST_NOTES]


def _lint(status: int, fields: Fields, now: float) -> list[str]:
    httplint = _linter()
    linter = httplint.HttpResponseLinter(start_time=now, no_content=True)
    linter.process_response_topline(b"HTTP/1.1", str(status).encode(), b"")
    linter.process_headers([(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields])
    linter.finish_content(True)
    return [_sentence(note) for note in linter.notes if note.level is httplint.note.levels.BAD]


def _sentence(note: Any) -> str:
    return " ".join(str(note.summary).split())[:200]
