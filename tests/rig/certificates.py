"""A certificate for 127.0.0.1 that is its own authority."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    file: Path
    """PEM; also what a client is told to trust."""
    key: Path


def make_certificate(folder: Path) -> Certificate:
    """Make one that is good for two days."""
    made = Certificate(folder / "certificate.pem", folder / "certificate.key")
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-days", "2", "-subj", "/CN=Members", "-addext", "subjectAltName=IP:127.0.0.1"]
    argv += ["-addext", "keyUsage=critical,keyCertSign,digitalSignature"]
    argv += ["-keyout", str(made.key), "-out", str(made.file)]
    subprocess.run(argv, check=True, capture_output=True, timeout=30)
    return made
