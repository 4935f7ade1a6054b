"""Write the page about a rollback's outcome, from the table that derives it.

`manage.py describe_outcomes > docs/outcomes.md`.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from django.core.management.base import BaseCommand

from releases.states import OUTCOMES, CommandEnd, ProbesSay, Serving

HEAD = """\
# What became of a rollback

Written by `manage.py describe_outcomes`; a test keeps it true. Three facts are measured and shown apart: how the
command ended, which version each instance serves, and what the probes say beside the target's own last verified run.
The outcome is the one row of this table that fits them; no exit code decides it alone. *Left out or behind* says
whether a route was not purged, a probe not asked, or a process of the command left behind.

Probes that speak only of the way back (each says so in [probes](probes.md)) can turn *restored* into *restored with
differences*, and change nothing else ([why](adr/0005-the-way-back-in-an-outcome.md)).
"""

TABLE = """\
| command | serving | probes | left out or behind | outcome | what it means |
|---|---|---|---|---|---|"""

WORDS: dict[StrEnum, str] = {
    CommandEnd.WELL: "it ended by itself and said that it had done its work",
    CommandEnd.BADLY: "it ended by itself and said that it had not",
    CommandEnd.STOPPED: "somebody pressed *Stop*, and it was ended",
    CommandEnd.KILLED: "its time was over, or somebody else ended it",
    CommandEnd.NOT_STARTED: "its program could not be started",
    CommandEnd.LOST: "its worker went silent: it may have run, in part or to its end",
    Serving.TARGET: "every instance answered every time, with the version gone back to",
    Serving.MIXED: "some answers named the version gone back to, others another one",
    Serving.OTHER: "no answer named the version gone back to",
    Serving.NOT_MEASURED: "no answer, or one that is missing where the others named the target",
    ProbesSay.AS_BEFORE: "every one as when the target was last verified; what failed then may fail now",
    ProbesSay.PASSING: "no new failure, and of some it is not known how they were",
    ProbesSay.DIFFERENT: "no new failure, yet one is worse than it was",
    ProbesSay.BUT_THE_WAY_BACK: "nothing new about the service; one of the way back fails anew or has no answer",
    ProbesSay.WORSE: "one fails that did not fail then",
    ProbesSay.FAILING: "one fails, and it is not known whether it did then",
    ProbesSay.TOO_LITTLE: "no new failure, and one had too little data",
    ProbesSay.NOT_MEASURED: "no new failure, and one could not measure",
}


class Command(BaseCommand):
    help = "Print how a rollback's outcome follows from what was measured, as Markdown."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> str:
        return describe()


def describe() -> str:
    """Return the page: the table, then its words."""
    return "\n".join([HEAD, TABLE, *_rows(), "", *_words()]).rstrip()


def _rows() -> Iterator[str]:
    for row in OUTCOMES:
        left_over = "either" if len(row.complete) == 2 else "nothing" if True in row.complete else "something"
        facts = [_among(row.command, CommandEnd), _among(row.serving, Serving), _among(row.probes, ProbesSay)]
        yield f"| {' | '.join(facts)} | {left_over} | **{row.outcome}** | {row.meaning} |"


def _among(named: frozenset[Any], words: type[StrEnum]) -> str:
    """Name those of the words that a row is about; the others where these are fewer."""
    others = [word for word in words if word not in named]
    if not others:
        return "any"
    if len(others) < len(named):
        return f"any but {' or '.join(f'*{word}*' for word in others)}"
    return " or ".join(f"*{word}*" for word in words if word in named)


def _words() -> Iterator[str]:
    for fact, words in (("Command", CommandEnd), ("Serving", Serving), ("Probes", ProbesSay)):
        yield f"## {fact}\n"
        yield from (f"- *{word}*: {WORDS[word]}" for word in words)
        yield ""
