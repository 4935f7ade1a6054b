"""Report from a terminal that a deployment begins."""

from typing import Any

from django.core.management.base import CommandParser

from releases.intake import StartSpec, from_text
from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.services.deployments import start_deployment


class Command(RefusingCommand):
    help = "Report that a deployment begins; the baseline is measured now. Prints the deployment's number."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("service")
        parser.add_argument("environment")
        parser.add_argument("version_", metavar="version")
        parser.add_argument(
            "--what-changed", default="", metavar="WORDS", help="needed where the release is marked bad"
        )
        parser.add_argument("--key", default="", help="idempotency key: the same key again changes nothing")

    def act(self, *, service: str, environment: str, version_: str, what_changed: str, key: str, **_: Any) -> str:
        asked = {"service": service, "environment": environment, "version": version_, "what_changed": what_changed}
        spec = from_text(StartSpec, asked)
        return start_deployment(spec, actor=person_at_the_terminal(), key=key).tag
