"""Findings as pages show them: their word, their evidence as rows, and who accepted them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releases.models import Acceptance, Finding
from releases.queries.answers import identity_of
from releases.states import Level

ALREADY = "was already failing"
EVIDENCE_ROWS = 60
EVIDENCE_LENGTH = 4000
"""Characters of one value that are shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One finding as it is shown."""

    finding: Finding
    word: str
    evidence: Sequence[tuple[str, str]]
    """(field, value), nested fields joined by a dot."""
    left_out: int
    """How many further fields there are."""
    acceptance: Acceptance | None
    """The one that holds for it now."""


def shown_finding(key: str, finding: Finding, held: Mapping[str, Acceptance]) -> Shown:
    """Return a finding of the probe with that key; `held` are the acceptances that hold, by identity."""
    rows = list(flat(finding.evidence))
    already = finding.already_failing and finding.level == Level.FAIL
    return Shown(
        finding=finding,
        word=ALREADY if already else finding.level,
        evidence=rows[:EVIDENCE_ROWS],
        left_out=max(0, len(rows) - EVIDENCE_ROWS),
        acceptance=held.get(identity_of(key, finding)) if finding.level != Level.NOTE else None,
    )


def flat(value: Any, name: str = "") -> Iterable[tuple[str, str]]:
    """Yield the leaves of JSON data, each with the path that leads to it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(item, list | Mapping) for item in value):
        for number, item in enumerate(value, start=1):
            yield from flat(item, f"{name}.{number}" if name else str(number))
    elif isinstance(value, list):
        yield name, ", ".join(_leaf(item) for item in value)[:EVIDENCE_LENGTH]
    else:
        yield name, _leaf(value)[:EVIDENCE_LENGTH]


def _leaf(value: Any) -> str:
    if value is None:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
