"""Make the demo's people and its pipeline's token, once; a second run changes nothing."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from releases.management.refusing import person_at_the_terminal
from releases.models import User
from releases.services.people import add_to_group, create_person
from releases.services.tokens import create_token

PEOPLE = {
    "lead": ("Ana", "Ruiz", "lead"),
    "oncall": ("Cho", "Park", "on-call"),
    "auditor": ("Lee", "Novak", "auditor"),
    "viewer": ("Sam", "Berg", "viewer"),
}


class Command(BaseCommand):
    help = "Make lead, oncall, auditor and viewer with random passwords, and a token for the demo's pipeline."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--home", type=Path, required=True, help="where passwords.txt and demo/token are written")

    def handle(self, *args: Any, home: Path, **options: Any) -> None:
        passwords, token = home / "passwords.txt", home / "demo" / "token"
        if User.objects.filter(username="lead").exists() and passwords.exists() and token.exists():
            return
        actor = person_at_the_terminal()
        with transaction.atomic():
            lines = [f"{username} {create_person(username, *who, actor=actor)}\n" for username, who in PEOPLE.items()]
            pipeline, _ = User.objects.get_or_create(username="pipeline", defaults={"first_name": "Demo pipeline"})
            pipeline.set_unusable_password()
            pipeline.save()
            add_to_group(pipeline, "lead")
            text = create_token(pipeline, "demo", ["releases:write", "deployments:write", "read"], None, actor=actor)
        _write_secret(passwords, "".join(lines))
        _write_secret(token, text + "\n")


def _write_secret(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
