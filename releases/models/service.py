"""Services and their environments, as far as the web may know them; and freezes."""

from django.db import models
from django.db.models import Q
from django.urls import reverse


class Service(models.Model):
    key = models.CharField(max_length=40, unique=True)
    title = models.CharField(max_length=80)
    team = models.CharField(max_length=80, blank=True)
    contact = models.CharField(max_length=200, blank=True)
    listed = models.BooleanField(default=True)
    """False once the catalogue no longer names it; its history stays."""

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key

    def get_absolute_url(self) -> str:
        return reverse("service", args=[self.key])


class Environment(models.Model):
    """A place where a service runs. Commands and secrets stay in the catalogue file, on the workers' side."""

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="environments")
    key = models.CharField(max_length=40)
    production = models.BooleanField(default=False)
    base_url = models.URLField(max_length=500)
    instances = models.JSONField(default=list)
    """[{"name": ..., "url": ...}]"""
    allow_private = models.BooleanField(default=False)
    requires_rehearsal = models.BooleanField(default=False)
    purging_method = models.CharField(max_length=20, blank=True)
    checklist = models.JSONField(default=dict)
    """Settings by probe key; copied into every checklist run."""
    command_names = models.JSONField(default=list)
    command_digests = models.JSONField(default=dict)
    """By name, over the commands as the catalogue gives them: a receipt counts as long as they stay the same."""
    receivers = models.JSONField(default=list)
    """Names of those who are told; their addresses stay in the catalogue."""
    listed = models.BooleanField(default=True)
    live = models.ForeignKey("releases.Deployment", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """The last finished deployment; moved only by compare-and-set."""
    observed = models.JSONField(default=dict)
    """Version per instance as last measured; null where it could not be."""
    observed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["service__key", "-production", "key"]
        constraints = [models.UniqueConstraint(fields=["service", "key"], name="environment_unique_per_service")]

    def __str__(self) -> str:
        return f"{self.service.key}/{self.key}"

    def get_absolute_url(self) -> str:
        return reverse("environment", args=[self.service.key, self.key])

    @property
    def act_queue(self) -> str:
        """Queue of the worker that runs commands here."""
        return f"act.{self.service.key}.{self.key}"

    @property
    def probe_queue(self) -> str:
        """Queue of the worker that measures here; never served by the process that serves `act_queue`."""
        return f"probe.{self.service.key}.{self.key}"


class Freeze(models.Model):
    """Blocks new deployments of an environment until a person lifts it. Never blocks a rollback."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="freezes")
    reason = models.TextField()
    frozen_by = models.CharField(max_length=150)
    frozen_at = models.DateTimeField()
    rollback = models.ForeignKey("releases.Rollback", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=150, blank=True)
    lift_reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment"], condition=Q(lifted_at__isnull=True), name="freeze_one_active_per_environment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.environment} frozen by {self.frozen_by}"
