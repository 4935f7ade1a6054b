"""The archive's repository: one commit and one tag per version, made from `archive/` and the patches in `versions/`.

The first version is `demo/archive/` as it stands. Each later one is its parent plus `versions/TAG.patch`; the text
above the patch's first file is the commit message. The same sources give the same commits on every machine.
"""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.git import git
from demo.places import write_whole

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Version:
    tag: str
    parent: str | None
    date: str


VERSIONS = (
    Version("2026.11.1", None, "2026-11-02T09:30:00+0000"),
    Version("2026.11.2", "2026.11.1", "2026-11-05T10:10:00+0000"),
    Version("2026.11.3", "2026.11.2", "2026-11-09T15:40:00+0000"),
    Version("2026.11.4", "2026.11.2", "2026-11-12T14:05:00+0000"),
    Version("2026.11.5", "2026.11.2", "2026-11-17T11:20:00+0000"),
    Version("2026.11.6", "2026.11.2", "2026-11-19T08:50:00+0000"),
)
"""In order of release. Bad versions were abandoned: what came next was built on the last good one."""

FIRST_MESSAGE = "The article archive\n\nArticles, accounts, kept articles and notes."


def build(repository: Path) -> None:
    """Make the repository, or leave it alone if it was made from these very sources. Raises GitFailed."""
    digest = _sources_digest()
    made_from = repository / ".git/made-from"
    if made_from.is_file() and made_from.read_text(encoding="ascii").strip() == digest:
        return
    unfinished = repository.with_name(f".{repository.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    git("init", "--quiet", ".", at=unfinished)
    for version in VERSIONS:
        _commit(version, at=unfinished)
    write_whole(unfinished / ".git/made-from", digest + "\n")
    shutil.rmtree(repository, ignore_errors=True)
    unfinished.rename(repository)


def _commit(version: Version, *, at: Path) -> None:
    if version.parent is None:
        shutil.copytree(HERE / "archive", at, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        message = FIRST_MESSAGE
    else:
        patch = HERE / "versions" / f"{version.tag}.patch"
        git("checkout", "--quiet", version.parent, at=at)
        git("apply", "--whitespace=nowarn", str(patch), at=at)
        message = patch.read_text(encoding="utf-8").split("\ndiff --git ", 1)[0].strip()
    (at / "VERSION").write_text(version.tag + "\n", encoding="ascii")
    git("add", "--all", ".", at=at)
    git("commit", "--quiet", f"--message={message}", at=at, date=version.date)
    git("tag", version.tag, at=at)


def _sources_digest() -> str:
    digest = hashlib.sha256(repr(VERSIONS).encode() + FIRST_MESSAGE.encode())
    for path in _sources():
        digest.update(str(path.relative_to(HERE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for folder in (HERE / "archive", HERE / "versions"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
