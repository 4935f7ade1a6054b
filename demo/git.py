"""Git, run the same way on every machine: nobody's configuration, hooks, signing keys or environment take part.

Standard library only, like everything the deploy command imports.
"""

import os
import subprocess
from pathlib import Path

SETTINGS = {
    "user.name": "Archive team",
    "user.email": "archive@example.org",
    "init.defaultBranch": "main",
    "core.autocrlf": "false",
    "core.fileMode": "true",
    "core.hooksPath": "/dev/null",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "gc.auto": "0",
    "safe.directory": "*",
}
LONGEST = 60
"""Seconds that one git command may take."""


class GitFailed(Exception):
    """Git is missing or refused; the message is its own last line."""


def git(*arguments: str, at: Path, index: Path | None = None, date: str | None = None) -> str:
    """Run one git command in a folder and return what it printed. Raises GitFailed."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
    }
    if index:
        environment["GIT_INDEX_FILE"] = str(index)
    if date:
        environment |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    command = ["git", *settings, *arguments]
    try:
        done = subprocess.run(
            command, cwd=at, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST
        )
    except FileNotFoundError:
        raise GitFailed("git is not installed, and the demo keeps its versions in a git repository.") from None
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git {arguments[0]} took longer than {LONGEST} s.") from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        raise GitFailed(f"git {arguments[0]}: {lines[-1]}")
    return done.stdout.strip()
