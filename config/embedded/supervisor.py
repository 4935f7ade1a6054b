"""The supervisor that keeps the programs running: its configuration, and the process itself."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from config.embedded.programs import BROKER, Program, base_environment

CHILD = Path(__file__).with_name("child.py")
PLAN = Path("run/programs.json")
CONFIGURATION = Path("run/supervisord.conf")
LOG = Path("log/supervisord.log")
"""Relative to the home directory, in which the supervisor runs: so no path needs quoting in its configuration."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
STOP_SECONDS = 8
"""Time between TERM and KILL when everything ends."""

HEAD = f"""\
; Written at each start of Rollbook; changes are lost.
[supervisord]
nodaemon=true
silent=true
logfile={LOG}
logfile_maxbytes=1MB
logfile_backups=1
pidfile=run/supervisord.pid
childlogdir=tmp
"""

PROGRAM = """
[program:{name}]
command={command}
autorestart={autorestart}
startsecs={startsecs}
startretries=1000
stopsignal=TERM
stopwaitsecs={stop}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile=log/{name}.log
stdout_logfile_maxbytes=2MB
stdout_logfile_backups=2
"""

GROUP = """
[group:{name}]
programs={programs}
priority={priority}
"""


def start(home: Path, programs: Sequence[Program]) -> subprocess.Popen[bytes]:
    """Write the plan and the configuration into `home` and start the supervisor, in a session of its own.

    A Ctrl-C at the terminal so reaches the launcher only, which ends the programs in order.
    """
    argv = [sys.executable, "-m", "supervisor.supervisord", "-c", str(CONFIGURATION)]
    this = Program("supervisord", argv, base_environment(home), home)
    _write(home / PLAN, json.dumps({each.name: _plan(each) for each in (*programs, this)}, indent=1))
    _write(home / CONFIGURATION, configuration(programs))
    if (home / LOG).exists():
        # What an earlier start had to restart says nothing about this one.
        (home / LOG).replace(home / f"{LOG}.before")
    with (home / "log" / "supervisord.err").open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, str(CHILD), str(PLAN), this.name],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )


def configuration(programs: Sequence[Program]) -> str:
    """Return supervisord's configuration: every program in its own process group, the broker last to end."""
    text = [HEAD]
    for each in programs:
        if not NAME.fullmatch(each.name):
            raise ValueError(f"{each.name!r} is no name for a program: use lower-case letters, digits, '-' and '_'.")
        text.append(
            PROGRAM.format(
                name=each.name,
                command=" ".join(quoted(part) for part in (sys.executable, str(CHILD), str(PLAN), each.name)),
                autorestart="unexpected" if each.once else "true",
                startsecs=0 if each.once else 1,
                stop=STOP_SECONDS,
            )
        )
    # Groups end one after the other, its members together. A worker whose broker went first would wait for it.
    first = [each.name for each in programs if each.name == BROKER]
    others = [each.name for each in programs if each.name != BROKER]
    if first:
        text.append(GROUP.format(name="first", programs=",".join(first), priority=10))
    text.append(GROUP.format(name="rollbook", programs=",".join(others), priority=20))
    return "".join(text)


def quoted(text: str) -> str:
    """Quote one argument for supervisord's `command`.

    Three readers come one after the other: the configuration parser, for which a `;` or `#` after a blank begins a
    comment; the `%(name)s` expansion; and the shell-like splitting. Each special character is quoted on its own, so
    that no blank ever stands before a comment sign.
    """
    if "\n" in text:
        raise ValueError(f"{text!r} has a line break, which supervisord's configuration cannot hold.")
    special = re.compile(r"[^A-Za-z0-9_./-]")
    return special.sub(lambda match: '"\'"' if match[0] == "'" else f"'{match[0]}'", text).replace("%", "%%")


def _plan(program: Program) -> dict[str, object]:
    return asdict(program) | {"directory": str(program.directory), "pause": program.pause}


def _write(path: Path, text: str) -> None:
    """Replace a file that only its owner may read: the plan holds the addresses of database and broker."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
