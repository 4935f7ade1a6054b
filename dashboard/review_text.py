"""The review as Markdown, for a chat or a page elsewhere."""

import re
from collections.abc import Iterator
from typing import Any

from dashboard import wording
from dashboard.periods import AskedPeriod
from releases.display import visible
from releases.figures import MISSING, number
from releases.queries.delivery import Figures
from releases.queries.review import Decisions, Waiting


def as_markdown(
    asked: AskedPeriod, service: str, now: Figures, before: Figures, waiting: Decisions, address: str
) -> str:
    """Return figures and open decisions; `address` is where Rollbook is reached, with a slash at its end."""
    of = f" of {service}" if service else ""
    lines = [f"## Releases{of}, {asked.first} to {asked.last}", "", *_figures(now, before, waiting), ""]
    lines += ["### Needs a decision", "", *_decisions(waiting, address.rstrip("/"))]
    return "\n".join(lines) + "\n"


def rate(figures: Figures) -> str:
    """Return how many deployments failed, and which share that is: `2 of 14 (14 %)`."""
    if figures.failure_rate is None:
        return MISSING
    share = number(round(100 * figures.failure_rate), "%")
    return f"{figures.failed} of {figures.deployments} ({share})"


def came_true(figures: Figures) -> str:
    """Return how many deployments did what was expected, of those of which it is known."""
    known = figures.as_expected + figures.not_as_expected
    return f"{figures.as_expected} of {known}" if known else MISSING


def _figures(now: Figures, before: Figures, waiting: Decisions) -> list[str]:
    restored = [wording.duration(each.median("total")) for each in (now, before)]
    return [
        "| | this time | the time before |",
        "|---|---|---|",
        f"| Deployments to production | {now.deployments} | {before.deployments} |",
        f"| Failed | {rate(now)} | {rate(before)} |",
        f"| Restored in, median | {restored[0]} | {restored[1]} |",
        f"| As expected | {came_true(now)} | {came_true(before)} |",
        f"| Open freezes | {_number(waiting.freezes)} | |",
    ]


def _number(waiting: Waiting[Any]) -> str:
    return f"{len(waiting.listed)}{' or more' if waiting.more else ''}"


def _decisions(waiting: Decisions, address: str) -> Iterator[str]:
    if not waiting.count:
        yield "Nothing open."
    for deployment in waiting.results.listed:
        says = f"Did it come true? {deployment.release.version} in {deployment.environment}"
        yield _line(says, deployment.release.get_absolute_url(), address)
    for freeze in waiting.freezes.listed:
        yield _line(f"{freeze.environment} is frozen: {freeze.reason}", freeze.environment.get_absolute_url(), address)
    for deployment in waiting.unmeasured.listed:
        says = f"{deployment.release.version} in {deployment.environment} is {deployment.verdict}"
        yield _line(says, deployment.release.get_absolute_url(), address)
    for release in waiting.bad.listed:
        yield _line(f"{release} is marked bad: {release.bad_reason}", release.get_absolute_url(), address)
    for environment in waiting.rehearsals.listed:
        yield _line(f"{environment} was not rehearsed lately", environment.get_absolute_url(), address)
    for rollback in waiting.notes.listed:
        yield _line(f"{rollback} ({rollback.outcome}) has no note", rollback.get_absolute_url(), address)


def _line(says: str, path: str, address: str) -> str:
    return f"- [{_plain(says)}]({address}{path})"


def _plain(text: str) -> str:
    """Return foreign text as one line that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(visible(text).split()))[:300]
