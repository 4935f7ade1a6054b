"""Become one program of a plan: `python child.py PLAN NAME`.

The supervisor starts every program through this file. So a program gets exactly the environment that the plan gives it,
whatever characters stand in it; secrets stay out of the supervisor's configuration; and a program ends when its
supervisor was killed. Run as a file, not as a module: importing the project would cost half a second for each program.
"""

import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
"""From prctl(2): the signal that this process gets when its parent dies. Kept over exec."""


def main(plan: str, name: str) -> None:
    program = json.loads(Path(plan).read_text())[name]
    end_with_parent()
    if program["pause"]:
        keep_pause(Path(plan).with_name(f"{name}.started"), program["pause"])
    become(program)


def end_with_parent() -> None:
    """Ask for TERM when the parent dies; elsewhere than on Linux there is no such thing, and nothing is done."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit("The supervisor ended before this program began.")


def keep_pause(stamp: Path, seconds: float) -> None:
    """Wait until `seconds` have passed since the last start, so that a program that fails at once does not spin."""
    if stamp.exists():
        time.sleep(min(max(stamp.stat().st_mtime + seconds - time.time(), 0), seconds))
    stamp.touch()


def become(program: dict[str, Any]) -> None:
    argv = program["argv"]
    try:
        os.chdir(program["directory"])
        os.execvpe(argv[0], argv, program["environment"])  # noqa: S606 - argv from our own plan
    except OSError as error:
        raise SystemExit(f"{argv[0]} could not be started in {program['directory']}: {error.strerror}.") from None


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
