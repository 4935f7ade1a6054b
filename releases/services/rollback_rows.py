"""Moving a rollback's row: compare-and-set along the allowed moves, nothing else."""

from typing import Any

from django.db.models import F

from releases.models import Rollback
from releases.states import ROLLBACK_MOVES, RollbackStatus


def move(rollback: Rollback, to: RollbackStatus, **fields: Any) -> bool:
    """Move the row if it still stands where a move to `to` is allowed; return whether this call moved it."""
    sources = [status.value for status, targets in ROLLBACK_MOVES.items() if to in targets]
    moved = Rollback.objects.filter(pk=rollback.pk, status__in=sources).update(
        status=to, version=F("version") + 1, **fields
    )
    if moved:  # with what the next steps ask it for, in one query
        rollback.refresh_from_db(
            from_queryset=Rollback.objects.select_related(
                "environment__service", "target__release", "undone", "deployment", "execution"
            )
        )
    return bool(moved)


def lock(rollback: Rollback) -> None:
    """Lock the row until the transaction ends, where the database can.

    Whoever writes a rollback together with its execution locks the rollback first: a stop and the end of the command
    that come together would otherwise wait for each other, and PostgreSQL would end one of them.
    """
    Rollback.objects.select_for_update(no_key=True).filter(pk=rollback.pk).values_list("pk").first()


def note(rollback: Rollback, **fields: Any) -> None:
    """Write fields without moving the row, so that pages see the change."""
    Rollback.objects.filter(pk=rollback.pk).update(version=F("version") + 1, **fields)
