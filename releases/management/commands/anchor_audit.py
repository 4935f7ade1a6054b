"""Keep the head of the book in a file outside the database."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from releases import anchors


class Command(BaseCommand):
    help = (
        "Append the head of the book to a file outside the database: only against such an anchor can verify_audit find "
        "a cut tail or a full rewrite. Refuses, with exit status 1, where the last anchor contradicts the book."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", default=settings.ROLLBOOK_ANCHOR_FILE, help="default: ROLLBOOK_ANCHOR_FILE")

    def handle(self, *args: Any, file: str, **options: Any) -> str:
        if not file:
            raise CommandError("No file is named. Expected: --file PATH, or ROLLBOOK_ANCHOR_FILE.")
        try:
            anchor = anchors.append(Path(file))
        except anchors.NotAnchored as why:
            raise CommandError(str(why)) from None
        return f"Anchored event {anchor.seq} in {file}." if anchor else "Nothing new to anchor."
