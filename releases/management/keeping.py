"""Files of secrets that commands leave for the person who started them, readable by nobody else."""

import os
from pathlib import Path


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


def append_secret(path: Path, text: str) -> None:
    """Add to such a file, which is made if it is not there; what it holds already stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    with path.open("a") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
