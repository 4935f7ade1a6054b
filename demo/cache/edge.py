"""The shared cache as an ASGI application: looks up, fetches, keeps, purges.

What may be kept and for how long is decided by `hishel`'s state machine (RFC 9111, as a shared cache: neither Cookie
nor Set-Cookie prevents storing, section 7.3). Like most caches of this kind it takes no orders from readers: their
Cache-Control, Range and conditions are not passed on; a condition is answered from what is held.
"""

import asyncio
import ipaddress
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from email.utils import formatdate

import hishel
from starlette.types import Receive, Scope, Send

from demo.cache.store import Store, Stored
from demo.cache.upstream import Answer, Broken, Headers, NotReached, Request, Upstream

NAME = b"archive-edge"
OPTIONS = hishel.CacheOptions(shared=True, supported_methods=["GET"])
LARGEST_BODY = 8 * 1024 * 1024
"""Bytes of a request's body; the service's own limits are lower."""
LINGER_SECONDS = 2.0
"""How long a refused body is read on."""

HOP_BY_HOP = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    *(b"proxy-authenticate", b"proxy-authorization"),
}
NOT_FROM_READERS = {
    *(b"cache-control", b"pragma", b"range", b"if-range", b"if-none-match", b"if-modified-since", b"expect"),
    *(b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"),
}


class TooLarge(Exception):
    """A request's body grew past the limit."""


class ReaderGone(Exception):
    """The reader closed the connection before the request was complete."""


class Edge:
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._store = Store()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            answer = self._purge(scope) if scope["method"] == "PURGE" else await self._answer(scope, receive)
        except NotReached:
            answer = _own(503, "No instance of the archive can be reached. Try again.", (b"retry-after", b"1"))
        except Broken:
            answer = _own(502, "The archive did not answer in full. Whether the request took effect is not known.")
        except TooLarge:
            answer = _own(413, f"At most {LARGEST_BODY} bytes can be sent. Nothing was kept.")
        except ReaderGone:
            return
        refused = answer.status == 413
        headers = [*answer.headers, (b"connection", b"close")] if refused else answer.headers
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": refused})
        if refused:
            await _linger(receive)
            await send({"type": "http.response.body", "body": b""})

    def _purge(self, scope: Scope) -> Answer:
        """Forget one exact route, or everything if the request says so. Only for this machine."""
        if not ipaddress.ip_address(scope["client"][0]).is_loopback:
            return _own(405, "PURGE is not allowed from here.", (b"allow", b"GET, HEAD, POST"))
        everything = any(name == b"x-purge-everything" for name, _ in scope["headers"])
        count = self._store.purge_everything() if everything else self._store.purge(_target(scope))
        return _own(200, "Purged.", (b"x-purged", str(count).encode()))

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        """Answer from the store, or fetch: the states and the moves between them are hishel's."""
        target = _target(scope)
        # HEAD is answered from what a GET brings, so that one purge is enough for both.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        request = hishel.Request(method, target, _from_wire(_passed_on(scope)))
        body = _body(scope, receive)
        purges, said = self._store.purges, b"hit"
        answer = Answer(0, [], b"")
        held = self._store.get(target)
        state: hishel.AnyState = hishel.IdleClient(OPTIONS).next(request, [stored.entry for stored in held])
        while True:
            if isinstance(state, hishel.CacheMiss | hishel.NeedRevalidation):
                said = _forwarded(state, held)
                answer = await self._upstream.fetch(
                    Request(method.encode(), target.encode(), _to_wire(state.request.headers), body)
                )
                said += b"; fwd-status=%d" % answer.status
                state = state.next(hishel.Response(answer.status, _from_wire(_end_to_end(answer.headers))))
            elif isinstance(state, hishel.InvalidateEntries):
                self._store.remove(target, state.entry_ids)
                state = state.next()
            elif isinstance(state, hishel.NeedToBeUpdated):
                self._store.replace(target, state.updating_entries)
                state = state.next()
            elif isinstance(state, hishel.FromCache):
                body_held = next(stored.body for stored in held if stored.entry.id == state.entry.id)
                answer = Answer(state.entry.response.status_code, _to_wire(state.entry.response.headers), body_held)
                break
            elif isinstance(state, hishel.StoreAndUse):
                stored = Stored(hishel.Entry(uuid.uuid4(), request, state.response), answer.body)
                if purges == self._store.purges and self._store.put(target, stored):
                    said += b"; stored"
                answer = Answer(answer.status, _to_wire(state.response.headers), answer.body)
                break
            elif isinstance(state, hishel.CouldNotBeStored):
                answer = Answer(answer.status, _to_wire(state.response.headers), answer.body)
                break
        answer.headers.append((b"cache-status", NAME + b"; " + said))
        return _conditional(scope, answer)


def _target(scope: Scope) -> str:
    """Return path and query as they were sent; there is one site behind this cache, so the host does not matter."""
    raw: bytes = scope["raw_path"]
    return (raw + (b"?" + scope["query_string"] if scope["query_string"] else b"")).decode("ascii", "replace")


def _end_to_end(headers: Headers) -> Headers:
    """Leave out what is meant for one connection only (RFC 9110 section 7.6.1)."""
    connection = b",".join(value for key, value in headers if key.lower() == b"connection")
    left_out = HOP_BY_HOP | {name.strip().lower() for name in connection.split(b",")}
    return [(key, value) for key, value in headers if key.lower() not in left_out]


def _passed_on(scope: Scope) -> Headers:
    chunked = any(key == b"transfer-encoding" for key, _ in scope["headers"])
    kept = [(key, value) for key, value in _end_to_end(scope["headers"]) if key not in NOT_FROM_READERS]
    kept.append((b"x-forwarded-for", scope["client"][0].encode()))
    if not any(key == b"host" for key, _ in kept):  # HTTP/1.0 may leave it out, HTTP/1.1 towards the instance may not
        kept.append((b"host", b"127.0.0.1"))
    return [*kept, (b"transfer-encoding", b"chunked")] if chunked else kept


def _body(scope: Scope, receive: Receive) -> AsyncIterator[bytes] | None:
    given = dict(scope["headers"])
    declared = int(given.get(b"content-length", b"0"))
    if declared > LARGEST_BODY:
        raise TooLarge
    if not declared and b"transfer-encoding" not in given:
        return None

    async def parts() -> AsyncIterator[bytes]:
        read, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ReaderGone
            part, more = message.get("body", b""), message.get("more_body", False)
            read += len(part)
            if read > LARGEST_BODY:
                raise TooLarge
            if part:
                yield part

    return parts()


async def _linger(receive: Receive) -> None:
    """Read some of a refused body: closing at once would cut the answer off at the sender."""
    read, more = 0, True
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while more and read < LARGEST_BODY:
                message = await receive()
                read += len(message.get("body", b""))
                more = message.get("more_body", False)


def _from_wire(headers: Headers) -> hishel.Headers:
    grouped: dict[str, list[str]] = {}
    for key, value in headers:
        grouped.setdefault(key.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return hishel.Headers(grouped)


def _to_wire(headers: hishel.Headers) -> Headers:
    return [
        (key.encode("latin-1"), value.encode("latin-1")) for key in headers for value in headers.get_list(key) or []
    ]


def _forwarded(state: hishel.CacheMiss | hishel.NeedRevalidation, held: list[Stored]) -> bytes:
    """Say why a request goes on to an instance (RFC 9211 section 2.2)."""
    if isinstance(state, hishel.NeedRevalidation):
        return b"fwd=stale"
    if state.request.method != "GET":
        return b"fwd=method"
    return b"fwd=vary-miss" if held else b"fwd=uri-miss"


def _conditional(scope: Scope, answer: Answer) -> Answer:
    """Answer 304 where the reader has this very text already (RFC 9111 section 4.3.2)."""
    known = b",".join(value for key, value in scope["headers"] if key == b"if-none-match")
    etag = next((value for key, value in answer.headers if key.lower() == b"etag"), b"")
    if answer.status != 200 or not known or not etag or scope["method"] not in ("GET", "HEAD"):
        return answer
    tags = {tag.strip().removeprefix(b"W/") for tag in known.split(b",")}
    if b"*" not in tags and etag.removeprefix(b"W/") not in tags:
        return answer
    left_out = (b"content-length", b"content-type", b"content-encoding")
    return Answer(304, [(key, value) for key, value in answer.headers if key.lower() not in left_out], b"")


def _own(status: int, sentence: str, *more: tuple[bytes, bytes]) -> Answer:
    """Return an answer of the cache itself."""
    body = sentence.encode() + b"\n"
    headers = [
        (b"date", formatdate(usegmt=True).encode()),
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"cache-status", NAME + b"; detail=own"),
    ]
    return Answer(status, [*headers, *more], body)
