"""The response time that lists show of a deployment, kept on it when a checklist ends: no list reads samples."""

from typing import Any

from releases.models import Deployment
from releases.queries.answers import newest_answers
from releases.queries.timings import KEY, kept


def measured(deployment: Deployment) -> dict[str, Any] | None:
    """Return what the probe's newest answer says; its budgets are those of the run that asked."""
    answers = [answer for answer in newest_answers(deployment) if answer.key == KEY]
    return kept(answers[-1].figures, answers[-1].run.settings.get("checklist", {}).get(KEY)) if answers else None
