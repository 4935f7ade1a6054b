"""A route that a cache answers for, and how its objects are recognised later on."""

import time
from dataclasses import dataclass

from releases.http import Response
from releases.probes.cache_status import TELLS_EXPIRY
from releases.probes.caching import judge
from releases.probes.stored import Glimpse, is_same, is_telling, same_mark


@dataclass(frozen=True, slots=True)
class KeptRoute:
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

    @property
    def may_expire_unseen(self) -> bool:
        """Whether nothing tells how old its object is, and nothing would tell that it had expired."""
        return self.seen.age is None and self.seen.field not in TELLS_EXPIRY

    def is_same(self, after: Glimpse) -> bool | None:
        """Return whether an answer is one of the objects that were there before, or None when nothing tells."""
        return any(same_mark(other, after) for other in self.elsewhere) or is_same(self.seen, after)

    def may_have_expired(self, after: Glimpse) -> bool:
        """Return whether it may have expired by itself until then; a second of slack, as caches count whole ones.

        A cache that tells no age (nginx) may have held it for long already: there its own word for it decides.
        """
        if self.left is not None and after.at - self.seen.at >= self.left - 1:
            return True
        return after.expired and self.seen.age is None


def keep(route: str, response: Response, seen: Glimpse) -> KeptRoute:
    """Take down a route as the cache answers for it now."""
    caching = judge(status=response.status, response=response.headers, now=time.time())
    lifetime = caching.shared.lifetime
    return KeptRoute(route, seen, response, None if lifetime is None else lifetime - caching.age, lifetime)


def may_be_kept(response: Response) -> bool:
    """Return whether a shared cache may answer from this without asking the service."""
    return judge(status=response.status, response=response.headers, now=time.time()).shared.reuses


def needs_age(kept: KeptRoute) -> bool:
    """Return whether only its age will tell its object from a new one, and it is not old enough yet."""
    return not is_telling(kept.seen) and kept.seen.age is not None
