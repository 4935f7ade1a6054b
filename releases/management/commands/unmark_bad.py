"""Take the bad mark off a release, with the reason, so that it can be a target and be deployed again."""

from typing import Any

from django.core.management.base import CommandParser

from releases.intake import LiftSpec, from_text
from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.services.lookups import listed_service, registered_release
from releases.services.releases import unmark_bad


class Command(RefusingCommand):
    help = "Take the bad mark off a release; the book keeps who did it and why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("service")
        parser.add_argument("version_", metavar="version")
        parser.add_argument("--reason", default="", help="why it is not bad, or what changed around it; required")

    def act(self, *, service: str, version_: str, reason: str, **_: Any) -> str:
        release = registered_release(listed_service(service), version_)
        unmarked = unmark_bad(release, from_text(LiftSpec, {"reason": reason}), actor=person_at_the_terminal())
        return f"{release} is no longer marked bad." if unmarked else f"{release} was not marked bad."
