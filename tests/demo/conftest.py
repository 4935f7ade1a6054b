"""The demo's production environment, really running: two instances, the embedded cache, and Varnish beside it."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from demo.launch import prepare, varnish_program
from demo.places import Environment, environments
from tests.demo.running import Production, Reader, Supervisor, answers, free_base, until


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    home = tmp_path_factory.mktemp("demo")
    base = free_base()
    prepared = prepare(home, base)
    environment = environments(home, base)[1]
    programs = [program for program in prepared.programs if program.name.startswith("production-")]
    with Supervisor(programs) as supervisor:
        for url in (environment.url, *(instance.url for instance in environment.instances)):
            until(lambda url=url: answers(url), url)
        yield Production(home, environment, supervisor)


@pytest.fixture(scope="session")
def varnish(production: Production, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Varnish in front of the same instances, at a port of its own."""
    if shutil.which("varnishd") is None:
        pytest.skip("varnishd is not installed")
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        edge = chosen.getsockname()[1]
    environment = replace(production.environment, edge=edge)
    program = varnish_program(environment, tmp_path_factory.mktemp("varnish"))
    process = subprocess.Popen(program.argv, cwd=program.directory, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(environment.url), "varnish")
        yield environment
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@pytest.fixture(params=["embedded", "varnish"])
def edge(request: pytest.FixtureRequest, production: Production) -> str:
    """The address of a shared cache, emptied."""
    environment = production.environment if request.param == "embedded" else request.getfixturevalue("varnish")
    emptied = httpx.request("PURGE", environment.url + "/", headers={"X-Purge-Everything": "yes"})
    assert emptied.status_code == 200
    return str(environment.url)


@pytest.fixture
def reader() -> Iterator[Reader]:
    """Make browsers: clients with a jar of cookies each."""
    clients: list[httpx.Client] = []

    def make(url: str) -> httpx.Client:
        clients.append(httpx.Client(base_url=url, timeout=10, trust_env=False))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
