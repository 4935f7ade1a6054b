"""Send the messages that are due to people: once, or for ever as a process of its own."""

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection

from releases.services.telling import send_due

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0


class Command(BaseCommand):
    help = "Send the messages that are due, by the catalogue's `tell`. One --forever process per Rollbook."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--forever", action="store_true", help=f"every {PAUSE_SECONDS:g} s, until TERM")

    def handle(self, *args: Any, forever: bool, **options: Any) -> None:
        if not forever:
            send_due()
            return
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        while not ended.wait(PAUSE_SECONDS):
            try:
                send_due()
            except Error as error:
                log.warning("the database does not answer: %s", error)
                connection.close()
