"""What a worker has at hand when it judges a way back."""

from collections.abc import Sequence
from dataclasses import dataclass

from releases.models import Deployment, Environment, MigrationReport


@dataclass(frozen=True, slots=True)
class Seen:
    """One way back, as the worker that would take it sees it."""

    environment: Environment
    live: Deployment
    """What would be undone."""
    target: Deployment
    artifact_found: Sequence[tuple[str, str]]
    """(finding id, sentence) pairs of `artifacts.look_for_artifact`; empty when the artifact is there."""
    migrations: MigrationReport
    """What lies between, as `check_migrations` has just said."""
