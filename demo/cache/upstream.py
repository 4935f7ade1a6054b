"""The instances behind the cache: taken in turns, a dead one skipped, connections kept.

HTTP/1.1 by `h11`, one request at a time on a connection. Requests and answers are carried at the same time, so that an
instance can refuse an upload before all of it was sent.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import h11

Headers = list[tuple[bytes, bytes]]

CONNECTING = 1.0
"""Seconds to reach an instance."""
ANSWERING = 15.0
"""Seconds in which an instance must have answered in full."""
LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes of an answer's body."""
KEPT = 16
"""Idle connections kept per instance."""
REST = 1.0
"""Seconds for which an instance that failed is asked last."""


class NotReached(Exception):
    """No instance got the request; it may be sent again."""


class Broken(Exception):
    """An instance got the request, or part of it, and did not answer in full."""


@dataclass(slots=True)
class Request:
    method: bytes
    target: bytes
    headers: Headers
    body: AsyncIterator[bytes] | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no harm (RFC 9110 section 9.2.2) and is possible."""
        return self.method in (b"GET", b"HEAD", b"OPTIONS") and self.body is None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Headers
    body: bytes


@dataclass(slots=True)
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocol: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT))

    @property
    def usable(self) -> bool:
        return not self.reader.at_eof() and not self.writer.is_closing()

    async def exchange(self, request: Request) -> Answer:
        """Send a request and return the whole answer. Raises h11.ProtocolError, OSError, EOFError, or what the body's
        iterator raises."""
        head = h11.Request(method=request.method, target=request.target, headers=request.headers)
        self.writer.write(self.protocol.send(head) or b"")
        if request.body is None:
            self.writer.write(self.protocol.send(h11.EndOfMessage()) or b"")
            return await self._answer()
        sending = asyncio.ensure_future(self._send(request.body))
        answering = asyncio.ensure_future(self._answer())
        try:
            await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and (problem := sending.exception()) and not isinstance(problem, OSError):
                raise problem
            # An OSError here is the instance closing because it refuses the body: its answer says why.
            return await answering
        finally:
            sending.cancel()
            answering.cancel()
            await asyncio.gather(sending, answering, return_exceptions=True)

    async def _send(self, body: AsyncIterator[bytes]) -> None:
        async for part in body:
            self.writer.write(self.protocol.send(h11.Data(data=part)) or b"")
            await self.writer.drain()
        self.writer.write(self.protocol.send(h11.EndOfMessage()) or b"")

    async def _answer(self) -> Answer:
        status, headers, body = 0, Headers(), bytearray()
        while True:
            event = self.protocol.next_event()
            if event is h11.NEED_DATA:
                data = await self.reader.read(65536)
                self.protocol.receive_data(data)
            elif isinstance(event, h11.Response):
                status, headers = event.status_code, list(event.headers)
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LARGEST_ANSWER:
                    raise EOFError(f"more than {LARGEST_ANSWER} bytes")
            elif isinstance(event, h11.EndOfMessage):
                return Answer(status, headers, bytes(body))
            elif isinstance(event, h11.ConnectionClosed):
                raise EOFError("closed without an answer")

    def ready_for_next(self) -> bool:
        """Prepare for another request; False when the connection has to be closed."""
        done = self.protocol.our_state is h11.DONE and self.protocol.their_state is h11.DONE
        if done and self.usable:
            self.protocol.start_next_cycle()
            return True
        return False


class Instance:
    """One instance of the service, and the idle connections to it."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.failed_at = float("-inf")
        self._idle: list[Connection] = []

    async def fetch(self, request: Request) -> Answer:
        """Return this instance's answer. Raises NotReached or Broken."""
        # A kept connection may have been closed a moment ago, so only what may be sent twice is sent on one.
        while request.repeatable and self._idle:
            connection = self._idle.pop()
            if connection.usable:
                with suppress(Broken):
                    return await self._exchange(connection, request)
            connection.writer.close()
        try:
            async with asyncio.timeout(CONNECTING):
                connection = Connection(*await asyncio.open_connection(self.host, self.port))
        except (OSError, TimeoutError) as problem:
            raise NotReached(f"{self.host}:{self.port}: {problem}") from problem
        return await self._exchange(connection, request)

    async def _exchange(self, connection: Connection, request: Request) -> Answer:
        keep = False
        try:
            async with asyncio.timeout(ANSWERING):
                answer = await connection.exchange(request)
            keep = connection.ready_for_next() and len(self._idle) < KEPT
            return answer
        except (h11.ProtocolError, OSError, EOFError) as problem:  # TimeoutError is an OSError
            raise Broken(f"{self.host}:{self.port}: {problem or 'no answer in time'}") from problem
        finally:
            if keep:
                self._idle.append(connection)
            else:
                connection.writer.close()


class Upstream:
    """All instances of the service."""

    def __init__(self, instances: list[Instance]) -> None:
        self._instances = instances
        self._turn = 0

    async def fetch(self, request: Request) -> Answer:
        """Return the answer of the first instance that gives one. Raises NotReached or Broken."""
        for instance in self._order():
            try:
                answer = await instance.fetch(request)
                instance.failed_at = float("-inf")
                return answer
            except (NotReached, Broken) as problem:
                instance.failed_at = asyncio.get_running_loop().time()
                if isinstance(problem, Broken) and not request.repeatable:
                    raise
        raise NotReached("no instance answers")

    def _order(self) -> list[Instance]:
        self._turn = (self._turn + 1) % len(self._instances)
        order = self._instances[self._turn :] + self._instances[: self._turn]
        now = asyncio.get_running_loop().time()
        return sorted(order, key=lambda instance: now - instance.failed_at < REST)
