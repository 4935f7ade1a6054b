"""Releases as an auditor looks for them: by version, service and owner, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from releases.models import Release
from releases.queries.history import ReleaseRow, release_rows
from releases.queries.paging import Page, Position, page_of, read_models


@dataclass(frozen=True, slots=True)
class SoughtReleases:
    """Which releases somebody looks for. An empty text names all."""

    version: str = ""
    """The whole version."""
    service: str = ""
    owner: str = ""
    """A part of the name."""
    owners: Sequence[str] = ()
    """The names of owners that it means."""
    further: int = 0
    """How many more it means, which are not looked for."""


def sought_releases(sought: SoughtReleases, at: Position) -> Page[ReleaseRow]:
    """Return one page of them, each with its newest deployment per environment."""
    return page_of(_branches(sought), read_models(Release.objects.select_related("service")), at, release_rows)


def _branches(sought: SoughtReleases) -> list[QuerySet[Release]]:
    """Return the releases in parts that are each read along an index."""
    found = Release.objects.all()
    if sought.version:
        found = found.filter(version=sought.version)
    if sought.service:
        found = found.filter(service__key=sought.service)
    if sought.owner:
        # A whole name is looked for even where it is none of those that are offered: there may be more.
        return [found.filter(owner=owner) for owner in sought.owners or [sought.owner]]
    return [found]
