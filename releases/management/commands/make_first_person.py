"""Make the one person with whom an empty Rollbook begins; where anybody is, this changes nothing."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from releases.intake import PersonSpec
from releases.management.keeping import append_secret
from releases.management.refusing import person_at_the_terminal
from releases.models import User
from releases.services.people import create_person

USERNAME = "lead"


class Command(BaseCommand):
    help = "Make a lead with a random password if there is no user at all. The password is kept in passwords.txt."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--home", type=Path, required=True, help="where passwords.txt is written")

    def handle(self, *args: Any, home: Path, **options: Any) -> None:
        with transaction.atomic():  # with the file before the commit: nobody can sign in with a password that is lost
            if User.objects.exists():
                return
            password = create_person(PersonSpec(username=USERNAME, group="lead"), actor=person_at_the_terminal())
            append_secret(home / "passwords.txt", f"{USERNAME} {password}\n")
