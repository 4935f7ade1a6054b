"""The status mark: which shape and which colour stand beside a word.

The silhouette is the class, so that a page reads in grey: circle good, square bad, triangle not measured, diamond not
known, ring in progress, dash does not count. The shapes themselves are drawn in `templates/parts/status.html`.
"""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "bad", "blind", "late", "running", "soft", "ink"]


@dataclass(frozen=True, slots=True)
class Mark:
    """How one word of state looks."""

    shape: str
    """Name of the drawing."""
    tone: Tone
    """Name of the colour token."""
    glyph: str
    """The silhouette as a character, for the tab's title and plain text."""


_GOOD = Mark("circle-tick", "good", "●")
_BAD = Mark("square-cross", "bad", "■")
_DID_NOT_WORK = Mark("square-bang", "bad", "□")
_NOT_MEASURED = Mark("triangle-bang", "blind", "▲")
_TOO_LITTLE = Mark("diamond-query", "late", "◇")
_NOT_KNOWN = Mark("diamond-full-query", "blind", "◆")
_WAITS = Mark("ring-dashed", "soft", "◌")
_WORKS = Mark("ring-quarter", "running", "◔")
_CHECKS = Mark("ring-half", "running", "◑")
_STOPS = Mark("ring-bar", "late", "⊖")
_DOES_NOT_COUNT = Mark("dash", "soft", "–")

MARKS: dict[str, Mark] = {
    # verdicts and outcomes
    "pass": _GOOD,
    "restored": _GOOD,
    "proven": _GOOD,
    "not proven": _BAD,
    "restored with differences": Mark("circle-notch", "late", "○"),
    "fail": _BAD,
    "not restored": _BAD,
    "mixed": Mark("square-unequal", "bad", "■"),
    "failed": _DID_NOT_WORK,
    "error": _NOT_MEASURED,
    "inconclusive": _TOO_LITTLE,
    "unknown": _NOT_KNOWN,
    "skipped": _DOES_NOT_COUNT,
    "was already failing": Mark("square-small-cross", "soft", "▫"),
    # work in progress, and how it may end without a verdict
    "queued": _WAITS,
    "waiting": _WAITS,
    "started": _WORKS,
    "running": _WORKS,
    "executing": _WORKS,
    "purging": _WORKS,
    "verifying": _CHECKS,
    "stopping": _STOPS,
    "stopped": _STOPS,
    "cancelled": Mark("ring-slashed", "soft", "⊘"),
    "refused": Mark("ring-slashed", "late", "⊘"),
    "finished": _DOES_NOT_COUNT,
    "ended": _DOES_NOT_COUNT,
    "done": _DOES_NOT_COUNT,
    "not checked": _DOES_NOT_COUNT,
    # what became of a command, and what instances and probes say after it
    "not started": _DOES_NOT_COUNT,
    "exited": _GOOD,
    "killed": _DID_NOT_WORK,
    "lost": _NOT_KNOWN,
    "target": _GOOD,
    "other": _BAD,
    "not measured": _NOT_MEASURED,
    "as before": _GOOD,
    "different": Mark("circle-notch", "late", "○"),
    "as before but for the way back": Mark("circle-notch", "late", "○"),
    "passing, nothing to compare with": _GOOD,
    "worse": _BAD,
    "failing, nothing to compare with": _BAD,
    "too little data": _TOO_LITTLE,
    "could not measure": _NOT_MEASURED,
    # would a rollback work
    "ready": _GOOD,
    "not ready": _BAD,
    "not known": _NOT_KNOWN,
    # what became of an expected result
    "as expected": _GOOD,
    "not as expected": _BAD,
    "to confirm": _NOT_KNOWN,
    # what else is not normal
    "note": _DOES_NOT_COUNT,
    "accepted": _DOES_NOT_COUNT,
    "late": Mark("ring-bar", "late", "⊖"),
    "not verified": _TOO_LITTLE,
    "tainted": _TOO_LITTLE,
    "frozen": Mark("lock", "ink", "⚿"),
    "despite freeze": Mark("lock", "bad", "⚿"),
    "during rollback": Mark("undo", "bad", "↶"),
    "rollback": Mark("undo", "ink", "↶"),
}
"""Every word of state that a page may mark. A word that is missing here is a mistake and raises KeyError."""


def mark_of(word: str) -> Mark:
    """Return how a word of state looks."""
    return MARKS[str(word)]


def glyph(word: str) -> str:
    """Return the silhouette of a word of state as a character, for titles and plain text."""
    return mark_of(word).glyph
