"""The judge of every drill: reads the log of clicks and effects and the database, nothing else.

Rule G, after any fault: no command ran twice or side by side; every click has exactly one event and a final or unknown
state; its page said so within a minute; no secret stands where people read; pages answered fast all the while.
"""

import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.drills.log import Click, Happened

TELL_SECONDS = 60.0
"""How long after click and fault the page may take to say what happened."""
WEB_SECONDS = 1.0
"""What the 95th percentile of the pages' answers stays below while the fault lasts."""
FEW = 20
"""Looks below which no percentile is told."""
SAID = frozenset(
    {
        "Restored",
        "Restored with differences",
        "Not restored",
        "Inconclusive",
        "Stopped",
        "Unknown",
        "Worker lost",
        "Cancelled",
        "Refused",
    }
)
"""Words of a page that say what happened, or that nobody knows."""
ENDED = ("done", "cancelled", "refused")


@dataclass(frozen=True, slots=True)
class Row:
    """A rollback as the database has it in the end."""

    pk: int
    status: str
    outcome: str

    @property
    def word(self) -> str:
        """What its page should say."""
        return (self.outcome or self.status).capitalize()


@dataclass(slots=True)
class Facts:
    """What the database says."""

    rollbacks: list[Row] = field(default_factory=list)
    executions: set[str] = field(default_factory=set)
    """Tags of the commands that the database knows to have been begun."""
    pressed: list[str] = field(default_factory=list)
    """Tag of the rollback for each event that says it was pressed."""
    keys: dict[str, str] = field(default_factory=dict)
    """Tag of what each idempotency key made."""
    flaws: list[str] = field(default_factory=list)
    """Where the book's chain does not hold."""
    texts: dict[str, str] = field(default_factory=dict)
    """Everything that people can read, by where it stands."""


def broken_rules(happened: Happened, facts: Facts, secret: str) -> list[str]:
    """Return a sentence for everything that rule G does not allow."""
    return [
        *_ran_twice(happened, facts),
        *_clicks(happened, facts),
        *_states(facts),
        *_told(happened, facts),
        *_leaks(facts, secret),
        *_slow(happened),
        *(f"the book: {flaw}" for flaw in facts.flaws),
    ]


def _ran_twice(happened: Happened, facts: Facts) -> Iterator[str]:
    starts = [effect for effect in happened.effects if effect.what == "start"]
    for execution, times in Counter(effect.execution for effect in starts).items():
        if times > 1:
            yield f"the command of {execution} ran {times} times"
        if execution not in facts.executions:
            yield f"a command ran for {execution or 'nobody'}, of which the database knows nothing"
    for effect in starts:
        if effect.beside:
            yield f"the command of {effect.execution} ran beside {effect.beside}"


def _clicks(happened: Happened, facts: Facts) -> Iterator[str]:
    known = {row.pk for row in facts.rollbacks}
    pressed = Counter(facts.pressed)
    for click in happened.clicks:
        made = facts.keys.get(click.key)
        if click.status == 303:
            if click.rollback not in known:
                yield f"a click was led to RB-{click.rollback}, which there is not"
            elif made is None:
                yield f"a click was led to RB-{click.rollback}, and the database knows nothing of its key"
            elif made != f"RB-{click.rollback}":
                yield f"a click was led to RB-{click.rollback}, and its key made {made}"
        elif click.status is not None and click.status < 500 and made:
            yield f"a click was refused with {click.status}, and made {made} all the same"
        elif click.status is not None and click.status >= 500 and click.status != 503:
            yield f"a click was answered with {click.status}"
    for row in facts.rollbacks:
        times = pressed.pop(f"RB-{row.pk}", 0)
        if times != 1:
            yield f"RB-{row.pk} has {times} events that say it was pressed"
    for tag in pressed:
        yield f"an event says that {tag} was pressed, which there is not"


def _states(facts: Facts) -> Iterator[str]:
    for row in facts.rollbacks:
        if row.status not in ENDED:
            yield f"RB-{row.pk} is left {row.status}"
        elif row.status == "done" and not row.outcome:
            yield f"RB-{row.pk} is done without an outcome"


def _told(happened: Happened, facts: Facts) -> Iterator[str]:
    turns = [turn.at for turn in happened.turns]
    for row in facts.rollbacks:
        words = [told for told in happened.told if told.rollback == row.pk]
        said = next((told for told in words if told.word in SAID), None)
        if said is None:
            yield f"the page of RB-{row.pk} never said what happened"
            continue
        since = max([_answered(row.pk, happened.clicks), *(at for at in turns if at <= said.at)])
        if said.at - since > TELL_SECONDS:
            yield f"the page of RB-{row.pk} said {said.word!r} only after {said.at - since:.0f} s"
        if words[-1].word != row.word:
            yield f"the page of RB-{row.pk} says {words[-1].word!r}, the database {row.word!r}"


def _answered(pk: int, clicks: list[Click]) -> float:
    return min((click.answered for click in clicks if click.rollback == pk), default=0.0)


def _leaks(facts: Facts, secret: str) -> Iterator[str]:
    for where, text in facts.texts.items():
        if secret in text:
            yield f"the secret stands in {where}"


def _slow(happened: Happened) -> Iterator[str]:
    seconds = during_the_fault(happened)
    if len(seconds) >= FEW and (slow := p95(seconds)) >= WEB_SECONDS:
        yield f"pages answered slowly: p95 {slow:.2f} s of {len(seconds)} looks while the fault lasted"


def during_the_fault(happened: Happened) -> list[float]:
    """Return how long the looks took that began while a fault lasted; one that is never over lasts to the end."""
    begins = [turn.at for turn in happened.turns if turn.what == "fault"]
    ends = [turn.at for turn in happened.turns if turn.what == "over"]
    lasted = [(begin, min((end for end in ends if end >= begin), default=float("inf"))) for begin in begins]
    return [look.seconds for look in happened.looks if any(begin <= look.at <= end for begin, end in lasted)]


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]
