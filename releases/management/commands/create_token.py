"""Make an API token for a person or a pipeline. It is shown once, on standard output; its number on standard error."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from releases.intake import SCOPES, TokenSpec, from_text
from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.models import User
from releases.services.tokens import make_token


class Command(RefusingCommand):
    help = "Make an API token; its text is printed once and kept nowhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="pipeline")
        parser.add_argument("--scope", action="append", choices=SCOPES, dest="scopes", default=[])
        parser.add_argument("--service", default="", help="the only service for which it may do more than read")
        parser.add_argument("--days", type=int, default=0, help="days until it expires; 0: never")

    def act(self, *, username: str, name: str, scopes: list[str], service: str, days: int, **_: Any) -> str:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}. Expected: the name of a user. Safe to try again.")
        given = {"name": name, "scopes": scopes or ["releases:write", "deployments:write", "read"], "service": service}
        spec = from_text(TokenSpec, given | {"days": str(days or "")})
        row, text = make_token(user, spec, actor=person_at_the_terminal())
        # Beside the output, which scripts read, and which is the token alone.
        self.stderr.write(f"{row.tag} ({name}) for {username}. To end it: manage.py revoke_token {row.tag}")
        return text
