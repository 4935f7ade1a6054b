"""Walk the book's chain and say whether it holds."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from releases import book, triggers
from releases.models import BookHead


class Command(BaseCommand):
    help = (
        "Verify the book: every event follows from the one before it, and the triggers that guard it are there. "
        "A cut tail or a full rewrite can only be found against a head that was kept outside the database."
    )

    def handle(self, *args: Any, **options: Any) -> str:
        flaw = book.verify()
        if flaw is not None:
            raise CommandError(f"The book does not hold at event {flaw.seq}: {flaw.what}.")
        missing = triggers.missing()
        if missing:
            raise CommandError(f"The book holds, but its triggers are missing: {', '.join(missing)}. Run migrate.")
        head = BookHead.objects.filter(pk=1).first()
        return f"The book holds: {head.seq if head else 0} events, head {head.hash if head else 'none yet'}"
