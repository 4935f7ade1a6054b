"""The board: what it shows of an environment, and which environments need somebody. Pure; `places` reads the rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from releases.queries.readiness import LOOK_FRESH, ReadinessItem
from releases.queries.standing import Progress, Standing
from releases.queries.timings import Timing
from releases.states import Outcome, Verdict

OLD_FREEZE = timedelta(hours=24)
"""A freeze that is older needs somebody."""
NOT_BACK = (Outcome.NOT_RESTORED, Outcome.UNKNOWN, Outcome.INCONCLUSIVE, Outcome.STOPPED)
"""Outcomes after which somebody has to look."""

GRAVEST_FIRST = (
    "not restored",
    "queued",
    "fail",
    "mixed",
    "unknown",
    "failed",
    "stopped",
    "refused",
    "error",
    "inconclusive",
    "not ready",
    "not known",
    "frozen",
)
"""Words of needs; the first one gives an alarm its mark."""
LONG_WAIT = timedelta(seconds=10)
"""A rollback that nobody has taken for so long needs somebody."""


@dataclass(frozen=True, slots=True)
class Live:
    """What is recorded as live."""

    pk: int
    release: int
    version: str
    owner: str
    since: datetime
    reported_by: str
    standing: Standing
    regression: str
    bad: bool
    despite_freeze: bool
    during_rollback: str
    """Tag of the rollback that was on when it was reported as finished."""
    rollback: int | None
    """Number of the rollback that this deployment is."""
    findings: int
    """How many findings decide its verdict."""
    finding: str
    """The first of them that is new, with its probe."""
    p95: Timing | None
    accepted: bool = False
    """Everything that keeps it from a pass stands accepted: it stays red, and is no alarm."""


@dataclass(frozen=True, slots=True)
class Instance:
    """Which version one instance was last seen to serve; None where it could not be measured."""

    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Frozen:
    pk: int
    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class OpenRollback:
    pk: int
    by: str
    target: str
    standing: Standing
    waits_for: str = ""
    """What a queued one waits for, as far as it is known."""
    waits_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong after the live deployment: a failed deployment, or a rollback that did not bring it back."""

    word: str
    tag: str
    """D-7 or RB-3."""
    at: datetime
    says: str
    deployment: int | None = None
    release: int | None = None
    rollback: int | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A deployment that was started and has not ended."""

    pk: int
    release: int
    version: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Back:
    """The way back, in short."""

    target: str
    """Version; empty where there is nothing to go back to."""
    red: tuple[str, ...]
    """Keys of the readiness items that are not ready."""
    not_known: tuple[str, ...]
    """Keys of those about which nobody could say anything lately."""
    seconds: float | None
    """Median from press to outcome of the last rollbacks here."""
    ground: int
    """How many those were."""
    items: tuple[ReadinessItem, ...] = field(default=(), repr=False)
    """Each in words. They move without the answer moving, so a board does not change with them."""
    looked_at: datetime | None = field(default=None, repr=False)
    """When a worker last looked at this way back."""

    @property
    def answer(self) -> str:
        """`ready`, `not ready` or `not known`."""
        return "not ready" if self.red else "not known" if self.not_known else "ready"

    @property
    def ready(self) -> bool:
        return self.answer == "ready"


@dataclass(frozen=True, slots=True)
class Place:
    """An environment as the board shows it."""

    pk: int
    service: str
    key: str
    production: bool
    base_url: str
    listed: bool
    live: Live | None
    progress: Progress | None
    started: Started | None
    frozen: Frozen | None
    rollback: OpenRollback | None
    troubles: tuple[Trouble, ...]
    back: Back | None
    instances: tuple[Instance, ...]
    observed_at: datetime | None
    mixed: bool
    """What is observed disagrees with what is recorded."""

    @property
    def name(self) -> str:
        return f"{self.service}/{self.key}"

    @property
    def active(self) -> bool:
        """Whether something here will change by itself soon."""
        return any((self.progress, self.rollback, self.started, self.live and self.live.standing.active))


@dataclass(frozen=True, slots=True)
class Need:
    """One reason why an environment needs somebody."""

    word: str
    says: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """An environment that needs somebody, with all its reasons; the first one is the gravest."""

    place: Place
    needs: tuple[Need, ...]

    @property
    def at(self) -> datetime:
        return self.needs[0].at


def alarms(shown: Iterable[Place], now: datetime) -> list[Alarm]:
    """Return the environments that need somebody, newest first."""
    found = [Alarm(place, tuple(needs)) for place in shown if (needs := _needs(place, now))]
    return sorted(found, key=lambda alarm: alarm.at, reverse=True)


def _needs(place: Place, now: datetime) -> list[Need]:
    """Say why an environment needs somebody, gravest first."""
    live = place.live
    needs = [Need(trouble.word, trouble.says, trouble.at) for trouble in place.troubles]
    told = [need.word for need in needs]
    waits = place.rollback
    if waits is not None and waits.waits_since is not None and now - waits.waits_since > LONG_WAIT:
        says = waits.waits_for or "no worker has taken it"
        needs.append(Need("queued", f"RB-{waits.pk} back to {waits.target}: {says}", waits.waits_since))
    if live is not None:
        word = live.standing.word
        grave = word == Verdict.FAIL or (place.production and word in (Verdict.ERROR, Verdict.INCONCLUSIVE))
        if grave and word not in told and not live.accepted:
            needs.append(Need(word, _with_more(live), live.since))
        if place.mixed and place.started is None and place.rollback is None:
            needs.append(Need("mixed", _mixed(place, live.version), place.observed_at or live.since))
        if place.production and place.back is not None and place.rollback is None:
            if place.back.red:
                needs.append(Need("not ready", "way back not ready", live.since))
            elif place.back.not_known and now - live.since > LOOK_FRESH:  # before, the first look may be on its way
                needs.append(Need("not known", "whether the way back is ready", live.since))
    if place.frozen is not None and now - place.frozen.at > OLD_FREEZE:
        needs.append(Need("frozen", f"by {place.frozen.by}: {place.frozen.reason}", place.frozen.at))
    return sorted(needs, key=lambda need: GRAVEST_FIRST.index(need.word))


def _with_more(live: Live) -> str:
    return f"{live.finding} (+{live.findings - 1} more)" if live.findings > 1 else live.finding


def _mixed(place: Place, version: str) -> str:
    others = [
        f"{instance.name} serves {instance.version}"
        for instance in place.instances
        if instance.version not in (None, version)
    ]
    return f"{', '.join(others)}; recorded is {version}"
