"""What happened to a release: the book's lines about it, its deployments, checklists and rollbacks, as sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from releases.book import Tag
from releases.models import ChecklistRun, Event, Rehearsal, Release, Rollback
from releases.queries.history import Row

LIMIT = 50


@dataclass(frozen=True, slots=True)
class Happened:
    """One event as a sentence."""

    seq: int
    at: datetime
    actor: str
    says: str
    reason: str
    rollback: int | None
    """Number of the rollback that it is about."""


def timeline(release: Release, deployments: Sequence[Row]) -> list[Happened]:
    """Return the newest events about a release and what these deployments led to, newest first."""
    numbers = [row.deployment.pk for row in deployments]
    runs = ChecklistRun.objects.filter(deployment__in=numbers).order_by("-pk").values_list("pk", flat=True)[: 4 * LIMIT]
    rollbacks = (
        Rollback.objects.filter(Q(undone__in=numbers) | Q(target__in=numbers))
        .order_by("-pk")
        .values_list("pk", flat=True)[:LIMIT]
    )
    tags = [release.tag]
    rehearsals = Rehearsal.objects.filter(release=release).order_by("-pk").values_list("pk", flat=True)[:LIMIT]
    tags += [f"RH-{pk}" for pk in rehearsals]
    tags += [f"D-{pk}" for pk in numbers] + [f"C-{pk}" for pk in runs] + [f"RB-{pk}" for pk in rollbacks]
    events = Event.objects.filter(object_tag__in=tags).order_by("-seq")[:LIMIT]
    return [_happened(event) for event in events]


def _happened(event: Event) -> Happened:
    prefix, _, number = event.object_tag.partition("-")
    return Happened(
        seq=event.seq,
        at=event.at,
        actor=event.actor,
        says=sentence(event),
        reason=str(event.payload.get("reason", "")),
        rollback=int(number) if prefix == "RB" and number.isdigit() else None,
    )


def sentence(event: Event) -> str:
    """Say in one plain sentence what an event of the book means. Details that were not written are left out."""
    details: Mapping[str, Any] = event.payload.get("details") or {}
    about = event.object_tag
    place = f"{event.service}/{event.environment}"

    def of(key: str, before: str = " ") -> str:
        value = details.get(key)
        return f"{before}{value}" if value not in (None, "", []) else ""

    match event.action:
        case Tag.RELEASE_REGISTERED:
            return f"Registered {about}."
        case Tag.RESULT_CONFIRMED:
            return f"{'Came true' if details.get('came_true') else 'Did not come true'}:{of('result')}"
        case Tag.RELEASE_MARKED_BAD:
            return f"Marked bad{of('rollback', ' by ')}."
        case Tag.RELEASE_UNMARKED_BAD:
            return "No longer marked bad."
        case Tag.RELEASE_DEPLOYED_AGAIN:
            return f"Deployed again in {place} although it is marked bad{of('deployment', ': ')}."
        case Tag.DEPLOYMENT_STARTED:
            return f"Deployment {about} started in {place}."
        case Tag.DEPLOYMENT_CLAIMED:
            return f"Deployment {about}: its command started{of('host', ' on ')}."
        case Tag.DEPLOYMENT_REFUSED:
            return f"Deployment {about} was refused by the worker; nothing has run."
        case Tag.DEPLOYMENT_CANCELLED:
            return f"Deployment {about} was cancelled; nothing has run."
        case Tag.DEPLOYMENT_STOP_REQUESTED:
            return f"Deployment {about}: asked to stop."
        case Tag.DEPLOYMENT_FINISHED:
            despite = ", despite the freeze" if details.get("despite_freeze") else ""
            return f"Deployment {about} finished in {place}{of('during_rollback', ' during ')}{despite}."
        case Tag.DEPLOYMENT_FAILED:
            return f"Deployment {about} failed in {place}."
        case Tag.DEPLOYMENT_DESPITE_FREEZE:
            return f"Deployment {about} {details.get('status', 'ended')} while {place} was frozen."
        case Tag.REHEARSAL_REQUESTED:
            return f"{about}: rehearse{of('version')} in {place}, then back{of('back_to_version', ' to ')}."
        case Tag.REHEARSAL_REFUSED:
            return f"{about}: refused by the worker; nothing has run."
        case Tag.REHEARSAL_STOP_REQUESTED:
            return f"{about}: asked to stop."
        case Tag.REHEARSAL_STEP_ENDED:
            ended = f"{details.get('command', 'ended')}{of('exit_code', ', exit ')}"
            return f"{about}: {details.get('step', 'a step')} {ended}."
        case Tag.REHEARSAL_DONE:
            return f"{about}:{of('outcome')}.{of('detail')}"
        case Tag.EXECUTION_LOST:
            return f"{about}: the worker was lost while its command ran."
        case Tag.CHECKLIST_SETTLED:
            tainted = ", tainted" if details.get("tainted") else ""
            verdict = f"{of('verdict')}{of('regression', ', regression ')}{tainted}"
            return f"Checklist {about}{of('purpose', ', ')}, of {place}:{verdict}."
        case Tag.CHECKLIST_REQUESTED:
            asked = ", ".join(details.get("probes") or []) or "the whole checklist"
            return f"Asked again in {place}: {asked} ({details.get('run', '')})."
        case Tag.FINDING_ACCEPTED:
            until = f"until the end of {details['until']} (UTC)" if details.get("until") else "for this release"
            return f"{details.get('acceptance', '')}: accepted {until} in {place}: {details.get('finding', '')}"
        case Tag.ACCEPTANCE_WITHDRAWN:
            return f"{details.get('acceptance', '')} was withdrawn in {place}: {details.get('finding', '')}"
        case Tag.READINESS_TURNED_RED:
            return f"The way back of {place} is not ready."
        case Tag.READINESS_TURNED_READY:
            return f"The way back of {place} is ready again."
        case Tag.CATALOGUE_SYNCED:
            return "The catalogue was applied."
        case Tag.BOOK_EXPORTED:
            return f"Exported as {details.get('form', 'a file')}: {details.get('question', 'the book')}."
        case Tag.PERMISSION_DENIED:
            further = f", {details['further']} more times in that minute" if details.get("further") else ""
            return f"Refused for lack of {details.get('permission', 'a permission')}{of('on', ' on ')}{further}."
        case Tag.PERSON_CREATED:
            return f"{about}: made, or given a new password{of('username', ': ')}{of('group', ', ')}."
        case Tag.GROUP_GIVEN:
            return f"{about}{of('username', ': ')} was put in the group{of('group')}{_for(event)}."
        case Tag.GROUP_TAKEN:
            return f"{about}{of('username', ': ')} was taken out of the group{of('group')}{_for(event)}."
        case Tag.ACCOUNT_CLOSED:
            return f"The account {about} was closed{of('username', ': ')}."
        case Tag.ACCOUNT_OPENED:
            return f"The account {about} was opened again{of('username', ': ')}."
        case Tag.PASSWORD_LINK_MADE:
            return f"A link to choose a password was made for {about}{of('username', ': ')}."
        case Tag.PASSWORD_CHOSEN:
            return f"{about}{of('username', ': ')} chose a password."
        case Tag.SESSIONS_ENDED:
            return f"{about} signed out elsewhere."
        case Tag.TOKEN_CREATED:
            return f"{about}: token made{of('user', ' for ')}{of('name', ', ')}."
        case Tag.TOKEN_REVOKED:
            return f"{about}: token revoked{of('name', ': ')}."
        case Tag.NOTE_ADDED:
            return f"{details.get('note', 'A note')} about {about}{of('corrects', ', correcting ')}."
        case Tag.ENVIRONMENT_FROZEN:
            return f"{place} was frozen by {about}."
        case Tag.FREEZE_LIFTED:
            return f"The freeze of {place} was lifted."
        case Tag.ROLLBACK_PRESSED:
            return f"{about}: roll back {place}{of('live_version', ' from ')}{of('target_version', ' to ')}."
        case Tag.DATA_LOSS_ACCEPTED:
            return f"{about}: accepted as lost: {'; '.join(str(loss) for loss in details.get('losses') or [])}."
        case Tag.ROLLBACK_JOINED:
            return f"{about}: asked for at a terminal, too."
        case Tag.ROLLBACK_LOCK_OVERRIDDEN:
            return f"{about}: to run although a command still holds the lock."
        case Tag.ROLLBACK_CLAIMED:
            return f"{about}: started{of('host', ' on ')}."
        case Tag.ROLLBACK_REFUSED:
            return f"{about}: refused by the worker; nothing has run."
        case Tag.ROLLBACK_CANCELLED:
            return f"{about}: cancelled; nothing has run."
        case Tag.ROLLBACK_STOP_REQUESTED:
            return f"{about}: asked to stop."
        case Tag.ROLLBACK_COMMAND_ENDED:
            return f"{about}: the command {details.get('command', 'ended')}{of('exit_code', ', exit ')}."
        case Tag.ROLLBACK_COMMAND_LOST:
            return f"{about}: the worker was lost while its command ran."
        case Tag.ROLLBACK_PURGED:
            routes = details.get("routes") or []
            return f"{about}: purged {', '.join(str(route) for route in routes[:5])}{of('problem', '; ')}."
        case Tag.ROLLBACK_DONE:
            return f"{about}:{of('outcome')}.{of('detail')}"
        case Tag.ROLLBACK_VERIFY_REQUESTED:
            return f"{about}: asked to be measured again."
        case Tag.EXECUTION_REPORTED_LATE:
            return f"{about}: a worker that had been given up reported after all; no status changed."
    return f"{event.action} {about}."


def _for(event: Event) -> str:
    return f" for {event.service} alone" if event.service else ""
