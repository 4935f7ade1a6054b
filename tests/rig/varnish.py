"""A real Varnish in front of servers that a test runs."""

import http.client
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.rig.ports import accepts, free_port
from tests.rig.processes import bare_environment, end_of, run_process
from tests.rig.waiting import wait_until

PURGING = """
acl this_machine { "127.0.0.0"/8; }

sub vcl_recv {
    if (req.method == "PURGE") {
        if (client.ip !~ this_machine) {
            return (synth(405));
        }
        return (purge);
    }
    set req.backend_hint = origin.backend();
}
"""


@dataclass(frozen=True)
class Varnish:
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def purge(self, path: str, host: str = "") -> int:
        """Ask for a path to be forgotten, as stored for a host (else this node's own); returns the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("PURGE", path, headers={"Host": host} if host else {})
            return connection.getresponse().status
        finally:
            connection.close()


def purging_vcl(backend_ports: Sequence[int]) -> str:
    """Return a configuration that takes turns between the backends, keeps what Varnish keeps, and understands PURGE."""
    backends = "".join(
        f'backend b{number} {{ .host = "127.0.0.1"; .port = "{port}"; }}\n' for number, port in enumerate(backend_ports)
    )
    added = "".join(f"    origin.add_backend(b{number});\n" for number in range(len(backend_ports)))
    return (
        f"vcl 4.1;\nimport directors;\n{backends}\n"
        f"sub vcl_init {{\n    new origin = directors.round_robin();\n{added}}}\n{PURGING}"
    )


@contextmanager
def run_varnish(vcl: str, port: int | None = None) -> Iterator[Varnish]:
    """Run Varnish with a configuration until the block ends."""
    program = shutil.which("varnishd") or shutil.which("varnishd", path="/usr/sbin:/usr/local/sbin")
    if not program:
        raise FileNotFoundError("varnishd is not installed")
    folder = Path(tempfile.mkdtemp(prefix="rollbook-varnish-"))
    # As root Varnish compiles and serves as users of its own, who must be able to enter.
    folder.chmod(0o755)
    try:
        config, log = folder / "test.vcl", folder / "log"
        config.write_text(vcl)
        port = port or free_port()
        argv: list[str | Path] = [
            program,
            "-F",
            "-n",
            folder / "work",
            "-f",
            config,
            "-a",
            f"127.0.0.1:{port}",
            "-s",
            "malloc,64m",
        ]
        argv += ["-T", "none", "-p", "thread_pools=1", "-p", "thread_pool_min=10", "-p", "thread_pool_max=100"]
        environment = bare_environment() | {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
        with run_process(argv, environment, log, cwd=folder) as process:
            wait_until(
                lambda: process.poll() is not None or accepts(port), 20, lambda: f"Varnish answers\n{end_of(log)}"
            )
            if process.poll() is not None:
                raise RuntimeError(f"Varnish ended at once:\n{end_of(log)}")
            yield Varnish(port, log)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
