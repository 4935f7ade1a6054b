"""Explain one URL's caching and headers in plain sentences. Needs no catalogue, and records nothing."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from releases.display import visible
from releases.http import MOST_REDIRECTS, Deadline, Door, DoorError
from releases.probes.explain import explain

SECONDS = 20.0


class Command(BaseCommand):
    help = "Ask for one URL, and say who may cache the answer, for how long, and how readers are protected."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url")
        parser.add_argument("--follow", action="store_true", help=f"follow up to {MOST_REDIRECTS} redirects")
        parser.add_argument(
            "--allow-private", action="store_true", help="connect to private and loopback addresses too"
        )
        parser.add_argument(
            "--targeted",
            action="append",
            default=[],
            metavar="FIELD",
            help="a targeted field, such as CDN-Cache-Control",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        follow = MOST_REDIRECTS if options["follow"] else 0
        try:
            with Door(allow_private=options["allow_private"], deadline=Deadline.after(SECONDS)) as door:
                response = door.request("GET", options["url"], redirects=follow, truncate=True)
        except DoorError as error:
            raise CommandError(f"{visible(str(error))[:1].upper()}{visible(str(error))[1:]}.") from None
        for heading, sentences in explain(response, time.time(), tuple(options["targeted"])):
            self.stdout.write(f"\n{heading}")
            for sentence in sentences:
                self.stdout.write(f"  {visible(sentence)}")
