"""Whether the real deploy command has put this release in place where it was rehearsed."""

from releases.probes.base import Answer, Context, Finding, FindingKind, Probe, RehearsalFacts, Settings
from releases.probes.rehearsed import NOT_REHEARSED, by_receipt, outdated, stale_kind
from releases.states import About, CommandState, Effect, Level

SUBJECT = "deploy"

DEPLOY_FAILED = FindingKind(
    "deploy_failed",
    Level.FAIL,
    "the deploy command did not do its work in {tag}: {detail}",
    "Read its output on the rehearsal's page; what fails on staging fails in production.",
)
DEPLOY_NOT_SEEN = FindingKind(
    "deploy_not_seen",
    Level.ERROR,
    "what the deploy command did in {tag} was not seen",
    "The worker was lost, or the rehearsal was stopped before: rehearse the release again.",
)
OUTDATED = stale_kind("deploy")


class DeployCommandSettings(Settings):
    """Nothing to set: the command itself stands in the catalogue."""


class DeployCommand(Probe[DeployCommandSettings]):
    """Read the receipt of the newest rehearsal."""

    key = "deploy_command"
    title = "Deploy command"
    group = "rehearsal"
    proves = "In the newest rehearsal of this release the real deploy command ran and ended with 0, not long ago."
    cannot_see = "Whether it does the same in production, where hosts, rights and data are others."
    effect = Effect.NONE
    about = About.WAY_BACK
    deadline = 10.0
    kinds = (NOT_REHEARSED, DEPLOY_FAILED, DEPLOY_NOT_SEEN, OUTDATED)
    settings_model = DeployCommandSettings

    def measure(self, context: Context[DeployCommandSettings]) -> Answer:
        """Return findings, and as a figure the age of the rehearsal."""
        return by_receipt(context, SUBJECT, _judged)


def _judged(facts: RehearsalFacts) -> list[Finding]:
    if facts.deploy_command == CommandState.EXITED:
        if facts.deploy_exit == 0:
            return outdated(OUTDATED, SUBJECT, facts)
        return [Finding(DEPLOY_FAILED, SUBJECT, {"tag": facts.tag, "detail": f"exit {facts.deploy_exit}"})]
    if facts.deploy_command == CommandState.KILLED:
        return [Finding(DEPLOY_FAILED, SUBJECT, {"tag": facts.tag, "detail": "it was killed"})]
    return [Finding(DEPLOY_NOT_SEEN, SUBJECT, {"tag": facts.tag})]
