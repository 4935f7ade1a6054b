"""What is wrong with a catalogue: every mistake at once, each with its line, its key and what was expected."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releases.display import visible

GOT_LIMIT = 80
"""Characters of the file that a mistake shows."""

NOTHING = "nothing"
NOT_SHOWN = "(not shown)"


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing that is wrong in the file."""

    line: int
    """1-based; 0 where the file itself is the mistake."""
    key: str
    """Dotted, as in `services.archive.environments.production.base_url`; empty where there is none."""
    got: str
    expected: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else "the file"
        key = f"{self.key}: " if self.key else ""
        return f"{place}: {key}got {self.got}; expected {self.expected}"


class CatalogueError(Exception):
    """The catalogue cannot be used. Carries every mistake found, in the order of the lines."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes: list[Mistake] = sorted(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


def shown(value: Any) -> str:
    """Return a value of the file as a mistake shows it: cut, escaped, and tables by their kind only."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return f"an array of {len(value)}" if value else "an empty array"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = visible(value).replace("\n", "\\n").replace("\t", "\\t")
        text = re.sub(r"(?<=//)[^/?#]*@", "…@", text)  # credentials in an address are never echoed (C8)
        return f'"{text}"' if len(text) <= GOT_LIMIT else f'"{text[:GOT_LIMIT]}…"'
    if isinstance(value, int) and value.bit_length() > GOT_LIMIT:
        return "a number of many digits"  # Python refuses to write out the largest ones
    return visible(str(value))[:GOT_LIMIT]
