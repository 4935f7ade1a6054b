"""What lies between what is live and a target: the migrations that a worker was told of."""

from typing import Any

from django.db import models

from releases.migration_report import losses_of
from releases.models.release import Deployment
from releases.models.service import Environment


class MigrationReport(models.Model):
    """The last answer of an environment's `check_migrations` about one way back, and how the last look ended.

    A look that fails leaves the answer of before: what is known to be lost stays known.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="migration_reports")
    live = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+")
    target = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+")
    migrations = models.JSONField(default=list)
    """[{"name", "kind", "loses", "what_to_do"}], in the command's own order; none where nothing lies between."""
    answered_at = models.DateTimeField(null=True)
    """When it was said; null where nobody has answered yet."""
    answered_on = models.CharField(max_length=255, blank=True)
    problem = models.TextField(blank=True)
    """Why the last look learned nothing, as a sentence; empty where the command answered."""
    host = models.CharField(max_length=255)
    looked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "live", "target"], name="migration_report_one_per_way_back")
        ]

    def __str__(self) -> str:
        return f"{self.environment} from D-{self.live_id} back to D-{self.target_id}"

    @property
    def answer(self) -> dict[str, Any]:
        """What was said, when and where, by the names of its fields."""
        return {"migrations": self.migrations, "answered_at": self.answered_at, "answered_on": self.answered_on}

    @property
    def losses(self) -> list[str]:
        """What is lost on the way back, each once."""
        return losses_of(self.migrations)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [migration for migration in self.migrations if migration["kind"] == kind]
