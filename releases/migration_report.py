"""What `check_migrations` printed → each migration that lies between two versions, or why nothing is known.

Untrusted: bounded, and made displayable. No database.
"""

import hashlib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from releases.display import visible
from releases.errors import Refused
from releases.intake import Spec, from_json

COMMAND = "check_migrations"
NO_COMMAND = f"the catalogue has no {COMMAND} command"
"""What stands where nobody can be asked: not known for good, and so no alarm."""
MOST = 100
"""Migrations between two versions."""
LONGEST = 300
"""Characters of each of its texts."""
EXPECTED = (
    '{"migrations": [{"name": "…", "kind": "reversible", "irreversible" or "data-losing", "loses": "…"}, …]}, '
    f"at most {MOST}, where what is data-losing says what it loses and nothing else does"
)


class MigrationKind(StrEnum):
    """What going back over a migration means."""

    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"
    DATA_LOSING = "data-losing"


class NoReport(ValueError):
    """What was printed is no report. The message is a sentence."""


def _shown(value: str) -> str:
    shown = visible(" ".join(value.split()))
    if not shown:
        raise ValueError("is empty")
    return shown


Text = Annotated[str, Field(max_length=LONGEST), AfterValidator(_shown)]


class Migration(Spec):
    """One migration that lies between the version gone back to and the live one."""

    name: Text
    kind: MigrationKind
    loses: Text | None = None
    """What is lost where it loses data; completes the sentence "… are lost"."""
    what_to_do: Text | None = None

    @model_validator(mode="after")
    def _says_what_it_loses(self) -> Self:
        if (self.kind is MigrationKind.DATA_LOSING) is not (self.loses is not None):
            raise ValueError("a data-losing migration says what it loses, and no other does")
        return self


class _Report(Spec):
    migrations: Annotated[list[Migration], Field(max_length=MOST)]


def read_report(printed: bytes) -> list[Migration]:
    """Return the migrations, in the order in which they were printed; none where none lies between. Raises NoReport."""
    try:
        return from_json(_Report, printed).migrations
    except Refused as refusal:
        raise NoReport(f"{refusal.problems[0].failed} Expected: {EXPECTED}.") from None


def losses_of(migrations: Iterable[Mapping[str, str]]) -> list[str]:
    """Return what is lost on the way back, each once."""
    return list(dict.fromkeys(one["loses"] for one in migrations if one["kind"] == MigrationKind.DATA_LOSING))


def loss_digest(loss: str) -> str:
    """Return the digest by which a page says which loss it showed. Hexadecimal."""
    return hashlib.sha256(loss.encode()).hexdigest()
