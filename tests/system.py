"""The programs that the tests need beside Python: what is missing, and its installation where we are root on Debian."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.rig.browser import find_chromium
from tests.rig.postgres import find_program

INSTALL_SECONDS = 900


def _any_font() -> bool:
    return any(next(Path(folder).rglob("*.[to]tf"), None) for folder in ("/usr/share/fonts", "/usr/local/share/fonts"))


NEEDED: dict[str, Callable[[], object]] = {
    "git": lambda: shutil.which("git"),
    "redis-server": lambda: shutil.which("redis-server"),
    "varnish": lambda: shutil.which("varnishd") or Path("/usr/sbin/varnishd").exists(),
    "nginx-light": lambda: shutil.which("nginx") or Path("/usr/sbin/nginx").exists(),
    "postgresql": lambda: find_program("initdb"),
    "chromium": find_chromium,
    "fonts-dejavu-core": _any_font,
}
"""Debian packages, each with how to tell that its program is there, from wherever it came."""

FAKETIME = "faketime/libfaketime.so.1"

DRILLS: dict[str, Callable[[], object]] = NEEDED | {
    "libfaketime": lambda: find_faketime(),
    "stress-ng": lambda: shutil.which("stress-ng"),
}
"""What the drills need."""


def find_faketime() -> Path | None:
    """Return the library that shifts the clock of a process into which it is loaded."""
    return next(
        (path for folder in ("/usr/lib", "/usr/local/lib") for path in Path(folder).glob(f"**/{FAKETIME}")), None
    )


def missing(needed: Mapping[str, Callable[[], object]] = NEEDED) -> list[str]:
    return [package for package, is_there in needed.items() if not is_there()]


def ensure(needed: Mapping[str, Callable[[], object]] = NEEDED) -> str:
    """Install what is missing, where that is possible; returns nothing, or one sentence that says what to do."""
    packages = missing(needed)
    if not packages:
        return ""
    wish = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"The tests also need {', '.join(packages)}: install them (on Debian and Ubuntu as root: {wish})."
    print(f"Installing {', '.join(packages)} ...", flush=True)
    environment = dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive"}
    for argv in (["apt-get", "update"], [*wish.split(), "--yes", "--quiet"]):
        done = subprocess.run(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS,
        )
        if done.returncode:
            print(done.stdout[-3000:], file=sys.stderr)
            return f"`{' '.join(argv)}` failed, with the output above: mend that and run it again."
    still = missing(needed)
    return f"apt-get installed {', '.join(still)}, but the programs are not where they should be." if still else ""
