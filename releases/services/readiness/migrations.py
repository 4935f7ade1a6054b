"""Item: nothing that lies between the live version and the target keeps anybody from going back."""

from releases.migration_report import NO_COMMAND, MigrationKind
from releases.models import MigrationReport
from releases.queries.readiness.item import ReadinessItem, not_known, not_proven, ready, red
from releases.services.readiness.seen import Seen

KEY = "migrations"
NAMED = 3
"""Migrations that a sentence names."""


def item(seen: Seen) -> ReadinessItem:
    """Where the catalogue names no way to ask, nothing is known, and that is no alarm for ever.

    A look that failed makes nothing green, but what was said before keeps its red.
    """
    report = seen.migrations
    if report.losses:
        what_to_do = "Go back only if that may be lost: the press asks you to accept it."
        return red(KEY, f"going back loses {'; '.join(report.losses)}{_age(report)}", what_to_do)
    if irreversible := report.of_kind(MigrationKind.IRREVERSIBLE):
        names = ", ".join(one["name"] for one in irreversible[:NAMED])
        what_to_do = irreversible[0].get("what_to_do") or "Ask its owner whether the earlier version can live with it."
        return red(KEY, f"irreversible: {names}{_age(report)}", what_to_do)
    if report.problem == NO_COMMAND:
        return not_proven(KEY, f"not known: {NO_COMMAND}", "Name commands.check_migrations in the catalogue.")
    if report.problem:
        return not_known(KEY, report.problem, "Ask by hand what lies between, from the worker's host.")
    number = len(report.migrations)
    if not number:
        return ready(KEY, "none in between")
    return ready(KEY, f"{number} in between, {'all' if number > 1 else 'it is'} reversible")


def _age(report: MigrationReport) -> str:
    """Return since when that is known, where nobody could say it again."""
    if not report.problem or report.answered_at is None:
        return ""
    return f" (said at {report.answered_at:%Y-%m-%d %H:%MZ}; the last look failed: {report.problem.rstrip('.')})"
