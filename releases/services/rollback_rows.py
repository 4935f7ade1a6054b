"""Moving a rollback's row: compare-and-set along the allowed moves, nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F

from releases.models import Rollback
from releases.states import ROLLBACK_MOVES, RollbackStatus


def move(rollback: Rollback, to: RollbackStatus, **fields: Any) -> bool:
    """Move the row if it still stands where a move to `to` is allowed; return whether this call moved it."""
    return _moved(rollback, [status for status, targets in ROLLBACK_MOVES.items() if to in targets], to, fields)


def _moved(
    rollback: Rollback, sources: Sequence[RollbackStatus], to: RollbackStatus, fields: Mapping[str, Any]
) -> bool:
    moved = Rollback.objects.filter(pk=rollback.pk, status__in=sources).update(
        status=to, version=F("version") + 1, **fields
    )
    if moved:
        reread(rollback)
    return bool(moved)


def moved_from(rollback: Rollback, to: RollbackStatus, **fields: Any) -> RollbackStatus | None:
    """Move the row as `move` does; return where it stood, for the book, and None where it was not moved.

    It is tried from one status after the other, in the order in which a rollback goes through them.
    """
    for status, targets in ROLLBACK_MOVES.items():
        if to in targets and _moved(rollback, [status], to, fields):
            return status
    return None


def reread(rollback: Rollback) -> None:
    """Read the row again; what it points to stays as it was read, unless it points to something else now."""
    for name, value in Rollback.objects.filter(pk=rollback.pk).values().get().items():
        setattr(rollback, name, value)


def lock(rollback: Rollback) -> str:
    """Lock the row until the transaction ends, where the database can, and return its status.

    Whoever writes a rollback together with its execution locks the rollback first: a stop and the end of the command
    that come together would otherwise wait for each other, and PostgreSQL would end one of them.
    """
    return Rollback.objects.select_for_update(no_key=True).values_list("status", flat=True).get(pk=rollback.pk)


def note(rollback: Rollback, **fields: Any) -> None:
    """Write fields without moving the row, so that pages see the change."""
    Rollback.objects.filter(pk=rollback.pk).update(version=F("version") + 1, **fields)
