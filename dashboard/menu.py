"""What stands in somebody's menu: the pages that they may open. Where they land: `landing`."""

from dashboard.landing import audits
from releases.models import User

Entry = tuple[str, str]
"""Name of a page's address, and what the menu calls it."""

EVERYBODY: tuple[Entry, ...] = (("board", "Board"), ("history", "History"), ("review", "Review"), ("trends", "Trends"))
AUDIT: Entry = ("audit", "Audit")
REGISTER: Entry = ("release_register", "Register")


def menu(person: User) -> list[Entry]:
    """Return the entries in their order."""
    entries = [*EVERYBODY]
    if person.may("read_book"):
        entries.append(AUDIT)
    if person.may_somewhere("register_release"):
        entries.append(REGISTER)
    return entries


def phone_bar(person: User) -> list[Entry]:
    """Return the three that have room at the bottom of a phone: whoever audits finds the desk there, not the review."""
    board, history, review, *_ = EVERYBODY
    return [board, history, AUDIT if audits(person) else review]
