"""What a probe is: what it is given, what it may say, and how its answer becomes a verdict.

A probe is a module in this package with one subclass of `Probe`. It measures a place through the door it is handed
(`releases.http`), and returns an `Answer`. It imports nothing of Django and knows no service in particular.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from releases.http import Door
from releases.probes.purge_calls import PurgeCall
from releases.states import About, Effect, Level, Regression, Verdict, worst

Purging = Literal["PURGE", "BAN", "command", ""]
"""How a route is purged from the cache of a place: the HTTP method of requests, or the catalogue's command; empty when
the catalogue names no way."""

Json = Any
"""Plain JSON data: None, bool, int, float, str, list, dict with str keys."""


class Settings(BaseModel):
    """The checklist settings of one probe, as the catalogue may give them. Unknown keys are a mistake.

    The docstring below an attribute is its description, so that the catalogue's schema and the pages can show it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One sentence that a probe can say. Its id is stable: people link to it and accept it by it."""

    id: str
    level: Level
    sentence: str
    """A `str.format` template, filled with the finding's values."""
    hint: str
    """What to do about it, for the person on call."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a probe found, about one subject (a route, an instance)."""

    kind: FindingKind
    subject: str
    values: Mapping[str, Json] = field(default_factory=dict)
    evidence: Mapping[str, Json] = field(default_factory=dict)
    """What was seen, bounded and without secrets; foreign text, shown as such."""

    @property
    def identity(self) -> str:
        """What makes two findings of different runs the same: kind and subject."""
        return f"{self.kind.id} {self.subject}"

    @property
    def sentence(self) -> str:
        return self.kind.sentence.format(subject=self.subject, **self.values)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe returns. The verdict follows from the findings, so a probe cannot contradict itself."""

    findings: Sequence[Finding] = ()
    figures: Mapping[str, Json] = field(default_factory=dict)
    """What was measured, with units in the key (`total_ms`); kept for the next comparison and for the page."""
    regression: Regression = Regression.UNKNOWN
    skipped: str = ""
    """Why the probe does not apply here; empty when it does."""

    @property
    def verdict(self) -> Verdict:
        if self.skipped:
            return Verdict.SKIPPED
        levels = (Verdict(finding.kind.level) for finding in self.findings if finding.kind.level is not Level.NOTE)
        return worst([*levels, Verdict.PASS])

    @property
    def failing(self) -> frozenset[str]:
        """Identities of the findings that fail."""
        return frozenset(finding.identity for finding in self.findings if finding.kind.level is Level.FAIL)


@dataclass(frozen=True, slots=True)
class Before:
    """What the same probe answered in the baseline."""

    verdict: Verdict
    failing: frozenset[str]
    figures: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Instance:
    """One origin server behind the edge."""

    name: str
    url: str
    host: str = ""
    """Host field to send instead of the URL's own, where the service answers to its public name only."""


@dataclass(frozen=True, slots=True)
class Account:
    """A test account, its secrets already resolved on this worker. Never stored, never shown."""

    name: str
    username: str
    password: str = field(repr=False)
    marker: str
    """Text that only this account's own pages show; empty for an account that is there for its role only."""


class CannotRead(Exception):
    """The worker could not read what a probe asked for; the message is a sentence without secrets."""


class Log(Protocol):
    """The service's log, from the moment on at which it was opened."""

    def new_text(self) -> str:
        """Return what was written since it was opened, bounded to its end. Raises CannotRead."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a catalogue command did when a probe asked for it (a purge). Output is masked and bounded."""

    exit_code: int | None
    """None when it did not exit by itself."""
    output: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RollbackFacts:
    """What this worker knows of the rollback command short of running it."""

    argv: tuple[str, ...]
    digest: str
    target_version: str | None
    problems: tuple[tuple[str, str], ...]
    """(finding id, detail) pairs found while rendering: no_target, does_not_render, program_missing, ..."""
    rehearsed_seconds_ago: float | None
    """Age of the last rehearsal, where it counts; None where there is none that does."""
    rehearsal_required: bool
    rehearsal_says: str = ""
    """Why no rehearsal counts."""


@dataclass(frozen=True, slots=True)
class RehearsalFacts:
    """What the newest rehearsal of the release that is judged has shown."""

    tag: str
    outcome: str
    """As in `states.RehearsalOutcome`."""
    detail: str
    seconds_ago: float
    too_old: str
    """Why it is too old to count; empty where it is not."""
    changed: tuple[str, ...]
    """Commands that are not what they were then."""
    deploy_command: str
    """What became of its deploy command, as in `states.CommandState`; empty where none was begun."""
    deploy_exit: int | None


S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Context(Generic[S]):
    """Everything a probe may use. Bounded: the door and the commands end with the probe's deadline."""

    service: str
    environment: str
    edge: str
    """Base URL that readers use, through the cache."""
    instances: tuple[Instance, ...]
    production: bool
    expected_version: str | None
    affected_routes: tuple[str, ...]
    settings: S
    accounts: tuple[Account, ...]
    purging: Purging
    purge_calls: Callable[[str], Iterable[PurgeCall]]
    """The requests that purge a route, where requests do."""
    door: Door
    run_command: Callable[[str, Mapping[str, str]], CommandResult]
    """Run a catalogue command of this environment by name, with values for its placeholders."""
    rollback_facts: Callable[[], RollbackFacts]
    rehearsal_facts: Callable[[], RehearsalFacts | None]
    """The newest rehearsal of the release that is judged; None where there is none."""
    rehearsing: str
    """Why rehearsals are not asked about in this run; empty where they are."""
    before: Before | None
    progress: Callable[[int, int, str], None]
    """Say how far the measuring is: done, of how many, doing what."""
    open_log: Callable[[], Log | None]
    """Open the service's log at its present end; None where the catalogue names none. Raises CannotRead."""
    read_configuration: Callable[[], str | None]
    """The configuration of this place as its command or file gives it; None where the catalogue names none. May hold
    secrets: nothing of it is stored but what the probe keeps. Raises CannotRead."""
    configuration_of: Callable[[str], Mapping[str, Json] | None]
    """The `configuration` figures that this probe last kept of another environment of the service; None without any."""
    keyed_digest: Callable[[str], str]
    """Digest of a secret with Rollbook's key: equal values show as equal, and tell nothing else."""


class Probe(ABC, Generic[S]):
    """One question about a place, answered by measuring it."""

    key: ClassVar[str]
    title: ClassVar[str]
    group: ClassVar[str]
    """`is it there`, `implementation`, `security` or `rehearsal`."""
    proves: ClassVar[str]
    """One sentence: what a pass means."""
    cannot_see: ClassVar[str]
    """One sentence: what it cannot see."""
    effect: ClassVar[Effect]
    about: ClassVar[About] = About.SERVICE
    """Whether it speaks of the service or only of the way back; in doubt of the service, where it weighs in full."""
    deadline: ClassVar[float]
    """Wall-clock seconds after which it must have answered."""
    kinds: ClassVar[tuple[FindingKind, ...]]
    settings_model: ClassVar[type[Settings]]

    def needs_accounts(self, settings: S) -> bool:
        """Whether it is given the test accounts; a secret of theirs that is missing stops only such a probe."""
        return False

    @abstractmethod
    def measure(self, context: Context[S]) -> Answer:
        """Measure and answer. Errors of the wire become findings of level error, never exceptions or a pass."""


def regression_by_findings(findings: Sequence[Finding], before: Before | None) -> Regression:
    """Compare by what fails: anything that fails now and did not in the baseline is a regression.

    What passes now is none, whatever the baseline said; what could not be measured, now or then, is unknown.
    """
    now = Answer(findings)
    if before is None or now.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE):
        return Regression.UNKNOWN
    if not now.failing <= before.failing and before.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.SKIPPED):
        return Regression.UNKNOWN
    return Regression.NO if now.failing <= before.failing else Regression.YES
