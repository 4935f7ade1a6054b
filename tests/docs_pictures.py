"""Take the pictures of the documents anew: `python -m tests.docs_pictures`. Look at them before you commit them."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TAKEN = ROOT / "build" / "docs"
"""Where tests/browser/test_docs_pictures.py leaves them."""
SHOWN = ROOT / "docs" / "pictures"


def main() -> int:
    taking = [sys.executable, "-m", "pytest", "-q", "-m", "drill", "tests/browser/test_docs_pictures.py"]
    status = subprocess.run(taking, cwd=ROOT, check=False).returncode
    if status:
        return status
    for picture in sorted(TAKEN.glob("*.png")):
        shutil.copy(picture, SHOWN / picture.name)
        print(f"docs/pictures/{picture.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
