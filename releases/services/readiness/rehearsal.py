"""Item: the way back from the live release was rehearsed, not too long ago, with the commands of today."""

from releases.models import RehearsalStep
from releases.queries.probe_counts import all_looks, out_of
from releases.queries.readiness.item import ReadinessItem, not_proven, ready, red
from releases.queries.receipts import FRESH, Receipt
from releases.services.readiness.seen import Seen
from releases.services.rehearsal_facts import receipt_of
from releases.states import RehearsalOutcome, RehearsalStepKind as Kind, Verdict

KEY = "rehearsal"
ROLLBACK = "rollback"
REHEARSE = "Rehearse it on staging: deploy, checklist, rollback, checklist."


def item(seen: Seen) -> ReadinessItem:
    """Where no rehearsal is required, only one that speaks against the way back is red."""
    version = seen.live.release.version
    required = seen.environment.requires_rehearsal
    receipt = receipt_of(seen.environment, seen.live.release)
    if receipt is None:
        says = f"{version} was never rehearsed"
        return red(KEY, f"{says}, and it is required here", REHEARSE) if required else not_proven(KEY, says, REHEARSE)
    tag, outcome = receipt.rehearsal.tag, receipt.rehearsal.outcome
    if outcome == RehearsalOutcome.NOT_PROVEN:
        return red(KEY, f"{tag} of {version} is {outcome}: {receipt.rehearsal.detail}", "Read what went wrong there.")
    if outcome != RehearsalOutcome.PROVEN:
        says = f"{tag} of {version} is {outcome}"
        return red(KEY, says, REHEARSE) if required else not_proven(KEY, says, REHEARSE)
    if ROLLBACK in receipt.changed:
        return red(KEY, f"the rollback command is not the one of {tag}", REHEARSE)
    if receipt.age > FRESH:
        says = f"{_told(receipt)}; that is more than {FRESH.days} days"
        return red(KEY, says, REHEARSE) if required else not_proven(KEY, says, REHEARSE)
    return ready(KEY, _told(receipt))


def _told(receipt: Receipt) -> str:
    """Say when it was, how long the way back took, and what was measured after it."""
    steps = {
        step.kind: step
        for step in RehearsalStep.objects.filter(rehearsal=receipt.rehearsal).select_related("execution", "run")
    }
    back, again = steps.get(Kind.ROLL_BACK), steps.get(Kind.CHECK_AGAIN)
    said = f"rehearsed {_ago(receipt)} ({receipt.rehearsal.tag})"
    if back is not None and back.seconds is not None:
        said += f", the way back took {back.seconds:.1f} s"
    if again is not None and again.run is not None:
        looks = list(again.run.probes.all())
        passed = all_looks(looks, lambda look: look.verdict == Verdict.PASS)
        said += f", {out_of(passed, looks, 'pass after it')}"
    return said


def _ago(receipt: Receipt) -> str:
    hours = int(receipt.age.total_seconds() // 3600)
    if hours < 1:
        return "less than an hour ago"
    number, unit = (receipt.age.days, "day") if receipt.age.days else (hours, "hour")
    return f"{number} {unit}{'' if number == 1 else 's'} ago"
