"""End an API token: `manage.py revoke_token T-3`, or by its name where only one token has it."""

import re
from typing import Any

from django.core.management.base import CommandError, CommandParser

from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.models import ApiToken
from releases.services.tokens import revoke_token

NAMED = 10
"""How many tokens a refusal names."""


class Command(RefusingCommand):
    help = "Revoke an API token, from the next request on. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("token", help="its number, such as T-3, or its name")

    def act(self, *, token: str, **_: Any) -> str:
        row = _find(token)
        done = revoke_token(row, actor=person_at_the_terminal())
        return f"{_told(row)} {'is revoked' if done else 'was revoked before'}."


def _find(given: str) -> ApiToken:
    """Return the token that is meant; of those with a name the one that still opens the door. Raises CommandError."""
    tokens = ApiToken.objects.select_related("user").order_by("-pk")
    if number := re.fullmatch(r"T-([0-9]{1,15})", given):
        found = list(tokens.filter(pk=int(number[1])))
    else:
        named = tokens.filter(name=given)
        found = list(named.filter(revoked_at=None)[: NAMED + 1]) or list(named[:1])
    if not found:
        known = ", ".join(map(_told, tokens.filter(revoked_at=None)[:NAMED]))
        raise CommandError(f"There is no token {given}. Expected: {known or 'T-3 or so; there is none'}.")
    if len(found) > 1:
        several = ", ".join(map(_told, found[:NAMED]))
        raise CommandError(
            f"Several tokens are named {given}; none was revoked. Expected: the number of one: {several}."
        )
    return found[0]


def _told(row: ApiToken) -> str:
    return f"{row.tag} ({row.name}) of {row.user.username}"
