"""Whether a purge refreshes the route it names, and nothing else.

1. Ask for every affected and control route until the cache answers for it.
2. Purge each affected route, one at a time, by the catalogue's method.
3. Ask again: the affected routes must be new objects, the control routes the same as before.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

from pydantic import Field, model_validator

from releases.http import DoorError, Response
from releases.probes.base import Answer, Context, Finding, FindingKind, Json, Probe, Settings, regression_by_findings
from releases.probes.caching import judge
from releases.probes.evidence import caching_fields
from releases.probes.fields import OptionalFieldName
from releases.probes.places import share
from releases.probes.routes import ExactRoute, Route, url_of
from releases.probes.stored import Glimpse, from_cache, glimpse, is_same, is_telling, same_mark
from releases.states import Effect, Level

SECONDS_PER_REQUEST = 5.0
MOST_WARMING = 4
"""Requests per route until the cache must have answered."""
ANSWERS_AFTER = 4
"""Requests per purged route, so that a second cache node that still holds it has a chance to show."""
LOOKS_FOR_NODES = 3
"""Further requests per route that the cache answers for, so that other nodes show the objects that they hold."""
LONGEST_WAIT_FOR_AGE = 2.5
"""Seconds to wait until stored objects are a second old, where only their age tells them from new ones."""
BETWEEN_LOOKS = 0.2
NOT_ALLOWED = frozenset({401, 403, 405, 501})

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
    "purging {subject} was refused: the edge answered PURGE with {status}",
    "Allow PURGE from this worker's address in the cache's configuration. Until then a rollback cannot clear it.",
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
    "The purge does not reach the cache, misses this route's key, or reaches only one of its nodes.",
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


class PurgeSettings(Settings):
    """The routes that may be purged, and those that must survive it."""

    affected: tuple[ExactRoute, ...] = Field(min_length=1, max_length=10)
    """Routes that the probe purges, one at a time. No other route is ever purged by it."""
    control: tuple[Route, ...] = Field(min_length=1, max_length=10)
    """Cached routes that must still be answered from the cache after the purge."""
    generation: OptionalFieldName = ""
    """Response header whose value the service makes anew for every answer, if it has one; proof of a fresh fetch where
    the cache does not say hit or miss."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if both := sorted(set(self.affected) & set(self.control)):
            raise ValueError(f"{both[0]} cannot be purged and stay cached: it is listed as affected and as control")
        return self


@dataclass(frozen=True, slots=True)
class _Kept:
    """A route that the cache answers for, as last seen before the purge."""

    route: str
    seen: Glimpse
    response: Response
    left: float | None
    """Seconds for which it stays fresh from then on; None when not stated."""
    lifetime: int | None
    elsewhere: tuple[Glimpse, ...] = ()
    """The same route as other looks showed it: with several nodes each holds an object of its own."""

    @property
    def several_nodes(self) -> bool:
        """Whether the looks showed more than one stored object."""
        return any(not same_mark(self.seen, other) for other in self.elsewhere)

    def is_same(self, after: Glimpse) -> bool | None:
        """Return whether an answer is one of the objects that were there before, or None when nothing tells."""
        return any(same_mark(other, after) for other in self.elsewhere) or is_same(self.seen, after)

    def expired_by(self, at: float) -> bool:
        """Return whether it may have expired by itself by then; a second of slack, as caches count whole ones."""
        return self.left is not None and at - self.seen.at >= self.left - 1


class Purge(Probe[PurgeSettings]):
    """Purge the affected routes and look at what is new afterwards."""

    key = "purge"
    title = "Purge"
    group = "implementation"
    proves = "Purging a route makes the cache fetch it anew, and leaves every control route in the cache."
    cannot_see = "Cache nodes that did not answer during the probe, and routes that are not listed."
    effect = Effect.CACHE
    deadline = 30.0
    kinds = (
        NOT_CACHED,
        CANNOT_TELL,
        COULD_BE_EXPIRY,
        NOT_ALLOWED_HERE,
        PURGE_FAILED,
        NOT_RUN,
        WITHOUT_EFFECT,
        NODE_STILL_STALE,
        EVERYTHING_PURGED,
        CONTROL_PURGED,
        BROKEN_AFTERWARDS,
        COULD_NOT_ASK,
    )
    settings_model = PurgeSettings

    def measure(self, context: Context[PurgeSettings]) -> Answer:
        """Return findings, and as figures per route what was seen before and after."""
        if not context.purging:
            return Answer(skipped="the catalogue names no way to purge a route here")
        asking = _Asking(context)
        kept = asking.warm([*context.settings.affected, *context.settings.control])
        affected = [kept[route] for route in context.settings.affected if route in kept]
        control = [kept[route] for route in context.settings.control if route in kept]
        # Without a control route in the cache a purge could empty all of it unseen, so nothing is purged then.
        purged = [one for one in affected if asking.purge(one)] if control else []
        asking.look_at_controls(control, purged)
        return Answer(asking.findings, asking.figures, regression_by_findings(asking.findings, context.before))


class _Asking:
    """The steps of one measurement at the edge, and what they found."""

    def __init__(self, context: Context[PurgeSettings]) -> None:
        self.context = context
        self.findings: list[Finding] = []
        self.figures: dict[str, Json] = {"routes": {}}
        # Each route is warmed, and then purged or looked at again.
        self._steps = 2 * (len(context.settings.affected) + len(context.settings.control))
        self._begun = 0

    def warm(self, routes: list[str]) -> dict[str, _Kept]:
        """Return the routes that the cache answers for, each old enough to be told from a new object."""
        warm = {}
        for route in routes:
            self._step(f"warming {route}")
            if (kept := self._until_kept(route)) is not None:
                warm[route] = kept
        self._let_age(warm)
        return {route: self._with_other_nodes(kept) for route, kept in warm.items()}

    def purge(self, kept: _Kept) -> bool:
        """Purge one route and judge what it answers then. Return whether the purge was accepted."""
        self._step(f"purging {kept.route}")
        accepted = self._purge_by_command(kept) if self.context.purging == "command" else self._purge_by_method(kept)
        if accepted is None:
            return False
        after = [seen for seen in (self._look(kept.route) for _ in range(ANSWERS_AFTER)) if seen is not None]
        self._note(kept, after, purged=True)
        self.findings += _judge_affected(kept, after, accepted)
        return True

    def look_at_controls(self, control: list[_Kept], purged: list[_Kept]) -> None:
        """Judge whether the control routes are still the objects they were."""
        lost: list[tuple[_Kept, Response]] = []
        for kept in control:
            self._step(f"control {kept.route}")
            if not purged or (seen := self._look(kept.route)) is None:
                continue
            same = kept.is_same(seen[1])
            if same is False and kept.several_nodes:
                seen, same = self._once_more(kept, seen)
            self._note(kept, [seen], purged=False)
            if same is None:
                self.findings.append(Finding(CANNOT_TELL, kept.route))
            elif not same and kept.expired_by(seen[1].at):
                self.findings.append(Finding(COULD_BE_EXPIRY, kept.route, {"lifetime": kept.lifetime}))
            elif not same:
                lost.append((kept, seen[0]))
        self.findings += _judge_lost(lost, len(control), ", ".join(kept.route for kept in purged))

    def _until_kept(self, route: str) -> _Kept | None:
        """Ask for a route until the cache answers for it; None with a finding when it does not."""
        earlier: list[Glimpse] = []
        said: bool | None = None
        for _ in range(MOST_WARMING):
            if (seen := self._look(route)) is None:
                return None
            response, now = seen
            said = from_cache(earlier, now)
            if said and (earlier or not now.generation):
                return _kept(route, response, now)
            earlier.append(now)
            if said is None and now.age is not None and _may_be_kept(response):
                return _kept(route, response, now)  # its age will tell
        if said is None and _may_be_kept(response):
            self.findings.append(Finding(CANNOT_TELL, route, {}, caching_fields(response)))
        else:
            self._not_cached(route, response)
        return None

    def _let_age(self, warm: dict[str, _Kept]) -> None:
        """Wait until objects that only their age will tell from new ones are old enough for that.

        Drops those that never grow older: they are not answered from the cache.
        """
        until = time.monotonic() + min(LONGEST_WAIT_FOR_AGE, self.context.door.deadline.remaining() / 2)
        while (young := [kept for kept in warm.values() if _needs_age(kept)]) and time.monotonic() < until:
            time.sleep(BETWEEN_LOOKS)
            for kept in young:
                if (again := self._look(kept.route)) is None:
                    del warm[kept.route]
                else:
                    warm[kept.route] = _kept(kept.route, *again)
        for kept in [kept for kept in warm.values() if _needs_age(kept) and not kept.seen.hit]:
            self._not_cached(kept.route, kept.response)
            del warm[kept.route]

    def _with_other_nodes(self, kept: _Kept) -> _Kept:
        """Look a few times more and keep what names an object: behind a round robin another node may answer."""
        if not (kept.seen.generation or kept.seen.stored_as):
            return kept
        looks = [self._look(kept.route) for _ in range(LOOKS_FOR_NODES)]
        return replace(kept, elsewhere=tuple(seen[1] for seen in looks if seen is not None))

    def _once_more(self, kept: _Kept, seen: tuple[Response, Glimpse]) -> tuple[tuple[Response, Glimpse], bool | None]:
        """Give another node the chance to answer: one that was not seen before the purge shows a new object too."""
        for _ in range(LOOKS_FOR_NODES):
            if (again := self._look(kept.route)) is not None and kept.is_same(again[1]):
                return again, True
        return seen, False

    def _not_cached(self, route: str, response: Response) -> None:
        values = {"because": judge(status=response.status, response=response.headers, now=time.time()).shared.because}
        self.findings.append(Finding(NOT_CACHED, route, values, caching_fields(response)))

    def _purge_by_method(self, kept: _Kept) -> str | None:
        """Send PURGE to the edge. Return what it said, or None with a finding when it was not accepted."""
        try:
            response = self._request("PURGE", kept.route)
        except DoorError as error:
            self.findings.append(Finding(COULD_NOT_ASK, kept.route, {"reason": str(error)}))
            return None
        if 200 <= response.status < 300:
            return f"PURGE answered {response.status}"
        evidence = {"beginning": response.text[:200], **caching_fields(response)}
        if response.status in NOT_ALLOWED:
            self.findings.append(Finding(NOT_ALLOWED_HERE, kept.route, {"status": response.status}, evidence))
        else:
            reason = f"the edge answered PURGE with {response.status}"
            self.findings.append(Finding(PURGE_FAILED, kept.route, {"reason": reason}, evidence))
        return None

    def _purge_by_command(self, kept: _Kept) -> str | None:
        """Run the catalogue's purge command. Return what it did, or None with a finding when it failed."""
        result = self.context.run_command("purge", {"route": kept.route})
        if result.exit_code == 0:
            return f"the purge command exited with 0 after {result.seconds:.1f} s"
        evidence = {"output": result.output[-2000:]}
        if result.exit_code is None:
            self.findings.append(Finding(NOT_RUN, kept.route, {}, evidence))
        else:
            reason = f"the purge command exited with {result.exit_code}"
            self.findings.append(Finding(PURGE_FAILED, kept.route, {"reason": reason}, evidence))
        return None

    def _look(self, route: str) -> tuple[Response, Glimpse] | None:
        try:
            response = self._request("GET", route)
        except DoorError as error:
            finding = Finding(COULD_NOT_ASK, route, {"reason": str(error)})
            if finding.identity not in {known.identity for known in self.findings}:
                self.findings.append(finding)
            return None
        return response, glimpse(response, self.context.settings.generation, time.monotonic())

    def _request(self, method: str, route: str) -> Response:
        timeout = share(self.context.door.deadline, self._steps - self._begun + 1, SECONDS_PER_REQUEST)
        return self.context.door.request(method, url_of(self.context.edge, route), timeout=timeout, keep=True)

    def _step(self, doing: str) -> None:
        self.context.progress(self._begun, self._steps, doing)
        self._begun += 1

    def _note(self, kept: _Kept, after: Iterable[tuple[Response, Glimpse]], *, purged: bool) -> None:
        self.figures["routes"][kept.route] = {
            "purged": purged,
            "before": caching_fields(kept.response),
            "after": [caching_fields(response) for response, _ in after],
        }


def _judge_affected(kept: _Kept, after: list[tuple[Response, Glimpse]], accepted: str) -> Iterator[Finding]:
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
    elif after and kept.expired_by(after[0][1].at):
        yield Finding(COULD_BE_EXPIRY, kept.route, {"lifetime": kept.lifetime})


def _judge_lost(lost: list[tuple[_Kept, Response]], controls: int, purged: str) -> Iterator[Finding]:
    evidence = {
        kept.route: {"before": caching_fields(kept.response), "after": caching_fields(after)} for kept, after in lost
    }
    if lost and len(lost) == controls:
        yield Finding(EVERYTHING_PURGED, purged, {"controls": ", ".join(kept.route for kept, _ in lost)}, evidence)
        return
    for kept, _ in lost:
        yield Finding(CONTROL_PURGED, kept.route, {"purged": purged}, evidence[kept.route])


def _kept(route: str, response: Response, seen: Glimpse) -> _Kept:
    caching = judge(status=response.status, response=response.headers, now=time.time())
    lifetime = caching.shared.lifetime
    return _Kept(route, seen, response, None if lifetime is None else lifetime - caching.age, lifetime)


def _may_be_kept(response: Response) -> bool:
    return judge(status=response.status, response=response.headers, now=time.time()).shared.reuses


def _needs_age(kept: _Kept) -> bool:
    return not is_telling(kept.seen) and kept.seen.age is not None
