"""The deploy command. Going back is the same command with an earlier version.

1. Check the tag out beside the others; a checkout is complete before it gets its name, and never changes afterwards.
2. Add to the readers' database what the version needs and it has not.
3. Switch `current` by renaming a new link over the old one.
4. Ask one instance after the other to end (TERM); its supervisor starts it again from `current`. The next one is asked
   only when this one answers with the new version, so readers always find an instance.
5. Drop from the database what the version does not know: going back loses it.

Leaves no process behind: the instances belong to their supervisor. Safe to run again after any failure. Standard
library only, so that it runs under any Python 3.11 or newer.
"""

import argparse
import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from demo import migrating
from demo.git import GitFailed, git
from demo.places import PROJECT, Environment, Instance, read_environment, repository

VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
DEADLINE = 60.0
"""Seconds in which all instances must serve the version."""
BETWEEN_LOOKS = 0.1
"""Seconds between two looks at an instance that is starting."""

DONE, FAILED, WRONG_ARGUMENTS, BUSY = 0, 1, 2, 3


class DeployFailed(Exception):
    """Ends the command with one sentence and an exit code."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code: 0 done, 1 failed, 2 wrong arguments, 3 another deploy is running."""
    parser = argparse.ArgumentParser(prog="deploy", description="Put a version of the archive into an environment.")
    parser.add_argument("--environment", required=True, choices=["staging", "production"])
    parser.add_argument("--version", required=True, help="a tag of the archive's repository")
    parser.add_argument("--home", type=Path, default=os.environ.get("ROLLBOOK_HOME") or PROJECT / "var")
    parser.add_argument("--deadline", type=float, default=DEADLINE, help="seconds, default %(default)s")
    asked = parser.parse_args(arguments)
    try:
        deploy(Path(asked.home), asked.environment, asked.version, asked.deadline)
    except DeployFailed as problem:
        print(problem, file=sys.stderr, flush=True)
        return problem.code
    except (GitFailed, OSError, LookupError, sqlite3.Error) as problem:
        print(f"{asked.version} was not deployed to {asked.environment}: {problem}", file=sys.stderr, flush=True)
        return FAILED
    return DONE


def deploy(home: Path, name: str, version: str, seconds: float) -> None:
    """Put a version into an environment, or raise DeployFailed, GitFailed, OSError, LookupError or sqlite3.Error."""
    try:
        environment = read_environment(home, name)
    except FileNotFoundError:
        raise DeployFailed(f"There is no {name} under {home}: start the demo once.", WRONG_ARGUMENTS) from None
    end = time.monotonic() + seconds
    with only_one(environment):
        commit = find_commit(home, version)
        folder = check_out(home, environment, version, commit)
        say(f"{version} is checked out as {folder.name}")
        schema = migrating.wanted(folder)
        for column in migrating.add_missing(environment.shared, schema):
            say(f"{column} is added")
        before = environment.current.resolve().name
        switch(environment, folder)
        say(f"current: {before} -> {folder.name}" if before != folder.name else f"current: {folder.name}, as before")
        for instance in environment.instances:
            if before == folder.name and served_version(instance) == version:
                say(f"{instance.name} serves {version} already")
            else:
                restart(environment, instance, version, end)
        for column in migrating.drop_unknown(environment.shared, schema):
            say(f"{column} is dropped, with what it held")
    say(f"{name} serves {version}")


@contextmanager
def only_one(environment: Environment) -> Iterator[None]:
    """Hold the environment's lock; it ends with this process, however that ends."""
    path = environment.shared / "deploy.lock"
    with path.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            sentence = f"Another deploy to {environment.name} is running (process {holder}). Nothing was changed."
            raise DeployFailed(sentence, BUSY) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def find_commit(home: Path, version: str) -> str:
    """Return the commit of a version's tag. Raises DeployFailed naming the versions there are."""
    tags = git("tag", "--list", "--sort=version:refname", at=repository(home)).split()
    if not VERSION.fullmatch(version) or version not in tags:
        known = ", ".join(tags)
        raise DeployFailed(f"There is no version {version[:100]!r}; there are {known}.", WRONG_ARGUMENTS)
    return git("rev-parse", "--verify", f"refs/tags/{version}^{{commit}}", at=repository(home))


def check_out(home: Path, environment: Environment, version: str, commit: str) -> Path:
    """Return the folder of a version, made now if it is not there yet."""
    folder = environment.releases / f"{version}-{commit[:10]}"
    if folder.is_dir():
        return folder
    environment.releases.mkdir(parents=True, exist_ok=True)
    for left_over in environment.releases.glob(".unfinished-*"):
        shutil.rmtree(left_over)
    unfinished = environment.releases / f".unfinished-{folder.name}"
    unfinished.mkdir()
    index = environment.releases / f".unfinished-{folder.name}.index"
    index.unlink(missing_ok=True)
    try:
        git(
            f"--git-dir={repository(home) / '.git'}",
            f"--work-tree={unfinished}",
            *("checkout", "--force", "--quiet", commit, "--", "."),
            at=unfinished,
            index=index,
        )
    finally:
        index.unlink(missing_ok=True)
    unfinished.rename(folder)
    return folder


def switch(environment: Environment, folder: Path) -> None:
    """Point `current` at a checkout in one step, so that nobody ever finds it missing."""
    link = environment.root / ".current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.relative_to(environment.root))
    link.replace(environment.current)


def restart(environment: Environment, instance: Instance, version: str, end: float) -> None:
    """Have one instance end, and wait until its successor serves the version."""
    began = time.monotonic()
    pid_file = environment.pid_file(instance)
    old = living_pid(pid_file)
    if old:
        say(f"{instance.name}: TERM to process {old}")
        end_process(old)
    else:
        say(f"{instance.name} is not running; waiting for its supervisor")
    while (found := served_version(instance)) != version or living_pid(pid_file) in (None, old):
        astray = serving_another(instance, pid_file, version)
        if astray is not None and astray != old:
            # It was starting while `current` still pointed elsewhere: a deploy before this one was stopped halfway.
            say(f"{instance.name} came up with another version: TERM to process {astray}")
            end_process(astray)
            old = astray
        if time.monotonic() > end:
            seen = f"serves {found}" if found else "does not answer"
            raise DeployFailed(f"{instance.name} {seen}, expected {version}. `current` points to {version} already.")
        time.sleep(BETWEEN_LOOKS)
    say(f"{instance.name} serves {version} after {time.monotonic() - began:.1f} s")


def end_process(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def serving_another(instance: Instance, pid_file: Path, version: str) -> int | None:
    """Return the process that serves a version other than this one; None when it is not certain that one does."""
    before = living_pid(pid_file)
    found = served_version(instance)
    certain = before is not None and before == living_pid(pid_file)
    return before if certain and found not in (None, version) else None


def served_version(instance: Instance) -> str | None:
    """Return what an instance says it serves; None when it does not say so within 2 s."""
    connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=2)
    try:
        connection.request("GET", "/version")
        said = json.loads(connection.getresponse().read(10_000))
        return str(said["version"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()


def living_pid(file: Path) -> int | None:
    """Return the process id in a pid file if that process still holds the file; a stale id may be anybody's by now."""
    try:
        with file.open(encoding="ascii") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(held.read())
    except (FileNotFoundError, ValueError):
        pass
    return None


def say(line: str) -> None:
    print(line, flush=True)
