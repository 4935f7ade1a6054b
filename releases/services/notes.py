"""Notes about a release or a rollback: written once, corrected by another."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.errors import DO_NOT_RETRY, Conflict, NotFound, Problem
from releases.intake import NoteSpec
from releases.models import Note, Release, Rollback
from releases.services.passages import keep_note
from releases.services.permissions import require
from releases.services.retrying import retried


@retried
def add_note(about: Release | Rollback, spec: NoteSpec, *, actor: Actor) -> Note:
    """Write a note, or the correction of an earlier one about the same.

    Raises Denied, NotFound, or Conflict `note_corrected` where somebody was faster.
    """
    service = about.service if isinstance(about, Release) else about.environment.service
    require(actor, "add_note", scope="notes:write", service=service.key, on=about.tag)
    place = {"release": about} if isinstance(about, Release) else {"rollback": about}
    corrected = Note.objects.filter(pk=spec.corrects, **place).first() if spec.corrects else None
    if spec.corrects and corrected is None:
        expected = f"the number of a note about {about.tag}"
        raise NotFound(
            Problem("not_found", f"There is no N-{spec.corrects} here.", expected, field="corrects", retry=DO_NOT_RETRY)
        )
    with transaction.atomic():
        note = _create(spec, corrected, actor, **place)
        keep_note(note)
        book.record(
            Tag.NOTE_ADDED,
            actor,
            about=about.tag,
            service=about.service if isinstance(about, Release) else None,
            environment=about.environment if isinstance(about, Rollback) else None,
            note=note.tag,
            text=note.text,
            corrects=corrected.tag if corrected else "",
            before=corrected.text if corrected else "",
        )
    return note


def _create(spec: NoteSpec, corrected: Note | None, actor: Actor, **place: Release | Rollback) -> Note:
    try:
        with transaction.atomic():
            return Note.objects.create(
                author=actor.name, at=timezone.now(), text=spec.text, corrects=corrected, **place
            )
    except IntegrityError:
        if corrected is None:
            raise
        newer = Note.objects.get(corrects=corrected)
        raise Conflict(
            Problem(
                "note_corrected",
                f"N-{spec.corrects} was corrected already: {newer.tag} by {newer.author}.",
                f"a correction of {newer.tag}",
                field="corrects",
                retry=DO_NOT_RETRY,
            ),
            made=newer,
        ) from None
