"""What the catalogue expects of a route's caching, and how what was found compares with it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from releases.probes.base import Finding, FindingKind, Json, Settings
from releases.probes.caching import Caching, Use
from releases.probes.places import Place
from releases.probes.routes import Route
from releases.states import Level

NOT_SHARED = FindingKind(
    "not_shared",
    Level.FAIL,
    "{subject}: a shared cache must not answer from it, though the catalogue expects so: {because}",
    "Every reader now reaches the service. Restore the Cache-Control of this route, or correct the catalogue.",
)
MAY_BE_STORED = FindingKind(
    "may_be_stored",
    Level.FAIL,
    "{subject}: a shared cache may store it, though the catalogue expects it to be private: {because}",
    "One reader's answer can reach another. Answer with `Cache-Control: private` or `no-store`, and purge the route.",
)
MAY_BE_REUSED = FindingKind(
    "may_be_reused",
    Level.FAIL,
    "{subject}: a cache may answer from it without asking, though the catalogue expects none to: {because}",
    "Readers can see an old state. Answer with `Cache-Control: no-store` or `no-cache`.",
)
LIFETIME_OUTSIDE = FindingKind(
    "lifetime_outside",
    Level.FAIL,
    "{subject}: fresh for {lifetime} s by {source}; expected {shortest} to {longest} s",
    "Shorter means more load, longer means old content. Correct the header or the catalogue.",
)
LIFETIME_NOT_STATED = FindingKind(
    "lifetime_not_stated",
    Level.FAIL,
    "{subject}: nothing says how long it is fresh; expected {shortest} to {longest} s",
    "Each cache decides by itself. State it with max-age or s-maxage.",
)


def _ordered(lifetime: tuple[int, int]) -> tuple[int, int]:
    if lifetime[0] > lifetime[1]:
        raise ValueError("the lower limit comes first: [min, max] seconds")
    return lifetime


Seconds = Annotated[int, Field(strict=True, ge=0, le=10 * 365 * 86400)]
Lifetime = Annotated[tuple[Seconds, Seconds], AfterValidator(_ordered)]
Sharing = Literal["shared", "private", "none"]


@dataclass(frozen=True, slots=True)
class Expectation:
    """How one route is meant to be cached for one audience."""

    path: str
    logged_in: bool
    sharing: Sharing
    lifetime: tuple[int, int] | None

    def subject(self, place: Place) -> str:
        """Return what a finding about it at a place is about."""
        return f"{self.path} {'logged in ' if self.logged_in else ''}at the {place.name}"


class CachedRoute(Settings):
    """One route and how it is meant to be cached, for anonymous readers, for logged-in ones, or for both."""

    path: Route
    """The route."""
    expect: Sharing | None = None
    """`shared`: a shared cache may store it and answer from it without asking. `private`: no shared cache may store it.
    `none`: no cache at all may answer from it without asking the service again."""
    lifetime: Lifetime | None = None
    """[min, max] seconds that the answer must stay fresh in a shared cache (for `private`: in a browser)."""
    expect_logged_in: Sharing | None = None
    """The same for the answer to the first account, logged in."""
    lifetime_logged_in: Lifetime | None = None
    """The same for the answer to the first account, logged in."""

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if self.expect is None and self.expect_logged_in is None:
            raise ValueError("expect or expect_logged_in is missing: shared, private or none")
        for lifetime, expect, name in (
            (self.lifetime, self.expect, "expect"),
            (self.lifetime_logged_in, self.expect_logged_in, "expect_logged_in"),
        ):
            if lifetime is not None and expect is None:
                raise ValueError(f"a lifetime without {name}: say whether it may be cached as well")
        return self

    def expectations(self) -> Iterator[Expectation]:
        """Yield what is expected, one by one."""
        if self.expect is not None:
            yield Expectation(self.path, False, self.expect, self.lifetime)
        if self.expect_logged_in is not None:
            yield Expectation(self.path, True, self.expect_logged_in, self.lifetime_logged_in)


def compare(expected: Expectation, caching: Caching, subject: str, evidence: dict[str, Json]) -> Iterator[Finding]:
    """Yield how a route's caching differs from what is expected of it."""
    shared, private = caching.shared, caching.private
    if expected.sharing == "shared" and not shared.reuses:
        yield Finding(NOT_SHARED, subject, {"because": shared.because}, evidence)
    elif expected.sharing == "private" and shared.stores:
        yield Finding(MAY_BE_STORED, subject, {"because": shared.because}, evidence)
    elif expected.sharing == "none" and (shared.reuses or private.reuses):
        because = (shared if shared.reuses else private).because
        yield Finding(MAY_BE_REUSED, subject, {"because": because}, evidence)
    elif expected.lifetime is not None:
        use = shared if expected.sharing == "shared" else private
        yield from _compare_lifetime(expected.lifetime, use, subject, evidence)


def _compare_lifetime(
    expected: tuple[int, int], use: Use, subject: str, evidence: dict[str, Json]
) -> Iterator[Finding]:
    shortest, longest = expected
    limits = {"shortest": shortest, "longest": longest}
    # What may not be reused is fresh for no time at all, which a range that begins with 0 allows.
    lifetime = use.lifetime if use.reuses else 0
    if lifetime is None:
        yield Finding(LIFETIME_NOT_STATED, subject, limits, evidence)
    elif not shortest <= lifetime <= longest:
        values = {"lifetime": lifetime, "source": use.lifetime_from or use.because, **limits}
        yield Finding(LIFETIME_OUTSIDE, subject, values, evidence)
