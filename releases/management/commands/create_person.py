"""Make a person who may sign in, as a member of a group. The password is shown once."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from releases.display import hidden_character
from releases.groups import GROUPS
from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.services.lookups import listed_service
from releases.services.people import create_person

LIMITS = {"username": 80, "first_name": 40, "last_name": 40}
"""Characters of each name; what the book keeps as the actor holds them all."""


class Command(RefusingCommand):
    help = "Make a person of a group, or give the one of that name a new password. Prints the password, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--group", choices=sorted(GROUPS), required=True)
        parser.add_argument("--service", default="", help="the only service for which the group holds; without: all")
        parser.add_argument("--first-name", default="")
        parser.add_argument("--last-name", default="")

    def act(self, **options: Any) -> str:
        names = {field: options[field] for field in LIMITS}
        for field, value in names.items():
            limit = LIMITS[field]
            if len(value) > limit or hidden_character(value) or (field == "username" and not value):
                raise CommandError(f"{field} is not valid. Expected: 1-{limit} printable characters.")
        service = listed_service(options["service"]) if options["service"] else None
        return create_person(**names, group=options["group"], service=service, actor=person_at_the_terminal())
