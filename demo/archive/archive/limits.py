"""How much a request may send. Too much is refused on its declared length, before any of it is read."""

import asyncio
from contextlib import suppress

from fastapi import HTTPException
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archive.notes import LARGEST

FORM = 64 * 1024
"""Bytes of an ordinary form."""
UPLOAD = LARGEST + 16 * 1024
"""Bytes of an upload: the note and the form around it."""
LINGER_BYTES, LINGER_SECONDS = 4 * 1024 * 1024, 2.0
"""How much of a refused body is read, and how long: closing at once would cut the answer off at the sender."""


class BodyLimit:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        limit = UPLOAD if scope["path"] == "/upload" else FORM
        read, refused = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise HTTPException(413)
            return message

        async def closing(message: Message) -> None:
            """Let a refusal out at once, and close the connection a little later."""
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == 413:
                refused = True
                MutableHeaders(scope=message)["Connection"] = "close"
            if refused and message["type"] == "http.response.body" and not message.get("more_body"):
                await send({**message, "more_body": True})
                await _linger(receive)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if int(declared) > limit:  # the server has already refused anything but digits
            return await _refuse(closing, limit)
        return await self._app(scope, counted, closing)


async def _refuse(send: Send, limit: int) -> None:
    text = f"This is too large: at most {limit} bytes can be sent here. Nothing was kept.\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": text})


async def _linger(receive: Receive) -> None:
    read, more = 0, True
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while more and read < LINGER_BYTES:
                message = await receive()
                read += len(message.get("body", b""))
                more = message.get("more_body", False)
