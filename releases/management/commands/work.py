"""Start a worker: `act` runs commands, `probe` measures. Never both in one process."""

import threading
from typing import Any

from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.celery import app
from releases.catalogue import CatalogueError
from releases.services import places, workers

ROLES = ("act", "probe")
PROBING = 2
MOST_ACTING = 8


def concurrency_of(role: str, environments: int) -> int:
    """Return how many tasks a worker of a role takes at once.

    One command per environment may be at work, so with one place more than environments a rehearsal or a deployment
    somewhere never keeps a rollback elsewhere waiting. Beyond MOST_ACTING, give production a worker of its own.
    """
    return PROBING if role == "probe" else min(environments + 1, MOST_ACTING)


class Command(BaseCommand):
    help = "Start a Celery worker on the act or the probe queues of the catalogue's environments."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", choices=ROLES)
        parser.add_argument(
            "environments", nargs="*", metavar="SERVICE/ENVIRONMENT", help="all of the catalogue if none"
        )
        parser.add_argument("--concurrency", type=int, default=0)

    def handle(self, *args: Any, role: str, environments: list[str], concurrency: int, **options: Any) -> None:
        try:
            catalogue = places.catalogue()
        except (places.NoCatalogue, CatalogueError) as error:
            raise CommandError(str(error)) from None
        known = [place.name for place in catalogue.environments()]
        unknown = sorted(set(environments) - set(known))
        if unknown:
            raise CommandError(f"The catalogue has no {', '.join(unknown)}. Expected: some of {', '.join(known)}.")
        queues = [f"{role}.{name.replace('/', '.')}" for name in environments or known]
        app.conf.broker_transport_options = settings.WORKER_BROKER_TRANSPORT_OPTIONS
        ended = threading.Event()

        @worker_ready.connect(weak=False)
        def report(**_: Any) -> None:
            threading.Thread(target=workers.report_until, args=(role, queues, ended), daemon=True).start()

        @worker_shutting_down.connect(weak=False)
        def stop_reporting(**_: Any) -> None:
            ended.set()

        app.worker_main(
            [
                "worker",
                f"--queues={','.join(queues)}",
                f"--concurrency={concurrency or concurrency_of(role, len(queues))}",
                f"--hostname={role}-{workers.own_name()}@%h",
                "--pool=prefork",
                "--loglevel=INFO",
                "--without-gossip",
                "--without-mingle",
            ]
        )
