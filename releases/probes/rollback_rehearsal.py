"""Whether a rehearsal has proven the way there and back, by the real commands."""

from releases.probes.base import Answer, Context, Finding, FindingKind, Probe, RehearsalFacts, Settings
from releases.probes.rehearsed import NOT_REHEARSED, by_receipt, outdated, stale_kind
from releases.states import About, Effect, Level, RehearsalOutcome

SUBJECT = "rollback"

NOT_PROVEN = FindingKind(
    "not_proven",
    Level.FAIL,
    "{tag} did not prove the way back: {detail}",
    "Read on the rehearsal's page which step it was; mend it, and rehearse the release again.",
)
NOT_SEEN = FindingKind(
    "not_seen",
    Level.ERROR,
    "what a command of {tag} did was not seen: {detail}",
    "Look at what staging serves, and rehearse the release again.",
)
NOT_SETTLED = FindingKind(
    "not_settled",
    Level.INCONCLUSIVE,
    "{tag} ended {outcome}: {detail}",
    "Rehearse the release again, to its end.",
)
OUTDATED = stale_kind("rollback")


class RollbackRehearsalSettings(Settings):
    """Nothing to set: what a rehearsal does is fixed."""


class RollbackRehearsal(Probe[RollbackRehearsalSettings]):
    """Read the receipt of the newest rehearsal."""

    key = "rollback_rehearsal"
    title = "Rollback rehearsal"
    group = "rehearsal"
    proves = "The newest rehearsal of this release ran both real commands, and the probes agreed before and after."
    cannot_see = "What only production has: its data, its load, its other services."
    effect = Effect.NONE
    about = About.WAY_BACK
    deadline = 10.0
    kinds = (NOT_REHEARSED, NOT_PROVEN, NOT_SEEN, NOT_SETTLED, OUTDATED)
    settings_model = RollbackRehearsalSettings

    def measure(self, context: Context[RollbackRehearsalSettings]) -> Answer:
        """Return findings, and as a figure the age of the rehearsal."""
        return by_receipt(context, SUBJECT, _judged)


def _judged(facts: RehearsalFacts) -> list[Finding]:
    said = {"tag": facts.tag, "detail": facts.detail}
    if facts.outcome == RehearsalOutcome.PROVEN:
        return outdated(OUTDATED, SUBJECT, facts)
    if facts.outcome == RehearsalOutcome.NOT_PROVEN:
        return [Finding(NOT_PROVEN, SUBJECT, said)]
    if facts.outcome == RehearsalOutcome.UNKNOWN:
        return [Finding(NOT_SEEN, SUBJECT, said)]
    return [Finding(NOT_SETTLED, SUBJECT, {**said, "outcome": facts.outcome})]
