"""p95 across the last deployments of many environments, for a small picture each: one statement for all of them."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection

from releases.queries.timings import told
from releases.queries.trends import SHOWN
from releases.states import DeploymentKind

# The first of the last thirty is found for each environment by itself, along its index. The LIMIT keeps PostgreSQL from
# finding it again for every deployment there is.
_COUNTED = "{0}.status = 'finished' AND {0}.kind <> 'rehearsal'"
_SELECT = f"""
WITH place AS (
    SELECT e.id, COALESCE((SELECT x.id FROM releases_deployment x WHERE x.environment_id = e.id
        AND {_COUNTED.format("x")} ORDER BY x.id DESC LIMIT 1 OFFSET {SHOWN - 1}), 0) AS since
    FROM releases_environment e WHERE e.id IN ({{}}) LIMIT %s
)
SELECT d.environment_id, d.kind, d.verdict, b.outcome, d.response_time
FROM place
JOIN releases_deployment d ON d.environment_id = place.id AND d.id >= place.since AND {_COUNTED.format("d")}
LEFT JOIN releases_rollback b ON b.deployment_id = d.id
ORDER BY d.id
"""  # noqa: S608


class Timed(NamedTuple):
    """One deployment of a line."""

    word: str
    """Where it stands."""
    rollback: bool
    p95: float | None
    """Milliseconds; None where it was not measured."""
    budget: float | None


def response_lines(environments: Sequence[int]) -> dict[int, list[Timed]]:
    """Return the last finished deployments of each of these environments, oldest first."""
    found: dict[int, list[Timed]] = {}
    if not environments:
        return found
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(environments))
        cursor.execute(_SELECT.format(marks), [*environments, len(environments)])
        for environment, kind, verdict, outcome, kept in cursor.fetchall():
            timing = told(json.loads(kept)) if kept else None
            word = outcome or verdict or "not checked"
            rollback = kind == DeploymentKind.ROLLBACK
            measured = (timing.p95, timing.budget) if timing else (None, None)
            found.setdefault(environment, []).append(Timed(word, rollback, *measured))
    return found
