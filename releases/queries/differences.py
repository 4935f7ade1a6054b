"""What a deployment changed beside its version: the configuration of its place and the headers of its routes."""

from collections.abc import Sequence
from dataclasses import dataclass

from releases.models import Deployment, Release
from releases.probes.field_changes import Change
from releases.queries import configuration, headers


@dataclass(frozen=True, slots=True)
class Differences:
    """Each is None where the checklists of the two did not both keep it."""

    to: Release
    """What was live before."""
    configuration: Sequence[tuple[str, str, str]] | None
    """Key, before, now."""
    headers: Sequence[Change] | None


def differences_of(deployment: Deployment) -> Differences | None:
    """Compare a deployment with the one that it replaced; None where it was the first of its place."""
    before = deployment.replaced
    if before is None:
        return None
    return Differences(before.release, configuration.compared(deployment, before), headers.compared(deployment, before))
