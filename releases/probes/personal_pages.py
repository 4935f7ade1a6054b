"""What each viewer of a page got to see, and whether that was theirs. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from releases.http import Response
from releases.probes.base import Finding, FindingKind, Json
from releases.probes.caching import Caching
from releases.probes.evidence import caching_fields
from releases.states import Level

NOBODY = "nobody"
MOST_EVIDENCE = 6

ANOTHERS_MARKER = FindingKind(
    "anothers_marker",
    Level.FAIL,
    "{subject} shows what belongs to {owners} to {viewers}",
    "Readers see each other's data now. Roll back, and purge the route: the cache may hold the page beyond that.",
)
SHARED_CACHEABLE = FindingKind(
    "shared_cacheable",
    Level.FAIL,
    "{subject} is personal, yet a shared cache may answer from it: {because}",
    "Answer with `Cache-Control: private` or `no-store`, and purge the route. Until then it can reach anybody.",
)
KEPT_APART_BY_VARY = FindingKind(
    "kept_apart_by_vary",
    Level.NOTE,
    "{subject} is personal, and only `Vary: {vary}` keeps a shared cache from mixing up readers",
    "Many caches drop cookies from their key. Say `Cache-Control: private` as well.",
)
OWN_PAGE_BROKEN = FindingKind(
    "own_page_broken",
    Level.FAIL,
    "{subject} does not work for {viewers}: answered {status}, own marker not shown",
    "Log in by hand and look. If the account's marker has changed, correct the catalogue.",
)
COOKIE_KEPT = FindingKind(
    "cookie_kept",
    Level.FAIL,
    "{subject} sets a cookie for anonymous readers in an answer that a shared cache may keep: {because}",
    "A cache hands the same cookie to everybody, and so perhaps the same session. Make it private or drop the cookie.",
)
KINDS = (ANOTHERS_MARKER, SHARED_CACHEABLE, KEPT_APART_BY_VARY, OWN_PAGE_BROKEN, COOKIE_KEPT)


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer, and whose markers it showed to whom. Keeps no body."""

    viewer: str
    owners: frozenset[str]
    response: Response
    caching: Caching

    @property
    def own(self) -> bool:
        return self.viewer in self.owners

    @property
    def others(self) -> frozenset[str]:
        return self.owners - {self.viewer}

    def evidence(self) -> dict[str, Json]:
        return {"viewer": self.viewer, "shown": sorted(self.owners), **caching_fields(self.response)}


def judge_page(subject: str, seen: Sequence[Seen], personal: bool) -> Iterator[Finding]:
    """Yield what is wrong with what the viewers of one page saw."""
    if leaks := [one for one in seen if one.others]:
        owners = sorted(frozenset[str]().union(*(one.others for one in leaks)))
        values = {"owners": ", ".join(owners), "viewers": _viewers(leaks)}
        yield Finding(ANOTHERS_MARKER, subject, values, {"seen": [one.evidence() for one in leaks[:MOST_EVIDENCE]]})
    logged_in = [one for one in seen if one.viewer != NOBODY]
    if broken := [one for one in logged_in if personal and not one.own and not one.others]:
        values_broken = {"viewers": _viewers(broken), "status": broken[0].response.status}
        yield Finding(OWN_PAGE_BROKEN, subject, values_broken, {"seen": [broken[0].evidence()]})
    # What shows a marker is personal, wherever it is listed; so is whatever a personal route answers to an account.
    yield from _judge_caching(subject, [one for one in logged_in if personal or one.owners])
    if kept := [one for one in seen if one.viewer == NOBODY and one.caching.sets_cookie and one.caching.shared.reuses]:
        because = kept[0].caching.shared.because
        yield Finding(COOKIE_KEPT, subject, {"because": because}, {"seen": [kept[0].evidence()]})


def _judge_caching(subject: str, personal: list[Seen]) -> Iterator[Finding]:
    reusable = [one for one in personal if one.caching.shared.reuses]
    if open_to_all := [one for one in reusable if not one.caching.kept_apart_by_reader]:
        because = open_to_all[0].caching.shared.because
        yield Finding(SHARED_CACHEABLE, subject, {"because": because}, {"seen": [open_to_all[0].evidence()]})
    elif reusable:
        vary = ", ".join(reusable[0].caching.vary)
        yield Finding(KEPT_APART_BY_VARY, subject, {"vary": vary}, {"seen": [reusable[0].evidence()]})


def _viewers(seen: Iterable[Seen]) -> str:
    """Return them as words: `reader-b and anonymous readers`."""
    *most, last = dict.fromkeys("anonymous readers" if one.viewer == NOBODY else one.viewer for one in seen)
    return f"{', '.join(most)} and {last}" if most else last
