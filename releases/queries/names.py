"""The names that stand in a column, and which of them somebody means. Jumps along an index, and reads no row."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection
from django.db.models import Model

NAMES_LIMIT = 500
"""Names that are offered and looked among."""
MEANT_LIMIT = 20
"""Names that one search may mean."""


class Meant(NamedTuple):
    """Which names somebody means."""

    names: Sequence[str]
    further: int
    """How many more there would be, beyond the limit."""


def names_in(model: type[Model], field: str) -> list[str]:
    """Return the different values of a field that an index begins with, in its order."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE names(name) AS (SELECT MIN({field}) FROM {table} UNION ALL "  # noqa: S608
            f"SELECT (SELECT MIN({field}) FROM {table} WHERE {field} > names.name) FROM names "
            f"WHERE names.name IS NOT NULL) SELECT name FROM names WHERE name IS NOT NULL LIMIT {NAMES_LIMIT}"
        )
        return [row[0] for row in cursor.fetchall()]


def meant(part: str, names: Sequence[str]) -> Meant:
    """Return the names that a part of one means; the whole name means itself alone, nothing means none."""
    if not part:
        return Meant((), 0)
    if part in names:
        return Meant([part], 0)
    found = [name for name in names if part.casefold() in name.casefold()]
    return Meant(found[:MEANT_LIMIT], max(0, len(found) - MEANT_LIMIT))
