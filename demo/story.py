"""What the demo releases, in order: few releases, each with the note that its owner would have written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    version: str
    owner: str
    expected_result: str
    rollback_note: str
    affected_routes: tuple[str, ...] = ()
    assumptions: str = ""
    change_size: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    environment: str
    version: str


RELEASES = (
    Release(
        version="2026.11.1",
        owner="Dana Weiss",
        expected_result="The archive is up: every article and every reader's page answers.",
        rollback_note="Nothing to go back to: this is the first version.",
    ),
    Release(
        version="2026.11.2",
        owner="Ana Ruiz",
        expected_result="p95 of /articles <= -50%",
        rollback_note="Back to 2026.11.1, no migration. Purge /articles.",
        affected_routes=("/articles",),
        assumptions="Articles do not change while an instance lives.",
        change_size="2 files, 15 lines",
    ),
    Release(
        version="2026.11.3",
        owner="Ben Okafor",
        expected_result="p95 of /articles <= +10%; the list names three articles that resemble each one.",
        rollback_note="Back to 2026.11.2: the days since which articles are kept are lost. Purge /articles.",
        affected_routes=("/articles",),
        change_size="5 files, 44 lines",
    ),
    Release(
        version="2026.11.4",
        owner="Ben Okafor",
        expected_result="Fewer reads of the bookmarks: p95 of /articles <= +10%, logged-in pages as before.",
        rollback_note="Back to 2026.11.2, no migration. Purge /account.",
        affected_routes=("/account",),
        assumptions="Readers look at their page again within two minutes.",
        change_size="2 files, 3 lines",
    ),
)

STEPS = (
    Step("production", "2026.11.1"),
    Step("staging", "2026.11.2"),
    Step("production", "2026.11.2"),
    Step("staging", "2026.11.3"),
    Step("production", "2026.11.4"),
)
"""2026.11.3 turns out slow on staging and goes no further; 2026.11.4 skips staging, and leaks in production."""
