"""A TCP proxy that does what networks do: delays, trickles, cuts, and accepts without ever answering.

What is wrong can be changed while it runs, and then holds for connections that are open already, too.
"""

import asyncio
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET

from tests.rig.ports import free_port

CHUNK = 16 * 1024
PIECES = 10
"""Into how many pieces a second of a trickle is divided."""
LOOK_SECONDS = 0.05
SWALLOW_SECONDS = 0.3
"""For how long the other side may work on what it was sent, before the connection is reset instead of answered."""


@dataclass
class Faults:
    """What is wrong at present; nothing, at first."""

    latency: float = 0.0
    """Seconds by which everything arrives later, in each direction."""
    bandwidth: float = 0.0
    """Bytes per second in each direction; 0: no limit."""
    reset_after: int | None = None
    """Reset a connection once it has answered so many bytes."""
    swallow_after: bytes | None = None
    """Pass on these bytes of a client, and reset its connection instead of answering. Happens once."""
    silent: bool = False
    """Accept, pass nothing on and answer nothing."""


class FaultyProxy:
    """Stands in front of a port of this machine."""

    def __init__(self, target: int, loop: asyncio.AbstractEventLoop) -> None:
        self.target, self.port = target, free_port()
        self.faults = Faults()
        self.accepted = self.resets = 0
        self._loop = loop
        self._wires: set[_Wire] = set()

    def heal(self) -> None:
        """From now on nothing is wrong any more."""
        self.faults = Faults()

    def cut(self) -> None:
        """Reset every open connection."""

        async def reset_all() -> None:
            for wire in list(self._wires):
                wire.reset()

        asyncio.run_coroutine_threadsafe(reset_all(), self._loop).result(timeout=10)

    async def end(self) -> None:
        for wire in list(self._wires):
            wire.end()
        while self._wires:
            await asyncio.sleep(LOOK_SECONDS)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        wire = _Wire(self, writer)
        self._wires.add(wire)
        try:
            await wire.carry(reader)
        finally:
            self._wires.discard(wire)


class _Wire:
    """One client's connection, and the one behind it."""

    def __init__(self, proxy: FaultyProxy, client: asyncio.StreamWriter) -> None:
        self._proxy, self._client = proxy, client
        self._swallowing = False
        self._directions: list[asyncio.Task[None]] = []

    def end(self) -> None:
        for direction in self._directions:
            direction.cancel()

    async def carry(self, asked: asyncio.StreamReader) -> None:
        try:
            await self._while_silent()
            answered, server = await asyncio.open_connection("127.0.0.1", self._proxy.target)
        except OSError:
            self.reset()
            return
        both = [self._ask(asked, server), self._answer(answered)]
        self._directions = [asyncio.create_task(direction) for direction in both]
        await asyncio.wait(self._directions, return_when=asyncio.FIRST_COMPLETED)
        self.end()
        await asyncio.gather(*self._directions, return_exceptions=True)
        server.close()
        self._client.close()

    def reset(self) -> None:
        """End the connection as a crash would: the client sees a reset, not an end."""
        if not self._client.is_closing():
            self._proxy.resets += 1
            with suppress(OSError):
                wire = self._client.get_extra_info("socket")
                wire.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            self._client.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        seen = b""
        while chunk := await reader.read(CHUNK):
            faults = self._proxy.faults
            sought = faults.swallow_after
            seen = (seen + chunk)[-CHUNK:]
            if sought is not None and sought in seen:
                faults.swallow_after = None
                self._swallowing = True
            await self._pass(chunk, server)
            if self._swallowing:
                await asyncio.sleep(SWALLOW_SECONDS)
                self.reset()
                return

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        answered = 0
        while chunk := await reader.read(CHUNK):
            limit = self._proxy.faults.reset_after
            if limit is not None and answered + len(chunk) >= limit:
                await self._pass(chunk[: max(0, limit - answered)], self._client)
                self.reset()
                return
            answered += len(chunk)
            if not self._swallowing:
                await self._pass(chunk, self._client)

    async def _pass(self, chunk: bytes, to: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._proxy.faults.latency)
        while chunk:
            await self._while_silent()
            rate = self._proxy.faults.bandwidth
            piece = max(1, int(rate / PIECES)) if rate else len(chunk)
            await asyncio.sleep(piece / rate if rate else 0)
            to.write(chunk[:piece])
            await to.drain()
            chunk = chunk[piece:]

    async def _while_silent(self) -> None:
        while self._proxy.faults.silent:
            await asyncio.sleep(LOOK_SECONDS)


@contextmanager
def run_faulty_proxy(target: int) -> Iterator[FaultyProxy]:
    """Run it in front of a port of this machine until the block ends."""
    loop = asyncio.new_event_loop()
    proxy = FaultyProxy(target, loop)
    server = loop.run_until_complete(asyncio.start_server(proxy.serve, "127.0.0.1", proxy.port))
    thread = threading.Thread(target=loop.run_forever, name="faulty proxy")
    thread.start()
    try:
        yield proxy
    finally:
        proxy.heal()
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(proxy.end(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
