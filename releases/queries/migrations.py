"""What lies between what is live and a target, as the worker was last told."""

import hashlib

from releases.models import Deployment, Environment, MigrationReport


def migration_report(
    environment: Environment, live: Deployment | None, target: Deployment | None
) -> MigrationReport | None:
    """Return the last answer about one way back; None where nobody has answered yet."""
    if live is None or target is None:
        return None
    return MigrationReport.objects.filter(environment=environment, live=live, target=target).first()


def report_token(report: MigrationReport | None) -> str:
    """Return what changes when the answer does, whoever gave it and when."""
    if report is None:
        return ""
    said = repr((report.problem, report.migrations)).encode()
    return hashlib.sha256(said).hexdigest()[:16]
