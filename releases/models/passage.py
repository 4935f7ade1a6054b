"""What can be searched for: one row per text that somebody wrote, numbered in the order in which they were written."""

from django.db import models
from django.db.models import Q

from releases.models.note import Note
from releases.models.release import Release
from releases.models.rollback import Rollback


class Passage(models.Model):
    """A release's texts, the words of a rollback, or a note. Its words are in the index of `releases.search`."""

    release = models.OneToOneField(Release, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    rollback = models.OneToOneField(Rollback, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    note = models.OneToOneField(Note, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(release=None, rollback=None, note__isnull=False)
                | Q(release=None, rollback__isnull=False, note=None)
                | Q(release__isnull=False, rollback=None, note=None),
                name="passage_of_one_thing",
            )
        ]
        indexes = [models.Index(fields=["at"], name="passage_written")]

    def __str__(self) -> str:
        return f"passage {self.pk}"
