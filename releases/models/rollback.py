"""The rollback: from the press of the button to the measured outcome, one row for ever."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from releases.models.checklist import ChecklistRun
from releases.models.execution import Execution
from releases.models.fields import state_field
from releases.models.release import Deployment
from releases.models.service import Environment
from releases.states import OPEN_ROLLBACK, CommandState, Outcome, RollbackStatus, Serving


class Rollback(models.Model):
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="rollbacks")
    undone = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="+")
    """What was live at the press."""
    target = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="+")
    """The earlier deployment that this goes back to."""
    deployment = models.OneToOneField(
        Deployment, on_delete=models.PROTECT, null=True, blank=True, related_name="rollback"
    )
    """The deployment that this rollback is, from its claim on."""
    status = state_field(RollbackStatus, RollbackStatus.QUEUED)
    command = state_field(CommandState, CommandState.NOT_STARTED)
    serving = state_field(Serving, blank=True)
    outcome = state_field(Outcome, blank=True)
    detail = models.TextField(blank=True)
    """One sentence that says why it ended as it did, or what it waits for."""
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_by = models.CharField(max_length=150)
    """The requester's name as it was at the press."""
    reason = models.CharField(max_length=60)
    words = models.TextField(blank=True)
    seen_digest = models.CharField(max_length=64, blank=True)
    """Digest of the command that the page showed; empty when no worker had rendered one."""
    at_press = models.JSONField(default=dict)
    """Readiness and verdict as they stood on the screen."""
    routes_to_purge = models.JSONField(default=list)
    purge_wanted = models.BooleanField(default=True)
    execution = models.OneToOneField(Execution, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    purge_execution = models.OneToOneField(Execution, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    restore_run = models.OneToOneField(ChecklistRun, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    first_outcome = state_field(Outcome, blank=True)
    """What it ended as before somebody had it measured again; empty where nobody had."""
    verify_requested_by = models.CharField(max_length=150, blank=True)
    verify_reason = models.TextField(blank=True)
    lock_holder = models.TextField(blank=True)
    """Who held the environment's lock when a worker last tried to start this; empty where it was free."""
    override_by = models.CharField(max_length=150, blank=True)
    override_reason = models.TextField(blank=True)
    """Why somebody has it run although a command still holds the lock."""
    stop_requested_by = models.CharField(max_length=150, blank=True)
    pressed_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, blank=True)
    command_ended_at = models.DateTimeField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    knocked_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)
    """Raised by every write, so that a page can ask cheaply whether anything changed."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment"],
                condition=Q(status__in=[status.value for status in OPEN_ROLLBACK]),
                name="rollback_one_open_per_environment",
            )
        ]
        indexes = [
            models.Index(fields=["environment", "-id"], name="rollback_newest_of_env"),
            models.Index(fields=["outcome", "deployment"], name="rollback_of_outcome"),
            models.Index(fields=["ended_at"], name="rollback_by_end"),
            models.Index(
                fields=["id"],
                condition=Q(status__in=[status.value for status in OPEN_ROLLBACK]),
                name="rollback_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tag} {self.environment}"

    def get_absolute_url(self) -> str:
        return reverse("rollback", args=[self.pk])

    @property
    def tag(self) -> str:
        return f"RB-{self.pk}"

    @property
    def open(self) -> bool:
        return self.status in OPEN_ROLLBACK
