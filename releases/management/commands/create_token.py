"""Make an API token for a person or a pipeline. It is shown once, on standard output; its number on standard error."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from releases.display import hidden_character
from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.models import User
from releases.services.tokens import SCOPES, make_token

NAME_LIMIT = 80
"""Characters of a token's name."""


class Command(RefusingCommand):
    help = "Make an API token; its text is printed once and kept nowhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="pipeline")
        parser.add_argument("--scope", action="append", choices=SCOPES, dest="scopes", default=[])
        parser.add_argument("--days", type=int, default=0, help="days until it expires; 0: never")

    def act(self, *, username: str, name: str, scopes: list[str], days: int, **_: Any) -> str:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}. Expected: the name of a user. Safe to try again.")
        if not name or len(name) > NAME_LIMIT or hidden_character(name):
            raise CommandError(f"The name is not valid. Expected: 1-{NAME_LIMIT} printable characters.")
        wanted = scopes or ["releases:write", "deployments:write", "read"]
        row, text = make_token(user, name, wanted, days or None, actor=person_at_the_terminal())
        # Beside the output, which scripts read, and which is the token alone.
        self.stderr.write(f"T-{row.pk} ({name}) for {username}. To end it: manage.py revoke_token T-{row.pk}")
        return text
