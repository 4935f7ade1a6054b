"""Report from a terminal that a deployment has ended."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from releases.intake import FinishSpec
from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.services.deployments import finish_deployment


class Command(RefusingCommand):
    help = "Report that a deployment has ended; the checklist runs now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("deployment", help="its number, such as D-7")
        parser.add_argument(
            "--failed", action="store_true", help="it did not succeed; the earlier version should serve"
        )
        parser.add_argument("--key", default="", help="idempotency key: the same key again changes nothing")

    def act(self, *, deployment: str, failed: bool, key: str, **_: Any) -> str:
        number = deployment.removeprefix("D-")
        if not number.isascii() or not number.isdigit() or len(number) > 15:
            raise CommandError(
                f"{deployment!r} is no deployment. Expected: its number, such as D-7. Safe to try again."
            )
        made = finish_deployment(int(number), FinishSpec(succeeded=not failed), actor=person_at_the_terminal(), key=key)
        return f"{made.tag} {made.status}; the checklist runs."
