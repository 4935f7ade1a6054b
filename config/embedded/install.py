"""Make the virtual environment `.venv` and install the locked requirements into it, only when a lock changed.

Run by the Makefile with the system's Python, so it uses the standard library only:
`python3 config/embedded/install.py requirements.txt [requirements-demo.txt ...]`.
Whatever stops it is told in one sentence, with exit status 1.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.json"
"""Digests of the installed locks. Written last, so that an install which was cut off is done again."""
LOCK_WAIT = 900
"""Longest wait in seconds for another `make` that installs into the same directory."""


def main(locks: list[str]) -> None:
    """Bring `.venv` up to date with the given lock files."""
    if not locks:
        raise SystemExit("usage: install.py LOCK_FILE ...")
    directory = take_turns()
    try:
        wanted = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in locks}
        installed = read_stamp()
        if installed is None:
            make_environment()
            installed = {}
        if all(installed.get(name) == digest for name, digest in wanted.items()):
            return
        STAMP.unlink(missing_ok=True)
        install(locks)
        write_stamp(installed | wanted)
    except PermissionError as error:
        refuse(
            f"{error.filename} cannot be written: make the directory {ROOT} writable for you, or use a copy that is."
        )
    except OSError as error:
        refuse(f"The virtual environment {VENV} could not be made ({error}): mend that and run the command again.")
    finally:
        os.close(directory)


def take_turns() -> int:
    """Wait until no other run installs here; returns the locked descriptor, which the caller closes."""
    descriptor = os.open(ROOT, os.O_RDONLY)
    deadline = time.monotonic() + LOCK_WAIT
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                refuse(f"Another run has been installing into {VENV} for {LOCK_WAIT} s: end it and run this again.")
        if not told:
            print("Waiting for another run that is installing packages ...", flush=True)
            told = True
        time.sleep(0.5)


def read_stamp() -> dict[str, str] | None:
    """Return the digests of the installed locks, or None when there is no environment that works with this Python."""
    ask = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
    try:
        said = subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True, timeout=30).stdout.split()
    except (OSError, subprocess.TimeoutExpired):
        return None
    if said != [sys.implementation.name, *map(str, sys.version_info[:2])]:
        return None
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def write_stamp(locks: dict[str, str]) -> None:
    STAMP.write_text(json.dumps(locks, indent=1) + "\n")


def make_environment() -> None:
    """Make an empty environment; one that stands there from another Python or place is cleared."""
    for module in ("venv", "ensurepip"):
        if find_spec(module) is None:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            refuse(
                f"Python's {module} module is missing: install it"
                f" (on Debian and Ubuntu: apt install python{version}-venv) and run the command again."
            )
    if not os.access(VENV if VENV.exists() else ROOT, os.W_OK):
        raise PermissionError(13, "not writable", str(VENV))
    print(f"Making the virtual environment {VENV.name} ...", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True)
    if made.returncode:
        show(made.stdout + made.stderr)
        refuse(f"The virtual environment {VENV} could not be made: mend what is said above and run the command again.")


def install(locks: list[str]) -> None:
    """Install exactly what the locks name; every file is checked against its hash."""
    print(f"Installing the packages of {', '.join(locks)} (only when they change) ...", flush=True)
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--require-hashes", *(part for name in locks for part in ("-r", name))]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        show(done.stdout)
        refuse(
            "The packages could not be installed: check the network and the lines above, then run the command again."
        )


def show(output: str) -> None:
    """Print the end of a tool's output, which is where it says what went wrong."""
    print("\n".join(output.strip().splitlines()[-15:]), file=sys.stderr)


def refuse(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        raise SystemExit(130) from None
