"""What the probe `purge` finds, and how the answers after a purge are judged."""

from collections.abc import Iterator

from releases.http import Response
from releases.probes.base import Finding, FindingKind
from releases.probes.evidence import caching_fields
from releases.probes.kept import KeptRoute
from releases.probes.stored import Glimpse, is_telling
from releases.states import Level

NOT_CACHED = FindingKind(
    "not_cached",
    Level.INCONCLUSIVE,
    "{subject} is not answered from the cache, however often it is asked for: a purge would prove nothing ({because})",
    "Name a route that the cache keeps, or find out why it no longer keeps this one (`cache_headers` tells).",
)
CANNOT_TELL = FindingKind(
    "cannot_tell",
    Level.INCONCLUSIVE,
    "{subject}: nothing in the answers says whether they came from the cache",
    "Let the cache send Cache-Status, X-Cache or Age, or name a `generation` header in the probe's settings.",
)
COULD_BE_EXPIRY = FindingKind(
    "could_be_expiry",
    Level.INCONCLUSIVE,
    "{subject} was fetched anew, but its lifetime of {lifetime} s was over by then",
    "Name a route with a longer lifetime.",
)
NOT_ALLOWED_HERE = FindingKind(
    "not_allowed",
    Level.FAIL,
    "purging {subject} was refused: the cache answered {method} with {status}",
    "Allow it from this worker's address in the cache's configuration. Until then a rollback cannot clear it.",
)
PURGE_FAILED = FindingKind(
    "purge_failed",
    Level.FAIL,
    "purging {subject} failed: {reason}",
    "Run the purge by hand and read its output. A rollback cannot clear the cache until it works.",
)
NOT_RUN = FindingKind(
    "not_run",
    Level.ERROR,
    "the purge command for {subject} did not run to its end",
    "Its output says why: it could not be put together, another command held the lock, or its time was up.",
)
WITHOUT_EFFECT = FindingKind(
    "without_effect",
    Level.FAIL,
    "{subject} is still the old answer after a purge that reported success ({reason})",
    "The purge does not reach the cache, misses this route's key, or reaches only one of its nodes. "
    "Where readers or the purge itself may have fetched it anew at once, a `generation` header tells.",
)
NODE_STILL_STALE = FindingKind(
    "node_still_stale",
    Level.FAIL,
    "{subject}: {stale} of {asked} answers after the purge were still old ones ({reason})",
    "One cache node was not purged: send the purge to every node, or let the nodes tell each other.",
)
EVERYTHING_PURGED = FindingKind(
    "everything_purged",
    Level.FAIL,
    "purging {subject} emptied the cache for every control route as well: {controls}",
    "A rollback would send all traffic to the service at once. Let the purge name one exact route.",
)
CONTROL_PURGED = FindingKind(
    "control_purged",
    Level.FAIL,
    "{subject} is gone from the cache, though only {purged} was purged",
    "The purge reaches further than the route it names: look for a pattern or a shared surrogate key.",
)
BROKEN_AFTERWARDS = FindingKind(
    "broken_afterwards",
    Level.FAIL,
    "{subject} answered {status} once it had to be fetched anew",
    "The cache had hidden that the service no longer answers for this route. Look at its log.",
)
COULD_NOT_ASK = FindingKind(
    "could_not_ask",
    Level.ERROR,
    "{subject} could not be asked: {reason}",
    "The edge is down, hangs, or cannot be reached from the worker.",
)


def judge_affected(kept: KeptRoute, after: list[tuple[Response, Glimpse]], accepted: str) -> Iterator[Finding]:
    """Judge what a purged route answered afterwards; `accepted` says how the purge was taken."""
    if broken := [response for response, _ in after if response.status >= 500]:
        yield Finding(BROKEN_AFTERWARDS, kept.route, {"status": broken[0].status}, caching_fields(broken[0]))
        return
    # Once the route was fetched anew, a bare "hit" is the new object; only marks can show an old one on another node.
    judged = after if is_telling(kept.seen) else after[:1]
    same = [kept.is_same(seen) for _, seen in judged]
    if True in same:
        stale = after[same.index(True)][0]
        evidence = {"before": caching_fields(kept.response), "after": caching_fields(stale)}
        if False in same:
            values = {"stale": same.count(True), "asked": len(same), "reason": accepted}
            yield Finding(NODE_STILL_STALE, kept.route, values, evidence)
            return
        yield Finding(WITHOUT_EFFECT, kept.route, {"reason": accepted}, evidence)
    elif same and same[0] is None:
        yield Finding(CANNOT_TELL, kept.route)
    elif after and kept.may_have_expired(after[0][1]):
        yield Finding(COULD_BE_EXPIRY, kept.route, {"lifetime": kept.lifetime})


def judge_lost(lost: list[tuple[KeptRoute, Response]], controls: int, purged: str) -> Iterator[Finding]:
    """Judge the control routes that are no longer what they were, each with its answer."""
    evidence = {
        kept.route: {"before": caching_fields(kept.response), "after": caching_fields(after)} for kept, after in lost
    }
    if lost and len(lost) == controls:
        yield Finding(EVERYTHING_PURGED, purged, {"controls": ", ".join(kept.route for kept, _ in lost)}, evidence)
        return
    for kept, _ in lost:
        yield Finding(CONTROL_PURGED, kept.route, {"purged": purged}, evidence[kept.route])
