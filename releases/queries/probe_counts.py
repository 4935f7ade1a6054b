"""How many probes a checklist run has, and how many have answered: the one way in which every page counts them.

A probe counts once, however often it looks: the serving version is asked first and last, and has answered after both.
"""

from collections.abc import Callable, Iterable

from django.db.models import Count, Q, QuerySet

from releases.models import ChecklistRun, ProbeRun
from releases.states import ProbeStatus, Verdict


def how_many(looks: Iterable[ProbeRun]) -> int:
    return len({look.key for look in looks})


def answered(looks: Iterable[ProbeRun]) -> int:
    return all_looks(looks, lambda look: look.status == ProbeStatus.DONE)


def all_looks(looks: Iterable[ProbeRun], such: Callable[[ProbeRun], bool]) -> int:
    """Return of how many probes every look is such a one."""
    found = list(looks)
    return how_many(found) - how_many(look for look in found if not such(look))


def out_of(number: int, looks: Iterable[ProbeRun], what: str) -> str:
    """Say of how many probes something holds: "9 of 12 probes as they should be, 2 skipped"."""
    found = list(looks)
    total, skipped = how_many(found), all_looks(found, lambda look: look.verdict == Verdict.SKIPPED)
    said = f"{number} of {total} probes {what}"
    return f"{said}, {skipped} skipped" if skipped else said


def counted(runs: QuerySet[ChecklistRun]) -> QuerySet[ChecklistRun]:
    """Return runs with their probes counted, as `probes_total` and `probes_open`."""
    unfinished = ~Q(probes__status=ProbeStatus.DONE)
    return runs.annotate(
        probes_total=Count("probes__key", distinct=True),
        probes_open=Count("probes__key", distinct=True, filter=unfinished),
    )
