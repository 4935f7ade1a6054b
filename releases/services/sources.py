"""What a worker reads for the probe of the configuration: that of its place, and what was kept of another's."""

from collections.abc import Mapping
from pathlib import Path

from django.utils.crypto import salted_hmac

from releases.models import Environment, ProbeRun
from releases.probes.base import Json
from releases.services import reading
from releases.states import ProbeStatus

COMMAND = "read_configuration"


def read_configuration(environment: Environment) -> str | None:
    """Return the configuration as the place's command prints it or its file holds it; None where neither is named."""
    place = reading.place_of(environment)
    if template := place.commands.get(COMMAND):
        return reading.by_command(template, environment, COMMAND)
    return reading.by_file(Path(place.configuration_file)) if place.configuration_file else None


def configuration_of(environment: Environment, key: str) -> Mapping[str, Json] | None:
    """Return the newest configuration that was kept of another environment of the same service."""
    newest = (
        ProbeRun.objects.filter(
            run__environment__service=environment.service_id,
            run__environment__key=key,
            key="configuration",
            status=ProbeStatus.DONE,
            figures__has_key="configuration",
        )
        .order_by("-pk")
        .first()
    )
    return newest.figures["configuration"] if newest else None


def keyed_digest(value: str) -> str:
    """Return the digest of a secret, equal on every worker that shares Rollbook's secret key."""
    return salted_hmac("rollbook.configuration", value, algorithm="sha256").hexdigest()
