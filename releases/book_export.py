"""The book as JSON Lines, for somebody who does not trust this server: `audit_verifier/` reads it without our code.

The first line says what the book was when it was exported; each further line is one event, from the first to the
last: `seq`, `digest`, `hash`, and `payload` where the filter lets it be seen. What is left out stays as its digest,
so that every export holds the whole chain and can be compared with any anchor.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from releases import book
from releases.models import Event

FORMAT = 1
VERIFIER = Path(__file__).parent / "audit_verifier" / "verify_rollbook_export.py"
"""The program that an auditor runs: one file, nothing but Python's standard library."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are shown in full; without any, all of them."""

    service: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is no longer shown."""
    environment: str = ""
    actors: Sequence[str] = ()
    actions: Sequence[str] = ()
    object: str = ""

    def shows(self, event: Event) -> bool:
        return (
            (not self.service or event.service == self.service)
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
            and (not self.environment or event.environment == self.environment)
            and (not self.actors or event.actor in self.actors)
            and (not self.actions or event.action in self.actions)
            and (not self.object or event.object_tag == self.object)
        )

    def named(self) -> dict[str, str]:
        """Return what the first line of an export says of it."""
        named = {"service": self.service, "since": _utc(self.since), "until": _utc(self.until)}
        further = {
            "environment": self.environment,
            "actor": ", ".join(self.actors),
            "action": ", ".join(self.actions),
            "object": self.object,
        }
        return named | {name: value for name, value in further.items() if value}


def export_lines(shown: Filter) -> Iterator[str]:
    """Yield the lines of an export, without line ends, in ASCII. Events written meanwhile are left for the next one.

    A book that does not hold is exported as it stands; saying so is the verifier's part.
    """
    newest, head = book.ends()
    yield _line(
        {
            "rollbook_export": FORMAT,
            "exported_at": _utc(timezone.now()),
            "head": {"seq": head.seq, "hash": head.hash or book.GENESIS},
            "filter": shown.named(),
        }
    )
    for event in book.events_up_to(max(newest, head.seq)):
        row = {"seq": event.seq, "digest": event.payload_digest, "hash": event.hash}
        yield _line(row | {"payload": event.payload} if shown.shows(event) else row)


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, separators=(",", ":"))


def _utc(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
