"""Item: what the rollback would bring back can still be had."""

from releases.queries.readiness.item import ReadinessItem, not_known, not_proven, ready, red
from releases.services.readiness.seen import Seen

KEY = "artifact"
MISSING, NOT_CHECKED = "artifact_missing", "artifact_not_checked"


def item(seen: Seen) -> ReadinessItem:
    version = seen.target.release.version
    if not seen.artifact_found:
        return ready(KEY, f"that of {version} is there")
    kind, sentence = seen.artifact_found[0]
    if kind == NOT_CHECKED:
        return not_proven(KEY, sentence, "Name artifact.url or commands.check_artifact in the catalogue.")
    if kind == MISSING:
        return red(KEY, sentence, f"Build or fetch {version} again, or choose another target.")
    return not_known(KEY, sentence, "Ask for it by hand from the worker's host.")
