"""What stands around every answer: who served it, its headers for the browser's safety, and its line in the log."""

import re
import secrets
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archive import caching
from archive.place import Place
from archive.requestlog import LONGEST, RequestLog, shown_target

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")

SAFETY = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
    " object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HSTS = "max-age=31536000; includeSubDomains"


class Frame:
    """Wraps the whole application, so that errors get their headers and their line as well."""

    def __init__(self, app: ASGIApp, *, place: Place, instance: str, log: RequestLog) -> None:
        self._app, self._instance, self._log = app, instance, log
        self._headers = {**SAFETY, "Cache-Control": caching.NEVER}
        """What an answer has unless it says otherwise."""
        if place.https:
            self._headers["Strict-Transport-Security"] = HSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        asked = dict(scope["headers"])
        given = asked.get(b"x-request-id", b"")
        request_id = given.decode() if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        began, status, sent = time.perf_counter(), 500, 0

        async def framed(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers["X-Served-By"] = self._instance
                headers["X-Request-ID"] = request_id
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, framed)
        finally:
            self._log.write(
                instance=self._instance,
                method=scope["method"],
                target=shown_target(scope["path"], scope["query_string"].decode("latin-1")),
                status=status,
                bytes=sent,
                ms=round((time.perf_counter() - began) * 1000, 1),
                request_id=request_id,
                agent=asked.get(b"user-agent", b"").decode("latin-1")[:LONGEST],
            )
