"""The expected result of a release, read as results that can be answered one by one. Pure.

`p95 of /articles <= +10%` is a criterion that the figures of the probes score; whatever else is written is text that
a person confirms. Lines and semicolons separate results.
"""

import re
from dataclasses import dataclass

from releases.probes.criteria import Criterion

RESULTS_LIMIT = 20
_NUMBER = r"[0-9]{1,6}(?:\.[0-9]{1,3})?"
_LIMIT = rf"{_NUMBER} ?(?:ms|s)|[+-]{_NUMBER} ?%"
_CRITERION = re.compile(rf"p(?:50|95|99) of (/[!-~]{{0,200}}?) ?<= ?({_LIMIT})")


@dataclass(frozen=True, slots=True)
class ExpectedResult:
    """One thing that a release promises."""

    text: str
    route: str = ""
    criterion: Criterion | None = None
    """What scores it; None where only a person can say."""


def read_expected(text: str) -> list[ExpectedResult]:
    """Return the results that a release's text promises, in its order."""
    found: list[ExpectedResult] = []
    for part in re.split(r"[;\n]", text):
        rest = part
        for match in _CRITERION.finditer(part):
            limit = Criterion.parse(f"{match[0][:3]} <= {match[2]}")
            found.append(ExpectedResult(match[0], match[1], limit))
            rest = rest.replace(match[0], " ")
        if re.search(r"\w", rest):
            found.append(ExpectedResult(part.strip()))
    return found[:RESULTS_LIMIT]
