"""Write the book as JSON Lines, for an auditor who need not trust this server."""

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from releases.book_export import VERIFIER, Filter, export_lines
from releases.models import Event, Service


class Command(BaseCommand):
    help = (
        "Export the book as JSON Lines. Events that a filter leaves out are there as digests, so the chain is whole. "
        "A cut tail or a full rewrite can only be found against an anchor kept outside the database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--service", default="", metavar="KEY", help="show only events of this service in full")
        parser.add_argument("--since", default="", metavar="TIME", help="ISO 8601, UTC unless it says; or a day")
        parser.add_argument("--until", default="", metavar="TIME", help="the first moment left out; or the last day")
        parser.add_argument("--out", default="-", metavar="FILE", help="a new file; - is standard output")
        parser.add_argument("--verifier", default="", metavar="FILE", help="write the verifier there, too")

    def handle(self, *args: Any, service: str, since: str, until: str, out: str, verifier: str, **_: Any) -> None:
        if service and not _known(service):
            known = ", ".join(Service.objects.values_list("key", flat=True)[:20])
            raise CommandError(f"There is no service {service!r}. Expected: {known or 'one; there is none'}.")
        shown = Filter(service, _moment(since, "--since"), _moment(until, "--until", last_day=True))
        try:
            if verifier:
                _write(Path(verifier), [VERIFIER.read_text().removesuffix("\n")])
            if out == "-":
                for line in export_lines(shown):
                    self.stdout.write(line)
            else:
                _write(Path(out), export_lines(shown))
        except FileExistsError as error:
            raise CommandError(
                f"{error.filename} is there already; nothing was overwritten. Expected: a new name."
            ) from None
        except OSError as error:
            raise CommandError(f"The export could not be written: {error}.") from None


def _known(service: str) -> bool:
    return Service.objects.filter(key=service).exists() or Event.objects.filter(service=service).exists()


def _moment(given: str, option: str, *, last_day: bool = False) -> datetime | None:
    """Return a moment; a day is its beginning, or its end where it is the last one."""
    if not given:
        return None
    try:
        if len(given) == 10:
            return datetime.combine(date.fromisoformat(given) + timedelta(days=last_day), time(), UTC)
        moment = datetime.fromisoformat(given)
    except (ValueError, OverflowError):
        raise CommandError(
            f"{option} {given!r} is not a time. Expected: a day such as 2026-12-31, or 2026-12-31T14:05:00Z."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _write(path: Path, lines: Iterable[str]) -> None:
    """Write a new file that only its owner may read. Raises OSError, also where there is such a file."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
