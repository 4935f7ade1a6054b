"""What people say of an expected result that no probe can measure."""

from django.db import models

from releases.models.release import Release


class Confirmation(models.Model):
    """A person's word on one expected result of a release; the newest one of a result counts."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="confirmations")
    result = models.TextField()
    """The result as the release promised it."""
    came_true = models.BooleanField()
    note = models.TextField()
    """What it was seen by."""
    confirmed_by = models.CharField(max_length=150)
    confirmed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.release}: {self.result}"
