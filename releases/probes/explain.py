"""One answer's caching and security headers in plain sentences. Pure."""

from collections.abc import Iterator

from releases.figures import number
from releases.http import Response
from releases.probes import cache_status
from releases.probes.caching import Caching, Use, judge
from releases.probes.field_notes import notes
from releases.probes.observatory import RANKED, judge as judge_security

Section = tuple[str, list[str]]
"""A heading and its sentences."""


def explain(response: Response, now: float, targeted: tuple[str, ...] = ()) -> list[Section]:
    """Return what an anonymous GET was answered, who may keep the answer and for how long, and how it is protected.

    Args:
        now: Seconds since the epoch when the answer arrived.
        targeted: Targeted fields (RFC 9213) that the shared cache obeys, the strongest first.
    """
    caching = judge(status=response.status, response=response.headers, now=now, targeted=targeted)
    by_letter = notes(response.status, response.headers, now)  # a clock that is wrong among them
    return [
        ("Answer", list(_answer(response))),
        ("Shared caches (a CDN, Varnish, a proxy)", list(_use(caching.shared, caching))),
        ("A reader's own browser", list(_use(caching.private, caching))),
        ("Where this answer came from", list(_origin(response))),
        ("Problems in the fields", list(dict.fromkeys([*caching.problems, *by_letter])) or ["none found"]),
        ("Security headers, as the Mozilla HTTP Observatory names them", list(_security(response))),
    ]


def _answer(response: Response) -> Iterator[str]:
    yield f"Status {response.status} from {response.peer}, {len(response.body):,} bytes after decompression."
    timings = response.timings
    yield (
        f"Connection {number(timings.connect_ms)} ms, first byte {number(timings.first_byte_ms)} ms, "
        f"whole answer {number(timings.total_ms)} ms. One request: no measurement of speed."
    )


def _use(use: Use, caching: Caching) -> Iterator[str]:
    if not use.stores:
        yield f"May not keep it: {use.because}."
        return
    may = "keep it and answer from it" if use.reuses else "keep it, but must ask before each use"
    yield f"May {may}: {use.because}."
    if use.reuses and use.lifetime is not None:
        left = max(0, use.lifetime - caching.age)
        spent = f"{left} s of them are left after an age of {caching.age} s"
        yield f"Fresh for {use.lifetime} s by {use.lifetime_from}; {spent}."
    if caching.vary:
        yield f"Kept apart by the request's {', '.join(caching.vary)}."
    if caching.sets_cookie and use.reuses:
        yield "It sets a cookie, which does not keep a cache from storing it (RFC 9111 7.3)."


def _origin(response: Response) -> Iterator[str]:
    said = cache_status.read(response.headers)
    if said.hit is None:
        yield "Nothing says reliably whether it came from a cache."
    else:
        yield f"{'From a cache' if said.hit else 'Fetched from the service'}, by {said.field}."
    if said.age is not None:
        yield f"It had spent {said.age} s in caches (Age)."


def _security(response: Response) -> Iterator[str]:
    results = judge_security(response.headers, https=response.url.startswith("https:"))
    for test in RANKED:
        place = RANKED[test].index(results[test]) + 1
        yield f"{results[test]} ({place} of {len(RANKED[test])}, 1 is best)"
