"""The newest answer of each probe about a deployment, and the acceptances of what they found."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from releases.models import Acceptance, ChecklistRun, Deployment, Finding, ProbeRun
from releases.states import Level, Purpose, RunStatus

JUDGING = (Purpose.VERIFY, Purpose.RESTORE, Purpose.REHEARSAL)


def newest_answers(deployment: Deployment) -> list[ProbeRun]:
    """Return each probe's newest answer: of the last full run, or of a later one that asked only some of them."""
    later = ChecklistRun.objects.filter(
        deployment=deployment,
        purpose__in=JUDGING,
        status=RunStatus.DONE,
        given_up="",
        partial=True,
        pk__gt=deployment.verify_run_id or 0,
    )
    answers = ProbeRun.objects.filter(Q(run=deployment.verify_run_id) | Q(run__in=later)).order_by("run", "wave", "pk")
    newest = {(answer.key, answer.repeat): answer for answer in answers}
    return list(newest.values())


def deciding(answers: Iterable[ProbeRun]) -> list[Finding]:
    """Return the findings that kept these answers from a pass."""
    found = Finding.objects.filter(probe_run__in=[answer.pk for answer in answers]).exclude(level=Level.NOTE)
    return list(found.select_related("probe_run"))


def identity_of(key: str, finding: Finding) -> str:
    """Return what the same finding has in every run, of whatever length its subject is."""
    return hashlib.sha256(json.dumps([key, finding.kind, finding.subject]).encode()).hexdigest()


def acceptances_for(deployment: Deployment, at: datetime | None = None) -> Mapping[str, Acceptance]:
    """Return the acceptances that hold for a deployment, by the identity of their finding."""
    held = Acceptance.objects.filter(
        Q(release=deployment.release_id) | Q(until__gt=at or timezone.now()),
        environment=deployment.environment_id,
        ended_at=None,
    )
    return {acceptance.identity: acceptance for acceptance in held}
