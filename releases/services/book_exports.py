"""Taking the book out of Rollbook over the network, which leaves a line in it.

`manage.py export_audit` leaves none: whoever stands at the server reads the database without asking, and a line there
would promise more than it keeps.
"""

from django.db import transaction

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.services.permissions import require
from releases.services.retrying import retried


@retried
def note_export(form: str, question: str, *, actor: Actor) -> None:
    """Write down who takes which events, before the first of them is sent. Raises Denied."""
    require(actor, "read_book", scope="read", service="", on="the book")
    with transaction.atomic():
        book.record(Tag.BOOK_EXPORTED, actor, form=form, question=question)
