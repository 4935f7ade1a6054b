"""A lead's recorded word that a finding may stand."""

from django.db import models
from django.db.models import Q

from releases.models.checklist import Finding
from releases.models.release import Release
from releases.models.service import Environment


class Acceptance(models.Model):
    """A finding accepted in an environment, for one release or until a date. It never turns a failure into a pass."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="acceptances")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, null=True, blank=True, related_name="acceptances")
    """The only release that it holds for; none where it holds until a date."""
    until = models.DateTimeField(null=True, blank=True)
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="+")
    """What the person had before them."""
    identity = models.CharField(max_length=64)
    """Digest of probe, kind and subject: what the same finding of a later run has too."""
    reason = models.TextField()
    accepted_by = models.CharField(max_length=150)
    accepted_at = models.DateTimeField()
    ended_by = models.CharField(max_length=150, blank=True)
    """Who withdrew it, or accepted the finding anew."""
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "identity"],
                condition=Q(ended_at=None),
                name="acceptance_one_per_finding_of_env",
            ),
            models.CheckConstraint(
                condition=Q(release=None) ^ Q(until=None), name="acceptance_for_a_release_or_until_a_date"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tag} of {self.finding}"

    @property
    def tag(self) -> str:
        return f"A-{self.pk}"
