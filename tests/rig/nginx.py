"""A real nginx with a cache, in front of servers that a test runs."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.rig.ports import accepts, free_port
from tests.rig.processes import bare_environment, end_of, run_process
from tests.rig.waiting import wait_until

_MAIN = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/log warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=pages:2m inactive=10m use_temp_path=off;
    proxy_cache_key "$server_port$request_uri";
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    upstream origin {{ {upstreams} }}
    {servers}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """One nginx with a cache of its own behind each of several ports."""

    ports: Mapping[str, int]
    folder: Path

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def forget(self, name: str, path: str) -> bool:
        """Remove the stored answer to a path, as sites do whose nginx has no purge module; tells whether it was there.

        The name of the file is the MD5 of the key (nginx, `proxy_cache_path`).
        """
        digest = hashlib.md5(f"{self.ports[name]}{path}".encode(), usedforsecurity=False).hexdigest()
        file = self.folder / "cache" / digest[-1] / digest[-3:-1] / digest
        there = file.exists()
        file.unlink(missing_ok=True)
        return there


@contextmanager
def run_nginx(backend_ports: Sequence[int], locations: Mapping[str, str]) -> Iterator[Nginx]:
    """Run nginx until the block ends, with one server for each name, whose `location /` says what it is given."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if not program:
        raise FileNotFoundError("nginx is not installed")
    folder = Path(tempfile.mkdtemp(prefix="rollbook-nginx-"))
    try:
        ports = {name: free_port() for name in locations}
        servers = "".join(
            f"server {{ listen 127.0.0.1:{ports[name]}; location / {{ {rules} }} }}\n"
            for name, rules in locations.items()
        )
        upstreams = " ".join(f"server 127.0.0.1:{port};" for port in backend_ports)
        config, log = folder / "nginx.conf", folder / "log"
        config.write_text(_MAIN.format(folder=folder, upstreams=upstreams, servers=servers))
        argv: list[str | Path] = [program, "-e", log, "-p", folder, "-c", config]
        with run_process(argv, bare_environment(), folder / "output", cwd=folder) as process:
            wait_until(
                lambda: process.poll() is not None or all(accepts(port) for port in ports.values()),
                20,
                lambda: f"nginx answers\n{end_of(log)}",
            )
            if process.poll() is not None:
                raise RuntimeError(f"nginx ended at once:\n{end_of(log)}")
            yield Nginx(ports, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
