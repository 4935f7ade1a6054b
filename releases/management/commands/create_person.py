"""Make a person who may sign in, as a member of a group. The password is shown once."""

from typing import Any

from django.core.management.base import CommandParser

from releases.groups import GROUPS
from releases.intake import PersonSpec, from_text
from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.services.people import create_person

FIELDS = ("username", "first_name", "last_name", "group", "service")


class Command(RefusingCommand):
    help = "Make a person of a group, or give the one of that name a new password. Prints the password, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--group", choices=sorted(GROUPS), required=True)
        parser.add_argument("--service", default="", help="the only service for which the group holds; without: all")
        parser.add_argument("--first-name", default="")
        parser.add_argument("--last-name", default="")

    def act(self, **options: Any) -> str:
        spec = from_text(PersonSpec, {field: options[field] for field in FIELDS})
        return create_person(spec, actor=person_at_the_terminal())
