"""The rehearsal: a release put in place by the real commands, taken back, and measured. Its row is its receipt."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from releases.models.checklist import ChecklistRun
from releases.models.execution import Execution
from releases.models.fields import state_field
from releases.models.release import Deployment, Release
from releases.models.service import Environment
from releases.states import (
    OPEN_REHEARSAL,
    ExecutionStatus,
    RehearsalOutcome,
    RehearsalStatus,
    RehearsalStepKind,
    RunStatus,
)


class Rehearsal(models.Model):
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="rehearsals")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="rehearsals")
    back_to = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="+")
    """What was live at the press, and is to be live again."""
    deployment = models.OneToOneField(
        Deployment, on_delete=models.PROTECT, null=True, blank=True, related_name="rehearsal"
    )
    """The release in this environment, from its deploy command on."""
    status = state_field(RehearsalStatus, RehearsalStatus.QUEUED)
    outcome = state_field(RehearsalOutcome, blank=True)
    detail = models.TextField(blank=True)
    """One sentence that says why it ended as it did, or what it waits for."""
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_by = models.CharField(max_length=150)
    """The requester's name as it was at the press."""
    commands = models.JSONField(default=dict)
    """Digests of the catalogue's commands as of the claim, before placeholders are filled:
    {environment: {command: digest}} for every environment of the service."""
    stop_requested_by = models.CharField(max_length=150, blank=True)
    pressed_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    knocked_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)
    """Raised by every write, so that a page can ask cheaply whether anything changed."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment"],
                condition=Q(status__in=[status.value for status in OPEN_REHEARSAL]),
                name="rehearsal_one_open_per_environment",
            )
        ]
        indexes = [
            models.Index(fields=["environment", "-id"], name="rehearsal_newest_of_env"),
            models.Index(fields=["release", "-id"], name="rehearsal_newest_of_release"),
        ]

    def __str__(self) -> str:
        return f"{self.tag} {self.release} in {self.environment}"

    def get_absolute_url(self) -> str:
        return reverse("rehearsal", args=[self.pk])

    @property
    def tag(self) -> str:
        return f"RH-{self.pk}"

    @property
    def open(self) -> bool:
        return self.status in OPEN_REHEARSAL


class RehearsalStep(models.Model):
    """One step: a command or a checklist. Where it stands is read from that row."""

    rehearsal = models.ForeignKey(Rehearsal, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    kind = state_field(RehearsalStepKind)
    execution = models.OneToOneField(
        Execution, on_delete=models.PROTECT, null=True, blank=True, related_name="rehearsal_step"
    )
    run = models.OneToOneField(
        ChecklistRun, on_delete=models.PROTECT, null=True, blank=True, related_name="rehearsal_step"
    )

    class Meta:
        ordering = ["rehearsal", "position"]
        constraints = [
            models.UniqueConstraint(fields=["rehearsal", "position"], name="rehearsal_step_once_per_position")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of RH-{self.rehearsal_id}"

    @property
    def begun(self) -> bool:
        return self.execution_id is not None or self.run_id is not None

    @property
    def ended(self) -> bool:
        if self.execution is not None:
            return self.execution.status == ExecutionStatus.ENDED
        return self.run is not None and self.run.status == RunStatus.DONE

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it has not ended."""
        began: datetime | None
        ended: datetime | None
        if self.execution is not None:
            began, ended = self.execution.started_at, self.execution.ended_at
        elif self.run is not None:
            began, ended = self.run.started_at or self.run.created_at, self.run.finished_at
        else:
            return None
        return (ended - began).total_seconds() if ended else None
