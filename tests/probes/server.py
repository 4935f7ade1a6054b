"""uvicorn in a thread, with an application that can be exchanged: a server for every test would take longer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from tests.rig.ports import accepts, free_port
from tests.rig.waiting import wait_until


class Switch:
    """An ASGI application that hands everything to the one that a test has put in."""

    def __init__(self) -> None:
        self.app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class Instance:
    """One running server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.switch = Switch()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def run_instance() -> Iterator[Instance]:
    """Serve until the block ends."""
    instance = Instance(free_port())
    config = uvicorn.Config(
        instance.switch, host="127.0.0.1", port=instance.port, log_level="error", access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name=f"uvicorn {instance.port}", daemon=True)
    thread.start()
    try:
        wait_until(lambda: accepts(instance.port), 10, "uvicorn accepts connections")
        yield instance
    finally:
        server.should_exit = True
        thread.join(10)
