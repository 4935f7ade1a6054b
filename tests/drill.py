"""Run the drills, as `make drill` does: `python -m tests.drill [PYTEST ARGUMENT ...]`, such as `-k B7`.

Most are faults done to real processes, and the table at the end names every row; the others open every page in every
width and colour scheme. The exit status is 0 only when all hold.
"""

import subprocess
import sys
import time
from pathlib import Path

from tests import system
from tests.run import inherited

ROOT = Path(__file__).resolve().parents[1]
PYTEST = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "drill", "tests"]
"""Two at a time: a drill mostly waits for leases to run out and sweeps to come round."""


def main(arguments: list[str]) -> int:
    if problem := system.ensure(system.DRILLS):
        print(problem, file=sys.stderr)
        return 1
    start = time.monotonic()
    status = subprocess.run([*PYTEST, *arguments], cwd=ROOT, env=inherited(), check=False).returncode
    print(f"{'Every drill held' if status == 0 else 'FAILED'}, after {time.monotonic() - start:.0f} s.")
    return status


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
