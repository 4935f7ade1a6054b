"""A door that lets a test reach its own servers, and certificates good and bad."""

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from releases.http import (
    Deadline,
    Door,
)
from tests.http.rig import SMALL


@pytest.fixture
def door() -> Iterator[Door]:
    """A door that lets us reach the servers of the test, for ten seconds."""
    with Door(allow_private=True, deadline=Deadline.after(10), limits=SMALL) as opened:
        yield opened


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and certificates of it: `good` for 127.0.0.1, `expired`, and `elsewhere` for another host."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
    subject = ("-days", "2", "-subj", "/CN=Test authority")
    openssl("req", "-x509", *key, *usage, *subject, "-keyout", "ca.key", "-out", "ca.pem")
    for name, host in (("good", "127.0.0.1"), ("expired", "127.0.0.1"), ("elsewhere", "10.9.9.9")):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / f"{name}.ext").write_text(f"subjectAltName=IP:{host}\nauthorityKeyIdentifier=keyid\n")
        if name == "expired":
            _sign_expired(folder, openssl)
        else:
            signer = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", f"{name}.ext")
            openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signer, "-days", "2")
    return folder


def _sign_expired(folder: Path, openssl: Callable[..., None]) -> None:
    """Sign with dates in the past, which only `openssl ca` can do in every version in use."""
    (folder / "index.txt").write_text("")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=ca.serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n"
        "[p]\ncommonName=supplied\n"
    )
    (folder / "ca.serial").write_text("0A\n")
    dates = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
    files = ("-in", "expired.csr", "-out", "expired.pem", "-cert", "ca.pem", "-keyfile", "ca.key")
    openssl("ca", "-batch", "-config", "ca.cnf", "-extfile", "expired.ext", "-notext", *dates, *files)


@pytest.fixture
def trusting_door(certificates: Path) -> Iterator[Door]:
    """A door that trusts the test's authority."""
    tls = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    with Door(allow_private=True, deadline=Deadline.after(10), tls=tls) as opened:
        yield opened
