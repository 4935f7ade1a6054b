"""Repair what messages and workers lost: once, or for ever as a process of its own."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from releases.sweep import Sweep, sweep_for_ever

ANCHOR_SECONDS = 10
"""How long a single sweep waits for its anchor to be written."""


class Command(BaseCommand):
    help = "Knock again for what nobody took, and close what outlived its lease. One --forever process per Rollbook."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--forever", action="store_true", help=f"every {settings.SWEEP_SECONDS} s, until TERM")

    def handle(self, *args: Any, forever: bool, **options: Any) -> None:
        if not forever:
            sweep = Sweep()
            sweep.once()
            sweep.anchoring.finish(ANCHOR_SECONDS)
            return
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        for _ in sweep_for_ever(settings.SWEEP_SECONDS, ended.wait):
            pass
