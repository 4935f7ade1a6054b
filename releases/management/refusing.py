"""A command whose refusals are sentences on the terminal, the same as in the form and the API."""

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from releases.actor import Actor
from releases.errors import Refused


class RefusingCommand(BaseCommand):
    """Prints every problem of a refusal, one line each, and exits with status 1."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        try:
            return self.act(**options)
        except Refused as refused:
            raise CommandError("\n".join(problem.sentence for problem in refused.problems)) from None

    def act(self, *args: Any, **options: Any) -> str | None:
        raise NotImplementedError


def person_at_the_terminal() -> Actor:
    """Return the system user who runs the command, as the book names them."""
    return Actor(name=f"{getpass.getuser()} (system user)", via="command line")
