"""The least that Celery does: one worker, one task, which notes when it was started. `python -m bench.bare` runs it.

Reads REDIS_URL and the path of the file to note in from BARE_NOTES. What a rollback costs is told beside this.
"""

import os
import time
from pathlib import Path

from celery import Celery

QUEUE = "bare"
TASK = "bench.bare.note"


def made(broker: str) -> Celery:
    """Return an application that sends as Rollbook's does: no result, no retry."""
    app = Celery("bare", broker=broker, set_as_current=False)
    app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=1, worker_hijack_root_logger=False)
    return app


def main() -> None:
    app = made(os.environ["REDIS_URL"])
    notes = os.open(os.environ["BARE_NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @app.task(name=TASK)
    def note() -> None:
        os.write(notes, b"%d\n" % time.time_ns())

    app.worker_main(
        ["worker", f"--queues={QUEUE}", "--concurrency=1", "--pool=prefork", "--without-gossip", "--without-mingle"]
    )


def noted(notes: Path) -> list[int]:
    """Return when each task started, in nanoseconds since the epoch."""
    return [int(line) for line in notes.read_text().splitlines()] if notes.exists() else []


if __name__ == "__main__":
    main()
