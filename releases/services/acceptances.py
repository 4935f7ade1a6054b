"""Accepting a finding: a lead, with a reason, for a release or until a date. It is never a pass."""

from datetime import UTC, datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.display import utc_text
from releases.errors import DO_NOT_RETRY, Conflict, Invalid, NotFound, Problem
from releases.intake import AcceptSpec, LiftSpec
from releases.models import Acceptance, Deployment, Finding
from releases.queries.answers import JUDGING, acceptances_for, deciding, identity_of, newest_answers
from releases.services.commands import look_soon
from releases.services.permissions import require
from releases.services.retrying import retried
from releases.states import Level, Regression

LONGEST = timedelta(days=366)
"""How far ahead a date may lie; what must stand for longer is asked about again."""


@retried
def accept_finding(finding_id: int, spec: AcceptSpec, *, actor: Actor) -> Acceptance:
    """Record that a finding may stand. Raises Denied, NotFound, Conflict and Invalid.

    An acceptance of the same finding that was still on is ended by it.
    """
    of = Finding.objects.filter(pk=finding_id).values_list("probe_run__run__environment__service__key", flat=True)
    require(actor, "accept_finding", scope="checklists:write", service=of.first() or "", on=f"finding {finding_id}")
    finding = _acceptable(finding_id)
    deployment = finding.probe_run.run.deployment
    assert deployment is not None, "asked for by _acceptable"
    until = _end_of(spec)
    identity = identity_of(finding.probe_run.key, finding)
    now = timezone.now()
    with transaction.atomic():
        _lock(deployment)
        standing = Acceptance.objects.filter(environment=deployment.environment_id, identity=identity, ended_at=None)
        before = ", ".join(acceptance.tag for acceptance in standing)
        standing.update(ended_at=now, ended_by=actor.name, end_reason="accepted anew")
        made = Acceptance.objects.create(
            environment=deployment.environment,
            release=None if until else deployment.release,
            until=until,
            finding=finding,
            identity=identity,
            reason=spec.reason,
            accepted_by=actor.name,
            accepted_at=now,
        )
        weigh_live(deployment)
        book.record(
            Tag.FINDING_ACCEPTED,
            actor,
            about=deployment.release.tag,
            environment=deployment.environment,
            reason=spec.reason,
            acceptance=made.tag,
            probe=finding.probe_run.key,
            finding=finding.sentence,
            until=until.date().isoformat() if until else "",
            before={"acceptance": before},
            after={"acceptance": made.tag},
        )
    return made


@retried
def withdraw_acceptance(acceptance: Acceptance, spec: LiftSpec, *, actor: Actor) -> bool:
    """End an acceptance, with a reason; return whether this call ended it."""
    require(
        actor, "accept_finding", scope="checklists:write", service=acceptance.environment.service.key, on=acceptance.tag
    )
    deployment = acceptance.finding.probe_run.run.deployment
    assert deployment is not None, "only findings about a deployment are accepted"
    with transaction.atomic():
        _lock(deployment)
        ended = Acceptance.objects.filter(pk=acceptance.pk, ended_at=None).update(
            ended_at=timezone.now(), ended_by=actor.name, end_reason=spec.reason
        )
        if ended:
            weigh_live(deployment)
            book.record(
                Tag.ACCEPTANCE_WITHDRAWN,
                actor,
                about=deployment.release.tag,
                environment=acceptance.environment,
                reason=spec.reason,
                acceptance=acceptance.tag,
                finding=acceptance.finding.sentence,
                before={
                    "accepted_by": acceptance.accepted_by,
                    "accepted_at": utc_text(acceptance.accepted_at),
                    "accepted_because": acceptance.reason,
                },
                after={"ended_by": actor.name},
            )
    return bool(ended)


def weigh(deployment: Deployment) -> None:
    """Note on a deployment whether everything that kept it from a pass stands accepted. In the caller's transaction."""
    findings = deciding(newest_answers(deployment))
    held = acceptances_for(deployment)
    by_finding = [held.get(identity_of(finding.probe_run.key, finding)) for finding in findings]
    covering = [acceptance for acceptance in by_finding if acceptance is not None]
    accepted = bool(findings) and len(covering) == len(findings) and deployment.regression == Regression.NO
    ends = [acceptance.until for acceptance in covering if acceptance.until]
    Deployment.objects.filter(pk=deployment.pk).update(
        accepted=accepted, accepted_until=min(ends) if accepted and ends else None
    )


def weigh_live(deployment: Deployment) -> None:
    """Weigh the deployment whose finding it was and, as an acceptance may reach further, the live one."""
    live = deployment.environment.live
    for each in {each.pk: each for each in (deployment, live) if each is not None}.values():
        weigh(each)
    look_soon(deployment.environment)


def _acceptable(finding_id: int) -> Finding:
    finding = (
        Finding.objects.select_related(
            "probe_run__run__deployment__release__service", "probe_run__run__deployment__environment__service"
        )
        .filter(pk=finding_id)
        .first()
    )
    if finding is None:
        raise NotFound(
            Problem("not_found", f"There is no finding {finding_id}.", "a finding of a checklist", retry=DO_NOT_RETRY)
        )
    run = finding.probe_run.run
    if finding.level == Level.NOTE or run.deployment is None or run.purpose not in JUDGING:
        raise Conflict(
            Problem(
                "nothing_to_accept",
                "This finding keeps nothing from a pass.",
                "a finding that fails, or could not be measured, in the checklist of a deployment",
                retry=DO_NOT_RETRY,
            )
        )
    return finding


def _end_of(spec: AcceptSpec) -> datetime | None:
    """Return the first moment after the last day, in UTC."""
    if spec.until is None:
        return None
    today = timezone.now().astimezone(UTC).date()
    if not today <= spec.until <= today + LONGEST:
        raise Invalid(
            Problem(
                "invalid",
                "until is not a day on which the acceptance can end.",
                f"a day from {today} to {today + LONGEST}",
                field="until",
                got=str(spec.until),
            )
        )
    return datetime.combine(spec.until + timedelta(days=1), time(), UTC)


def _lock(deployment: Deployment) -> None:
    """Let two people's acceptances about one deployment take turns: each weighs what the other wrote."""
    Deployment.objects.select_for_update(of=("self",)).get(pk=deployment.pk)
