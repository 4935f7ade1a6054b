"""Reads that cross models, one file per page or question. They write nothing."""

from releases.queries.estimates import Estimate, expected_seconds
from releases.queries.migrations import migration_report
from releases.queries.wayback import (
    Skipped,
    WayBack,
    active_freeze,
    live_version,
    open_rollback,
    rendered_for,
    routes_to_purge,
    started,
    undone_by,
    way_back,
)

__all__ = [
    "Estimate",
    "Skipped",
    "WayBack",
    "active_freeze",
    "expected_seconds",
    "live_version",
    "migration_report",
    "open_rollback",
    "rendered_for",
    "routes_to_purge",
    "started",
    "undone_by",
    "way_back",
]
