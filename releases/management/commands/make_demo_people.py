"""Make the demo's people and its pipeline's token where they are missing; who is there keeps their password."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from releases.actor import Actor
from releases.intake import PersonSpec
from releases.management.keeping import append_secret, write_secret
from releases.management.refusing import person_at_the_terminal
from releases.models import User
from releases.services.people import add_to_group, create_person
from releases.services.tokens import create_token

PEOPLE = (
    PersonSpec(username="lead", first_name="Ana", last_name="Ruiz", group="lead"),
    PersonSpec(username="oncall", first_name="Cho", last_name="Park", group="on-call"),
    PersonSpec(username="auditor", first_name="Lee", last_name="Novak", group="auditor"),
    PersonSpec(username="viewer", first_name="Sam", last_name="Berg", group="viewer"),
)


class Command(BaseCommand):
    help = "Make lead, oncall, auditor and viewer with random passwords, and a token for the demo's pipeline."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--home", type=Path, required=True, help="where passwords.txt and demo/token are written")

    def handle(self, *args: Any, home: Path, **options: Any) -> None:
        passwords, token = home / "passwords.txt", home / "demo" / "token"
        actor = person_at_the_terminal()
        # The files are written before the commit: a password that nobody could read would lock its person out for good.
        with transaction.atomic():
            made = [
                f"{person.username} {create_person(person, actor=actor)}\n"
                for person in PEOPLE
                if not User.objects.filter(username=person.username).exists()
            ]
            if made:
                append_secret(passwords, "".join(made))
            if not token.exists():
                write_secret(token, _pipeline_token(actor) + "\n")


def _pipeline_token(actor: Actor) -> str:
    """Make a token for the demo's pipeline, which nobody signs in as."""
    pipeline, made = User.objects.get_or_create(username="pipeline", defaults={"first_name": "Demo pipeline"})
    if made:
        pipeline.set_unusable_password()
        pipeline.save()
        add_to_group(pipeline, "lead", given_by=actor.name)
    return create_token(pipeline, "demo", ["releases:write", "deployments:write", "read"], None, actor=actor)
