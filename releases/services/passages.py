"""What can be searched for is kept as it is written: a release's texts, the words of a rollback, a note."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from heapq import merge
from typing import Any

from django.db import DEFAULT_DB_ALIAS, transaction

from releases import search
from releases.intake import REASONS
from releases.models import Environment, Note, Passage, Release, Rollback, Service
from releases.services.retrying import retried

BATCH = 1000


def keep_release(release: Release) -> None:
    """Keep a release's texts. In the transaction of the verb, as the others here."""
    text = "\n".join([release.version, release.expected_result, release.rollback_note])
    _keep(release.registered_at, text, _tags("release", release.service, None, release.owner), release=release)


def keep_rollback(rollback: Rollback) -> None:
    """Keep why somebody rolled back."""
    text = f"{REASONS.get(rollback.reason, rollback.reason)} {rollback.words}"
    place = rollback.environment
    _keep(rollback.pressed_at, text, _tags("rollback", place.service, place, rollback.requested_by), rollback=rollback)


def keep_note(note: Note) -> None:
    """Keep a note."""
    place = note.rollback.environment if note.rollback else None
    service = note.release.service if note.release else place.service if place else None
    assert service is not None, "a note is about a release or a rollback"
    _keep(note.at, note.text, _tags("note", service, place, note.author), note=note)


_KEEP: dict[str, Callable[[Any], None]] = {"release": keep_release, "rollback": keep_rollback, "note": keep_note}


@retried
def fill(using: str = DEFAULT_DB_ALIAS) -> int:
    """Make the passages anew from everything that was written, in its order; return how many there are."""
    with transaction.atomic(using=using):
        search.clear(using)
        Passage.objects.using(using).all().delete()
        written = 0
        for _, kind, row in merge(*_everything(using), key=lambda each: each[0]):
            _KEEP[kind](row)
            written += 1
    return written


def index_after_migrate(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Create the index after a migrate where it is missing, and fill it with what was written before."""
    if search.install(using):
        fill(using)


def _everything(using: str) -> Iterator[Iterator[tuple[datetime, str, Any]]]:
    releases = Release.objects.using(using).select_related("service").order_by("pk").iterator(BATCH)
    rollbacks = Rollback.objects.using(using).select_related("environment__service").order_by("pk").iterator(BATCH)
    about = ("release__service", "rollback__environment__service")
    notes = Note.objects.using(using).select_related(*about).order_by("pk").iterator(BATCH)
    yield ((row.registered_at, "release", row) for row in releases)
    yield ((row.pressed_at, "rollback", row) for row in rollbacks)
    yield ((row.at, "note", row) for row in notes)


def _keep(at: datetime, text: str, tags: Sequence[str], **about: Any) -> None:
    search.keep(Passage.objects.create(at=at, **about).pk, text, tags)


def _tags(kind: str, service: Service, place: Environment | None, owner: str) -> list[str]:
    tags = [search.tag("kind", kind), search.tag("service", service.key), search.tag("owner", owner)]
    return [*tags, search.tag("environment", place.key)] if place else tags
