"""What the probes about rehearsals have in common."""

from collections.abc import Callable
from typing import Any

from releases.probes.base import Answer, Context, Finding, FindingKind, Json, RehearsalFacts, regression_by_findings
from releases.states import Level

NOT_REHEARSED = FindingKind(
    "not_rehearsed",
    Level.INCONCLUSIVE,
    "no rehearsal of this release has ended yet",
    "Rehearse it where it is not production: deploy, checklist, rollback, checklist.",
)


def stale_kind(command: str) -> FindingKind:
    """Return the finding that a rehearsal no longer says anything of a command."""
    return FindingKind(
        "outdated",
        Level.INCONCLUSIVE,
        "{tag} went well, and says nothing of today: {detail}",
        f"Rehearse the release again, with the {command} command of today.",
    )


def outdated(kind: FindingKind, command: str, facts: RehearsalFacts) -> list[Finding]:
    """Return the finding where a rehearsal is too old, or its command is not the one of today; else none."""
    if command in facts.changed:
        return [Finding(kind, command, {"tag": facts.tag, "detail": f"the {command} command has changed since"})]
    return [Finding(kind, command, {"tag": facts.tag, "detail": facts.too_old})] if facts.too_old else []


def by_receipt(context: Context[Any], command: str, judged: Callable[[RehearsalFacts], list[Finding]]) -> Answer:
    """Judge the newest rehearsal; nothing is asked in a run that is part of one, or that measures a rollback."""
    if context.rehearsing:
        return Answer(skipped=context.rehearsing)
    facts = context.rehearsal_facts()
    if facts is None:
        return Answer([Finding(NOT_REHEARSED, command)])
    findings = judged(facts)
    figures: dict[str, Json] = {"rehearsed_s_ago": round(facts.seconds_ago)}
    return Answer(findings, figures, regression_by_findings(findings, context.before))
