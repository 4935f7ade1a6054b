"""Receipts: what the newest rehearsal of a release proves for an environment, and how fresh that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from releases.models import Environment, Rehearsal, Release
from releases.states import RehearsalOutcome, RehearsalStatus

FRESH = timedelta(days=14)
"""How long a receipt counts: servers, rights and dependencies move on."""
REHEARSED = ("deploy", "rollback")
"""Commands whose digest a receipt keeps."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a rehearsal is worth to an environment now."""

    rehearsal: Rehearsal
    age: timedelta
    changed: tuple[str, ...]
    """Commands of the environment that are not what they were at the rehearsal; none where no worker has told."""

    @property
    def why(self) -> str:
        """Why it does not count; empty where it does."""
        if self.rehearsal.outcome != RehearsalOutcome.PROVEN:
            return f"it is {self.rehearsal.outcome}"
        if self.age > FRESH:
            return f"it is {self.age.days} days old, more than {FRESH.days}"
        if self.changed:
            return f"the {' and the '.join(self.changed)} command changed since"
        return ""

    @property
    def counts(self) -> bool:
        return not self.why


def newest_receipt(
    environment: Environment, release: Release, digests: Mapping[str, str] | None = None
) -> Receipt | None:
    """Return the receipt of the last rehearsal of a release that ended, as it counts for an environment.

    `digests` are those of the environment's commands where a worker asks, who reads its own catalogue.
    """
    rehearsal = (
        Rehearsal.objects.filter(release=release, status=RehearsalStatus.DONE)
        .select_related("environment__service", "release")
        .order_by("-pk")
        .first()
    )
    if rehearsal is None or rehearsal.ended_at is None:
        return None
    then = rehearsal.commands.get(environment.key, {})
    now = environment.command_digests if digests is None else digests
    changed = tuple(name for name in REHEARSED if name in now and name in then and then[name] != now[name])
    return Receipt(rehearsal, timezone.now() - rehearsal.ended_at, changed)
