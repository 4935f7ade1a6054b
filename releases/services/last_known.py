"""The last known way back of each environment, in a file beside the worker: for the night when the database is gone.

Written whenever the worker renders its rollback commands, read by `manage.py last_known`, which asks no database.
"""

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from releases import queries
from releases.models import Environment, RenderedCommand

log = logging.getLogger(__name__)

FILE_LIMIT = 256 * 1024
"""Bytes of a file that are read."""
MOST_FILES = 1000


def folder() -> Path:
    return Path(settings.ROLLBOOK_HOME) / "last_known"


def keep(environment: Environment) -> None:
    """Write down what is live, what it goes back to and how. A full disk is logged and stops nothing else."""
    try:
        _write(folder() / f"{environment.service.key}.{environment.key}.json", _facts(environment))
    except OSError as error:
        log.warning("the last known way back of %s could not be kept: %s", environment, error)


def read_all() -> Iterator[Mapping[str, Any]]:
    """Yield what was kept, by name of the environment. What cannot be read is passed over, and said in the log."""
    for path in sorted(folder().glob("*.json"))[:MOST_FILES]:
        try:
            with path.open("rb") as file:
                facts = json.loads(file.read(FILE_LIMIT))
        except (OSError, ValueError) as error:
            log.warning("%s cannot be read: %s", path, error)
            continue
        if isinstance(facts, dict):
            yield facts


def _facts(environment: Environment) -> dict[str, Any]:
    back = queries.way_back(environment)
    live = back.live
    targets = {target.pk: target for target in back.targets}
    rendered = RenderedCommand.objects.filter(environment=environment, target__in=targets).select_related("target")
    return {
        "environment": str(environment),
        "at": timezone.now().isoformat(timespec="seconds"),
        "contact": environment.service.contact,
        "base_url": environment.base_url,
        "live": live.release.version if live else "",
        "owner": live.release.owner if live else "",
        "note": live.release.rollback_note if live else "",
        "purge": queries.routes_to_purge(environment, back.target) if back.target else [],
        "ways": [
            {
                "version": targets[row.target_id].release.version,
                "verified": targets[row.target_id].verified,
                "argv": row.argv,
                "directory": row.directory,
                "timeout": row.timeout,
                "host": row.host,
                "problems": row.problems,
            }
            for row in sorted(rendered, key=lambda row: list(targets).index(row.target_id))
        ],
    }


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    """Replace the file as a whole, readable by its owner only. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(facts, file, indent=1)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
