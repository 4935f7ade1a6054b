"""Notes that people leave about a release or a rollback. Append-only: a correction is a new note."""

from django.db import models
from django.db.models import Q

from releases.models.release import Release
from releases.models.rollback import Rollback


class Note(models.Model):
    """What somebody wrote. Triggers refuse UPDATE, DELETE and TRUNCATE, as for events."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, null=True, blank=True, related_name="notes")
    rollback = models.ForeignKey(Rollback, on_delete=models.PROTECT, null=True, blank=True, related_name="notes")
    author = models.CharField(max_length=150)
    """The name that they had then."""
    at = models.DateTimeField()
    text = models.TextField()
    corrects = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrected_by"
    )
    """The earlier note that this one takes the place of; at most one does, so that the newest is the one that holds."""

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(release=None) ^ Q(rollback=None), name="note_about_a_release_or_a_rollback"
            )
        ]

    def __str__(self) -> str:
        return f"{self.tag} by {self.author}"

    @property
    def tag(self) -> str:
        return f"N-{self.pk}"
