"""The tables, one file per subject."""

from releases.models.acceptance import Acceptance
from releases.models.book import BookCheck, BookHead, Event, IdempotencyKey
from releases.models.checklist import ChecklistRun, Finding, ProbeRun
from releases.models.denial import Denial
from releases.models.execution import Execution, Lease, RenderedCommand, RenderedDeploy, Worker
from releases.models.expected import Confirmation
from releases.models.message import Message
from releases.models.migrations import MigrationReport
from releases.models.note import Note
from releases.models.passage import Passage
from releases.models.people import ApiToken, Membership, User
from releases.models.readiness import Readiness, ReadinessLook
from releases.models.rehearsal import Rehearsal, RehearsalStep
from releases.models.release import NO_DEPLOYMENT, NOT_FINISHED, Deployment, Release
from releases.models.rollback import Rollback
from releases.models.service import Environment, Freeze, Service
from releases.models.sessions import UserSession
from releases.models.sign_in import SignInTries

__all__ = [
    "NOT_FINISHED",
    "NO_DEPLOYMENT",
    "Acceptance",
    "ApiToken",
    "BookCheck",
    "BookHead",
    "ChecklistRun",
    "Confirmation",
    "Denial",
    "Deployment",
    "Environment",
    "Event",
    "Execution",
    "Finding",
    "Freeze",
    "IdempotencyKey",
    "Lease",
    "Membership",
    "Message",
    "MigrationReport",
    "Note",
    "Passage",
    "ProbeRun",
    "Readiness",
    "ReadinessLook",
    "Rehearsal",
    "RehearsalStep",
    "Release",
    "RenderedCommand",
    "RenderedDeploy",
    "Rollback",
    "Service",
    "SignInTries",
    "User",
    "UserSession",
    "Worker",
]
