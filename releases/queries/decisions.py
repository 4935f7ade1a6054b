"""Decisions as an auditor asks for them: one row each, with who, why, what was on the screen, and what became of it.

The book's lines are the decisions; the rows beside them (rollback, freeze, release) say how it went on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet

from releases.book import Tag
from releases.models import Deployment, Event, Freeze, Release, Rollback
from releases.queries.book_search import ALWAYS, Period, Within, of_place, within
from releases.queries.paging import Page, Position, every, page_of, read_models
from releases.states import Expected

COUNT_LIMIT = 10_000
"""Decisions that are counted for the summary; beyond it stands "more than"."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of decision that one can ask for."""

    title: str
    one: str
    many: str
    actions: Sequence[Tag]


_KINDS = {
    "rollback": Kind("Rollbacks", "rollback", "rollbacks", [Tag.ROLLBACK_PRESSED]),
    "freeze": Kind("Lifted freezes", "lifted freeze", "lifted freezes", [Tag.FREEZE_LIFTED]),
    "override": Kind(
        "Overrides", "override", "overrides", [Tag.ROLLBACK_LOCK_OVERRIDDEN, Tag.DEPLOYMENT_DESPITE_FREEZE]
    ),
    "acceptance": Kind(
        "Acceptances", "acceptance", "acceptances", [Tag.FINDING_ACCEPTED, Tag.ACCEPTANCE_WITHDRAWN]
    ),
    "loss": Kind("Accepted data losses", "accepted data loss", "accepted data losses", [Tag.DATA_LOSS_ACCEPTED]),
    "result": Kind("Confirmed results", "confirmed result", "confirmed results", [Tag.RESULT_CONFIRMED]),
    "bad": Kind(
        "Bad releases", "decision on a bad release", "decisions on bad releases",
        [Tag.RELEASE_UNMARKED_BAD, Tag.RELEASE_DEPLOYED_AGAIN],
    ),
}  # fmt: skip
KINDS: Mapping[str, Kind] = {
    "": Kind("All decisions", "decision", "decisions", [tag for kind in _KINDS.values() for tag in kind.actions]),
    **_KINDS,
}
"""By the word that stands for it in the address."""
WHAT = {
    Tag.ROLLBACK_PRESSED: "Rollback",
    Tag.FREEZE_LIFTED: "Freeze lifted",
    Tag.ROLLBACK_LOCK_OVERRIDDEN: "Run despite a held lock",
    Tag.DEPLOYMENT_DESPITE_FREEZE: "Deployed despite a freeze",
    Tag.FINDING_ACCEPTED: "Finding accepted",
    Tag.ACCEPTANCE_WITHDRAWN: "Acceptance withdrawn",
    Tag.DATA_LOSS_ACCEPTED: "Data loss accepted",
    Tag.RESULT_CONFIRMED: "Expected result confirmed",
    Tag.RELEASE_UNMARKED_BAD: "Bad mark taken off",
    Tag.RELEASE_DEPLOYED_AGAIN: "Bad release deployed again",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to the book."""

    kind: str = ""
    service: str = ""
    environment: str = ""
    period: Period = ALWAYS


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision and what became of it."""

    event: Event
    rollback: Rollback | None
    freeze: Freeze | None
    """The freeze that the rollback set."""
    release: Release | None
    """What it was about; of a rollback the release that was undone."""

    @property
    def what(self) -> str:
        return WHAT[Tag(self.event.action)]

    @property
    def pressed(self) -> bool:
        return self.event.action == Tag.ROLLBACK_PRESSED

    @property
    def details(self) -> Mapping[str, Any]:
        return self.event.payload.get("details") or {}

    @property
    def reason(self) -> str:
        return str(self.event.payload.get("reason", ""))

    @property
    def versions(self) -> tuple[str, str]:
        """From which version to which, as it was known then; the first is empty where nothing was taken away."""
        if self.pressed:
            return str(self.details.get("live_version", "")), str(self.details.get("target_version", ""))
        if self.rollback is not None:
            return self.rollback.undone.release.version, self.rollback.target.release.version
        return "", str(self.details.get("version", "")) or (self.release.version if self.release else "")

    @property
    def verdict(self) -> str:
        """The verdict of what was live, or of what was confirmed, as it stood on the screen."""
        return str(self.details.get("verdict", ""))

    @property
    def losses(self) -> Sequence[str]:
        """What was accepted as lost, as the screen named it."""
        return [str(loss) for loss in self.details.get("losses") or self.details.get("accepted_losses") or []]

    @property
    def migrations(self) -> Sequence[Mapping[str, Any]]:
        """What the screen said of the migrations in between, where data loss was accepted."""
        return (self.details.get("migrations") or {}).get("migrations") or []

    @property
    def came_true(self) -> str:
        """What a confirmed result turned out to be, as a word of state; empty for any other decision."""
        if self.event.action != Tag.RESULT_CONFIRMED:
            return ""
        return Expected.AS_EXPECTED if self.details.get("came_true") else Expected.NOT_AS_EXPECTED

    @property
    def red(self) -> Sequence[tuple[str, str]]:
        """What was not ready on the screen at the press: key and sentence."""
        shown = self.details.get("readiness") if self.pressed else None
        return [(str(item.get("key", "")), str(item.get("says", ""))) for item in shown or () if not item.get("ready")]


@dataclass(frozen=True, slots=True)
class Summary:
    """How many there are in all, and of how many people."""

    decisions: int
    people: int

    @property
    def more(self) -> bool:
        return self.decisions > COUNT_LIMIT


def decisions(asked: Asked, inside: Within, at: Position) -> Page[Decision]:
    """Return one page of the decisions that answer the question."""
    return page_of(_branches(asked, inside), read_models(Event.objects.all()), at, _with_rows)


def every_decision(asked: Asked, inside: Within) -> Iterator[Decision]:
    """Yield all decisions that answer the question, newest first, a batch at a time."""
    return every(_branches(asked, inside), read_models(Event.objects.all()), _with_rows)


def summary(asked: Asked, inside: Within) -> Summary:
    """Count the decisions that answer the question, and the people who made them."""
    found = _asked_for(asked, inside).filter(action__in=KINDS[asked.kind].actions).order_by()
    counted = found.values("seq", "actor")[: COUNT_LIMIT + 1].aggregate(
        decisions=Count("seq"), people=Count("actor", distinct=True)
    )
    return Summary(**counted)


def asked_period(asked: Asked) -> Within:
    return within(asked.period)


def _branches(asked: Asked, inside: Within) -> list[QuerySet[Event]]:
    """Return the decisions of each action; each is read along an index."""
    return [_asked_for(asked, inside).filter(action=action) for action in KINDS[asked.kind].actions]


def _asked_for(asked: Asked, inside: Within) -> QuerySet[Event]:
    return of_place(inside.events_of(asked.period), asked.service, asked.environment)


def _with_rows(events: Sequence[Event]) -> list[Decision]:
    rollbacks = _rollbacks(_numbers(events, "RB"))
    freezes = {
        freeze.rollback_id: freeze for freeze in Freeze.objects.filter(rollback__in=list(rollbacks)).order_by("pk")
    }
    deployments = {
        deployment.pk: deployment.release
        for deployment in Deployment.objects.filter(pk__in=_numbers(events, "D")).select_related("release")
    }
    releases = Release.objects.in_bulk(_numbers(events, "R"))

    def row(event: Event) -> Decision:
        prefix, number = _parts(event.object_tag)
        rollback = rollbacks.get(number) if prefix == "RB" else None
        release = {"R": releases, "D": deployments}.get(prefix, {}).get(number)
        if rollback is not None:
            release = rollback.undone.release
        return Decision(event, rollback, freezes.get(rollback.pk) if rollback else None, release)

    return [row(event) for event in events]


def _rollbacks(numbers: Sequence[int]) -> dict[int, Rollback]:
    found = Rollback.objects.filter(pk__in=numbers)
    return {row.pk: row for row in found.select_related("undone__release", "target__release", "environment__service")}


def _numbers(events: Iterable[Event], prefix: str) -> list[int]:
    parts = (_parts(event.object_tag) for event in events)
    return sorted({number for found, number in parts if found == prefix})


def _parts(tag: str) -> tuple[str, int]:
    """Return prefix and number of a tag; ("", 0) where it is none."""
    prefix, _, number = tag.partition("-")
    return (prefix, int(number)) if number.isdigit() else ("", 0)
