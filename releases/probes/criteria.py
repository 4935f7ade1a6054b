"""Criteria for times, as people write them: `p95 <= 300ms`, `p95 <= +10%` or `<= -50%` (of the baseline). Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from releases.figures import beside, number
from releases.probes.samples import percentile

_WRITTEN = re.compile(r"\s*p(50|95|99)\s*<=\s*([+-]?)([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*(ms|s|%)\s*")
FEWEST_SAMPLES = 20
"""Below, p95 is hardly more than the slowest sample, and the comparison not worth its name."""
FEWEST = {50: FEWEST_SAMPLES, 95: FEWEST_SAMPLES, 99: 100}
"""The same by percentile."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """A limit for one percentile."""

    percent: int
    limit: float
    """Milliseconds, or percent of the baseline's value that it may be more; less where it is negative."""
    relative: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a criterion; raise ValueError with what was expected."""
        found = _WRITTEN.fullmatch(text)
        if found is None or bool(found[2]) != (found[4] == "%"):
            raise ValueError("p50, p95 or p99, then <=, then a time such as 300ms or 0.5s, or a change such as +10%")
        limit = float(found[2] + found[3]) * (1000 if found[4] == "s" else 1)
        return cls(int(found[1]), limit, found[4] == "%")

    def __str__(self) -> str:
        return f"p{self.percent} <= {f'{self.limit:+g}%' if self.relative else f'{self.limit:g}ms'}"

    def needs(self) -> int:
        """Return how many samples it takes to say anything."""
        return FEWEST[self.percent]

    def broken_by(self, after: Sequence[float], before: Sequence[float]) -> str:
        """Return how samples in milliseconds break it, or an empty text. `before` counts only where it is relative."""
        now = percentile(list(after), self.percent)
        if not self.relative:
            return f"p{self.percent} is {beside(now, self.limit)} ms" if now > self.limit else ""
        was = percentile(list(before), self.percent)
        if now <= was * (1 + self.limit / 100):
            return ""
        more = f"+{number(100 * (now - was) / was)} %" if was > 0 else "from nothing"
        return f"p{self.percent} went from {number(was)} to {number(now)} ms ({more})"
