"""What the probes about rehearsals have in common."""

from releases.probes.base import Finding, FindingKind, RehearsalFacts
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
