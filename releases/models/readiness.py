"""Readiness: what the worker that would run a rollback last found, and which way the answer has turned."""

from django.db import models

from releases.models.release import Deployment
from releases.models.service import Environment


class ReadinessLook(models.Model):
    """What a worker found, item by item, when it last looked at going back to one target."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="readiness_looks")
    target = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+")
    live = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+")
    """What would have been undone then; a look at the way back from something else says nothing."""
    items = models.JSONField(default=list)
    """As `ReadinessItem.stored` gives them."""
    host = models.CharField(max_length=255)
    looked_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["environment", "target"], name="readiness_look_one_per_target")]

    def __str__(self) -> str:
        return f"{self.environment} back to D-{self.target_id}, seen on {self.host}"


class Readiness(models.Model):
    """Whether the way back of an environment was ready when the sweep last saw it turn."""

    environment = models.OneToOneField(Environment, on_delete=models.CASCADE, related_name="readiness")
    ready = models.BooleanField()
    red = models.JSONField(default=list)
    """Keys of the items that were red as it turned, or turned red since; those that are ready again are taken out."""
    turned_at = models.DateTimeField()
    turns = models.PositiveIntegerField(default=0)
    """How often it has turned, or a further item has turned red; each time is told once."""

    def __str__(self) -> str:
        return f"{self.environment} {'ready' if self.ready else 'not ready'}"
