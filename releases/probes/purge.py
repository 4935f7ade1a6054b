"""Whether a purge refreshes the route it names, and nothing else.

1. Ask for every affected and control route until the cache answers for it.
2. Purge each affected route, one at a time, by the catalogue's method, and ask again: it must be a new object. Where
   nothing tells how old the one before was, it may have expired just then: what came instead is new, and purged again.
3. Ask for the control routes again: they must be the same as before.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Self

from pydantic import Field, model_validator

from releases.http import DoorError, Response
from releases.probes.base import Answer, Context, Finding, Json, Probe, Settings, regression_by_findings
from releases.probes.caching import judge
from releases.probes.evidence import caching_fields
from releases.probes.fields import OptionalFieldName
from releases.probes.kept import KeptRoute, keep, may_be_kept, needs_age
from releases.probes.places import share
from releases.probes.purge_calls import PurgeCall
from releases.probes.purge_findings import (
    BROKEN_AFTERWARDS,
    CANNOT_TELL,
    CONTROL_PURGED,
    COULD_BE_EXPIRY,
    COULD_NOT_ASK,
    EVERYTHING_PURGED,
    NODE_STILL_STALE,
    NOT_ALLOWED_HERE,
    NOT_CACHED,
    NOT_RUN,
    PURGE_FAILED,
    WITHOUT_EFFECT,
    judge_affected,
    judge_lost,
)
from releases.probes.routes import ExactRoute, Route, url_of
from releases.probes.stored import Glimpse, from_cache, glimpse
from releases.states import Effect

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

    def warm(self, routes: list[str]) -> dict[str, KeptRoute]:
        """Return the routes that the cache answers for, each old enough to be told from a new object."""
        warm = {}
        for route in routes:
            self._step(f"warming {route}")
            if (kept := self._until_kept(route)) is not None:
                warm[route] = kept
        self._let_age(warm)
        return {route: self._with_other_nodes(kept) for route, kept in warm.items()}

    def purge(self, kept: KeptRoute) -> bool:
        """Purge one route and judge what it answers then. Return whether the purge was accepted."""
        self._step(f"purging {kept.route}")
        purged = False
        for _ in range(2 if kept.may_expire_unseen else 1):
            by_command = self.context.purging == "command"
            accepted = self._purge_by_command(kept) if by_command else self._purge_by_method(kept)
            if accepted is None:
                break
            purged = True
            after = [seen for seen in (self._look(kept.route) for _ in range(ANSWERS_AFTER)) if seen is not None]
            self._note(kept, after, purged=True)
            found = list(judge_affected(kept, after, accepted))
            self.findings += found
            if found or not after:
                break
            kept = replace(keep(kept.route, *after[0]), elsewhere=tuple(seen for _, seen in after[1:]))
        return purged

    def look_at_controls(self, control: list[KeptRoute], purged: list[KeptRoute]) -> None:
        """Judge whether the control routes are still the objects they were."""
        lost: list[tuple[KeptRoute, Response]] = []
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
            elif not same and kept.may_have_expired(seen[1]):
                self.findings.append(Finding(COULD_BE_EXPIRY, kept.route, {"lifetime": kept.lifetime}))
            elif not same:
                lost.append((kept, seen[0]))
        self.findings += judge_lost(lost, len(control), ", ".join(kept.route for kept in purged))

    def _until_kept(self, route: str) -> KeptRoute | None:
        """Ask for a route until the cache answers for it; None with a finding when it does not."""
        earlier: list[Glimpse] = []
        said: bool | None = None
        for _ in range(MOST_WARMING):
            if (seen := self._look(route)) is None:
                return None
            response, now = seen
            said = from_cache(earlier, now)
            if said and (earlier or not now.generation):
                return keep(route, response, now)
            earlier.append(now)
            if said is None and now.age is not None and may_be_kept(response):
                return keep(route, response, now)  # its age will tell
        if said is None and may_be_kept(response):
            self.findings.append(Finding(CANNOT_TELL, route, {}, caching_fields(response)))
        else:
            self._not_cached(route, response)
        return None

    def _let_age(self, warm: dict[str, KeptRoute]) -> None:
        """Wait until objects that only their age will tell from new ones are old enough for that.

        Drops those that never grow older: they are not answered from the cache.
        """
        until = time.monotonic() + min(LONGEST_WAIT_FOR_AGE, self.context.door.deadline.remaining() / 2)
        while (young := [kept for kept in warm.values() if needs_age(kept)]) and time.monotonic() < until:
            time.sleep(BETWEEN_LOOKS)
            for kept in young:
                if (again := self._look(kept.route)) is None:
                    del warm[kept.route]
                else:
                    warm[kept.route] = keep(kept.route, *again)
        for kept in [kept for kept in warm.values() if needs_age(kept) and not kept.seen.hit]:
            self._not_cached(kept.route, kept.response)
            del warm[kept.route]

    def _with_other_nodes(self, kept: KeptRoute) -> KeptRoute:
        """Look a few times more and keep what names an object: behind a round robin another node may answer."""
        if not (kept.seen.generation or kept.seen.stored_as):
            return kept
        looks = [self._look(kept.route) for _ in range(LOOKS_FOR_NODES)]
        return replace(kept, elsewhere=tuple(seen[1] for seen in looks if seen is not None))

    def _once_more(
        self, kept: KeptRoute, seen: tuple[Response, Glimpse]
    ) -> tuple[tuple[Response, Glimpse], bool | None]:
        """Give another node the chance to answer: one that was not seen before the purge shows a new object too."""
        for _ in range(LOOKS_FOR_NODES):
            if (again := self._look(kept.route)) is not None and kept.is_same(again[1]):
                return again, True
        return seen, False

    def _not_cached(self, route: str, response: Response) -> None:
        values = {"because": judge(status=response.status, response=response.headers, now=time.time()).shared.because}
        self.findings.append(Finding(NOT_CACHED, route, values, caching_fields(response)))

    def _purge_by_method(self, kept: KeptRoute) -> str | None:
        """Ask the edge, or each node. Return what they said, or None with a finding when one did not accept it."""
        said = []
        for call in self.context.purge_calls(kept.route):
            try:
                response = self.context.door.request(
                    call.method, call.url, headers=call.headers, timeout=self._timeout(), truncate=True
                )
            except DoorError as error:
                self.findings.append(Finding(COULD_NOT_ASK, kept.route, {"reason": str(error)}))
                return None
            if not 200 <= response.status < 300:
                self.findings.append(_not_accepted(kept.route, call, response))
                return None
            said.append(f"{call.method} answered {response.status}")
        return ", ".join(dict.fromkeys(said))

    def _purge_by_command(self, kept: KeptRoute) -> str | None:
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
        return self.context.door.request(method, url_of(self.context.edge, route), timeout=self._timeout(), keep=True)

    def _timeout(self) -> float:
        return share(self.context.door.deadline, self._steps - self._begun + 1, SECONDS_PER_REQUEST)

    def _step(self, doing: str) -> None:
        self.context.progress(self._begun, self._steps, doing)
        self._begun += 1

    def _note(self, kept: KeptRoute, after: Iterable[tuple[Response, Glimpse]], *, purged: bool) -> None:
        self.figures["routes"][kept.route] = {
            "purged": purged,
            "before": caching_fields(kept.response),
            "after": [caching_fields(response) for response, _ in after],
        }


def _not_accepted(route: str, call: PurgeCall, response: Response) -> Finding:
    evidence = {"asked": call.url, "beginning": response.text[:200], **caching_fields(response)}
    if response.status in NOT_ALLOWED:
        return Finding(NOT_ALLOWED_HERE, route, {"method": call.method, "status": response.status}, evidence)
    return Finding(PURGE_FAILED, route, {"reason": f"{call.method} was answered with {response.status}"}, evidence)
