"""Apply a catalogue file: what the web may know of it, all or nothing."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from releases.catalogue import CatalogueError, load
from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.services.catalogue_sync import sync_catalogue


class Command(RefusingCommand):
    help = "Apply what the web may know of a catalogue file (never commands or secrets), and say what changed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def act(self, *, file: Path, **_: Any) -> str:
        try:
            catalogue = load(file)
        except CatalogueError as error:
            raise CommandError(f"{error}\nNothing was changed.") from None
        changes = sync_catalogue(catalogue, actor=person_at_the_terminal())
        return "\n".join(change.what for change in changes) or "Nothing changed."
