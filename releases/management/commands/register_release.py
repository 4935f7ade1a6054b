"""Register a release from a terminal or a shell pipeline."""

from typing import Any

from django.core.management.base import CommandParser

from releases.intake import ReleaseSpec, from_text
from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.services.releases import register_release

TEXTS = ("owner", "expected-result", "rollback-note", "change-url", "assumptions", "change-size", "committed-at")


class Command(RefusingCommand):
    help = "Register a release: version, owner, expected result and rollback note in one place."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("service")
        parser.add_argument("version_", metavar="version")
        for name in TEXTS:
            parser.add_argument(f"--{name}", default="")
        parser.add_argument("--affected-route", action="append", default=[], dest="affected_routes", metavar="PATH")
        parser.add_argument("--key", default="", help="idempotency key: the same key again changes nothing")

    def act(self, *, version_: str, key: str, **options: Any) -> str:
        given = {name: options[name] for name in ReleaseSpec.model_fields if name in options}
        spec = from_text(ReleaseSpec, {**given, "version": version_})
        release = register_release(spec, actor=person_at_the_terminal(), key=key)
        return f"{release.tag} {release} registered."
