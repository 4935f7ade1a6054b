"""What lies between what is live and a target, as the worker was last told."""

import hashlib

from django.db.models import QuerySet

from releases.models import Deployment, Environment, MigrationReport


def migration_report(
    environment: Environment, live: Deployment | None, target: Deployment | None
) -> MigrationReport | None:
    """Return how the last look at what lies between two releases ended; None where nobody has looked yet.

    A release that was brought here again lies as far from the target as before.
    """
    if live is None or target is None:
        return None
    return _between(environment, live, target).order_by("-looked_at").first()


def last_answer(environment: Environment, live: Deployment, target: Deployment) -> MigrationReport | None:
    """Return what was last said to lie between two releases; None where nobody has ever answered."""
    answered = _between(environment, live, target).filter(answered_at__isnull=False)
    return answered.order_by("-answered_at").first()


def report_token(report: MigrationReport | None) -> str:
    """Return what changes when the answer does, whoever gave it and when; before the dash stands what is lost."""
    if report is None:
        return ""
    said = (report.problem, report.migrations, report.answered_at is None)
    return "-".join(hashlib.sha256(repr(part).encode()).hexdigest()[:16] for part in (report.losses, said))


def _between(environment: Environment, live: Deployment, target: Deployment) -> QuerySet[MigrationReport]:
    return MigrationReport.objects.filter(
        environment=environment, live__release=live.release_id, target__release=target.release_id
    )
