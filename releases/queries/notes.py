"""The notes about a release or a rollback, each with what took its place."""

from collections.abc import Sequence

from releases.models import Note, Release, Rollback

LIMIT = 100


def notes_about(thing: Release | Rollback) -> Sequence[Note]:
    """Return the newest notes, oldest first."""
    newest = Note.objects.filter(**{"release" if isinstance(thing, Release) else "rollback": thing})
    return list(newest.select_related("corrected_by", "corrects").order_by("-pk")[:LIMIT])[::-1]
