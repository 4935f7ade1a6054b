"""Item: there is a target, it is verified and not bad."""

from releases.queries.readiness.facts import Facts
from releases.queries.readiness.item import ReadinessItem, ready, red

KEY = "target"
REASONS_NAMED = 3


def item(facts: Facts) -> ReadinessItem:
    target = facts.target
    if target is None:
        passed_over = [f"{one.deployment.release.version}: {one.why}" for one in facts.skipped[:REASONS_NAMED]]
        says = f"nothing to go back to ({'; '.join(passed_over)})" if passed_over else "nothing to go back to"
        return red(KEY, says, "Fix forward, or deploy an earlier version. The next release can go back to this one.")
    if not target.verified:
        return red(
            KEY, f"{target.release.version} was never verified here", "Go back to it only if you know that it worked."
        )
    return ready(KEY, f"{target.release.version} is verified")
