"""What a deployment changed in the headers of its routes, from what two probes kept of the answers."""

from collections.abc import Mapping
from typing import Any

from releases.models import Deployment, ProbeRun
from releases.probes.field_changes import Change, changes

CACHING = "cache_headers"
SECURITY = "security_headers"
LIMIT = 200
"""Changes that are shown of the two together."""


def compared(now: Deployment, before: Deployment) -> list[Change] | None:
    """Return what is not the same in the two, caching fields first, then the results of the security tests. One query.

    None where no such probe kept anything of both.
    """
    kept = _kept(now, before)
    found: list[Change] = []
    both = False
    for key in (CACHING, SECURITY):
        here, there = kept.get((now.verify_run_id, key)), kept.get((before.verify_run_id, key))
        if here is not None and there is not None:
            both = True
            found += changes(here, there)
    return found[:LIMIT] if both else None


def _kept(*deployments: Deployment) -> dict[tuple[int | None, str], Mapping[str, Any]]:
    """Return `{subject: {"fields": {name: value}}}` by checklist run and probe."""
    runs = [deployment.verify_run_id for deployment in deployments if deployment.verify_run_id is not None]
    answers = ProbeRun.objects.filter(run__in=runs, key__in=(CACHING, SECURITY), repeat=False)
    kept: dict[tuple[int | None, str], Mapping[str, Any]] = {}
    for run, key, figures in answers.values_list("run", "key", "figures"):
        if key == CACHING and "routes" in figures:
            kept[run, key] = figures["routes"]
        elif key == SECURITY and "results" in figures:
            kept[run, key] = {route: {"fields": results} for route, results in figures["results"].items()}
    return kept
