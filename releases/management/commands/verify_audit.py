"""Walk the book's chain and say whether it holds."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from releases import anchors, book, triggers
from releases.models import BookHead
from releases.services import book_checks

UNKNOWN = (
    "No anchor was compared. A cut tail or a full rewrite can only be found against one that was kept outside the "
    "database: anchor_audit, then --anchor FILE."
)


class Command(BaseCommand):
    help = (
        "Verify the book: every event follows from the one before it, the triggers that guard it are there, and the "
        "anchors agree. A cut tail or a full rewrite can only be found against an anchor kept outside the database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchor", default=settings.ROLLBOOK_ANCHOR_FILE, metavar="FILE", help="default: ROLLBOOK_ANCHOR_FILE"
        )

    def handle(self, *args: Any, anchor: str, **options: Any) -> str:
        try:
            kept = list(anchors.read(Path(anchor))) if anchor else []
        except anchors.NotAnchored as why:
            raise CommandError(f"Nothing was verified. {why}") from None
        flaw = book.verify(kept)
        book_checks.keep_whole(flaw)
        if flaw is not None:
            raise CommandError(f"The book does not hold at event {flaw.seq}: {flaw.what}.")
        missing = triggers.missing()
        if missing:
            raise CommandError(f"The book holds, but its triggers are missing: {', '.join(missing)}. Run migrate.")
        head = BookHead.objects.filter(pk=1).first()
        holds = f"The book holds: {head.seq if head else 0} events, head {head.hash if head else 'none yet'}"
        if not kept:
            return f"{holds}\n{UNKNOWN}"
        return f"{holds}\nAnchors that agree: {len(kept)}, the newest of event {max(each.seq for each in kept)}."
