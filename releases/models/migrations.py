"""What lies between what is live and a target: the migrations that a worker was told of."""

from typing import Any

from django.db import models

from releases.migration_report import losses_of
from releases.models.release import Deployment
from releases.models.service import Environment


class MigrationReport(models.Model):
    """The last answer of an environment's `check_migrations` about one way back, or why there is none."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="migration_reports")
    live = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+")
    target = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+")
    migrations = models.JSONField(default=list)
    """[{"name", "kind", "loses", "what_to_do"}], in the command's own order; none where nothing lies between."""
    problem = models.TextField(blank=True)
    """Why nothing is known, as a sentence; empty where the command answered."""
    host = models.CharField(max_length=255)
    looked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "live", "target"], name="migration_report_one_per_way_back")
        ]

    def __str__(self) -> str:
        return f"{self.environment} from D-{self.live_id} back to D-{self.target_id}"

    @property
    def losses(self) -> list[str]:
        """What is lost on the way back, each once."""
        return losses_of(self.migrations)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [migration for migration in self.migrations if migration["kind"] == kind]
