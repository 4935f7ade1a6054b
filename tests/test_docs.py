"""The documents say what is true: what can be checked against the program is."""

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from releases.book import Tag
from releases.intake import ReleaseSpec, from_text
from releases.management.commands import describe_outcomes, describe_probes

pytestmark = pytest.mark.once

DOCS = Path(settings.BASE_DIR) / "docs"


def test_the_page_about_the_probes_is_what_the_probes_say() -> None:
    """Mend it with `manage.py describe_probes > docs/probes.md`."""
    assert (DOCS / "probes.md").read_text().rstrip() == describe_probes.describe()


def test_the_page_about_outcomes_is_what_the_table_says() -> None:
    """Mend it with `manage.py describe_outcomes > docs/outcomes.md`."""
    assert (DOCS / "outcomes.md").read_text().rstrip() == describe_outcomes.describe()


def test_every_variable_of_the_settings_is_documented() -> None:
    source = (Path(settings.BASE_DIR) / "config/settings.py").read_text()
    names = set(re.findall(r'(?:env\.\w+|secret)\("(\w+)"', source))
    documented = (DOCS / "configuration.md").read_text()
    assert {name for name in names if name not in documented} == set()


def test_the_pipelines_command_names_when_the_oldest_commit_was_made(tmp_path: Path) -> None:
    """One that lay on a branch while others were made on the trunk, and came with a merge, counts too."""

    def git(at: str, *arguments: str) -> None:
        dates = {"GIT_COMMITTER_DATE": at, "GIT_AUTHOR_DATE": at}
        named = ("-c", "user.name=Ben", "-c", "user.email=ben@example.org")
        subprocess.run(["git", *named, *arguments], cwd=tmp_path, env=os.environ | dates, check=True)

    def commit(at: str) -> None:
        git(at, "commit", "--quiet", "--allow-empty", "--message=a change")

    command = re.search(r"^committed_at=\$\((.*)\)$", (DOCS / "api.md").read_text(), re.MULTILINE)
    assert command
    git("", "init", "--quiet", "--initial-branch=trunk")
    commit("2026-03-09T09:00:00Z")
    git("", "tag", "2026.11.4")
    git("", "checkout", "--quiet", "-b", "branch")
    commit("2026-03-10T10:33:12+01:00")
    git("", "checkout", "--quiet", "trunk")
    commit("2026-03-11T09:00:00Z")
    git("2026-03-12T09:00:00Z", "merge", "--quiet", "--no-ff", "--message=merge", "branch")
    said = subprocess.run(command[1], shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    release = {"service": "archive", "version": "1", "owner": "Ben", "expected_result": "a", "rollback_note": "b"}
    spec = from_text(ReleaseSpec, release | {"committed_at": said.stdout})
    assert spec.committed_at == datetime(2026, 3, 10, 9, 33, 12, tzinfo=UTC)


def test_every_event_tag_is_a_subject_and_an_action() -> None:
    assert all(re.fullmatch(r"[a-z]+:[a-z_]+", tag) for tag in Tag)


@pytest.mark.parametrize("page", sorted(Path(settings.BASE_DIR).glob("*.md")) + sorted(DOCS.rglob("*.md")), ids=str)
def test_every_link_between_documents_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_picture_of_the_documents_is_shown_and_taken_by_the_tests() -> None:
    """Take them anew with `python -m tests.docs_pictures`."""
    taken = (Path(settings.BASE_DIR) / "tests" / "browser" / "test_docs_pictures.py").read_text()
    pages = [Path(settings.BASE_DIR) / "README.md", *DOCS.glob("*.md")]
    shown = {name for page in pages for name in re.findall(r"pictures/([\w-]+\.png)\)", page.read_text())}
    there = {path.name for path in (DOCS / "pictures").glob("*.png")}
    assert shown == there == set(re.findall(r'"([\w-]+\.png)"', taken))
