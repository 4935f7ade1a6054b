"""What SQLite would read from end to end: it plans without statistics, so a small book shows what a large one costs."""

import re

from django.db import connection

from releases.models import (
    ChecklistRun,
    Deployment,
    Event,
    Execution,
    Finding,
    Message,
    Note,
    ProbeRun,
    Release,
    Rollback,
)

GROWING = {
    model._meta.db_table
    for model in (ChecklistRun, Deployment, Event, Execution, Finding, Message, Note, ProbeRun, Release, Rollback)
}
"""The tables that grow with the book."""


def walked_through(statement: str) -> set[str]:
    """Return the growing tables of which the statement would read each row."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        plan = "\n".join(row[3] for row in cursor.fetchall())
    return set(re.findall(r"SCAN (\w+)(?! USING)\b", plan)) & GROWING
