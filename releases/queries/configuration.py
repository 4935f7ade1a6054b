"""What a deployment changed in the configuration of its place, from what the probe `configuration` kept."""

from collections.abc import Mapping
from typing import Any

from releases.models import Deployment, ProbeRun

KEY = "configuration"
ABSENT = "(not set)"
SECRET = "(secret)"
OTHER_SECRET = "(another secret)"
NOT_COMPARABLE = "(kept as a secret in one of the two)"


def compared(now: Deployment, before: Deployment) -> list[tuple[str, str, str]] | None:
    """Return (key, shown before, shown now) of every key that is not the same in the two, by key. One query.

    None where either checklist kept no configuration. Secrets are only said to be other ones.
    """
    kept = _kept(now, before)
    if now.verify_run_id not in kept or before.verify_run_id not in kept:
        return None
    here, there = kept[now.verify_run_id], kept[before.verify_run_id]
    return [
        (key, *_shown(there.get(key), here.get(key)))
        for key in sorted({*here, *there})
        if here.get(key) != there.get(key)
    ]


def _kept(*deployments: Deployment) -> dict[int | None, Mapping[str, Mapping[str, Any]]]:
    """Return the kept configurations by checklist run."""
    runs = [deployment.verify_run_id for deployment in deployments if deployment.verify_run_id is not None]
    answers = ProbeRun.objects.filter(run__in=runs, key=KEY).values_list("run", "figures")
    return {run: figures[KEY] for run, figures in answers if isinstance(figures.get(KEY), Mapping)}


def _shown(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> tuple[str, str]:
    if before is not None and now is not None and ("value" in before) != ("value" in now):
        return NOT_COMPARABLE, NOT_COMPARABLE
    both_secret = before is not None and now is not None and "value" not in now
    return _entry(before), OTHER_SECRET if both_secret else _entry(now)


def _entry(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return ABSENT
    return str(entry["value"]) if "value" in entry else SECRET
