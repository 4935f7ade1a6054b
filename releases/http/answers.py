"""Taking in an answer: its framing checked, its body decompressed, all of it bounded."""

import zlib
from collections.abc import Callable, Iterator

import httpcore

from releases.http.errors import ConnectionLost, InvalidAnswer, InvalidUrl, TooLarge
from releases.http.exchange import Limits


class as_door_errors:
    """Turn httpcore's exceptions into ours."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, httpcore.LocalProtocolError):
            raise InvalidUrl(f"the request to {self._place} is not one that HTTP can carry: {error}") from None
        if isinstance(error, httpcore.RemoteProtocolError):
            sentence = str(error)
            # h11's and httpcore's words for an end of file in the wrong place.
            if "disconnected" in sentence or "closed connection" in sentence:
                raise ConnectionLost(f"{self._place} closed the connection before its answer was complete") from None
            raise InvalidAnswer(f"{self._place} sent no valid HTTP answer: {sentence[:200]}") from None
        if isinstance(error, httpcore.NetworkError):
            raise ConnectionLost(f"the connection to {self._place} was lost: {error}") from None


def checked_headers(raw: list[tuple[bytes, bytes]], limits: Limits, place: str) -> tuple[tuple[str, str], ...]:
    if len(raw) > limits.header_count or sum(len(name) + len(value) + 4 for name, value in raw) > limits.header_bytes:
        raise TooLarge(
            f"{place} sent more than {limits.header_count} header fields or {limits.header_bytes} bytes of them"
        )
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
    names = [name.lower() for name, _ in headers]
    if "transfer-encoding" in names and "content-length" in names:
        # RFC 9112 section 6.3: ought to be handled as an error, it may be an attempt at response splitting.
        raise InvalidAnswer(f"{place} sent invalid framing: both Content-Length and Transfer-Encoding")
    return headers


def read_body(
    chunks: Iterator[bytes], headers: tuple[tuple[str, str], ...], limits: Limits, place: str, truncate: bool
) -> tuple[bytes, bool]:
    """Return the decompressed body, and whether it was cut at the limit."""
    decode = _decoder(headers, place)
    body = bytearray()
    try:
        for chunk in chunks:
            # One byte over the limit tells a body that just fits from one that does not.
            body += decode(chunk, limits.body_bytes + 1 - len(body))
            if len(body) > limits.body_bytes:
                raise TooLarge(f"{place} sent a body larger than {limits.body_bytes} bytes")
    except TooLarge:
        if not truncate:
            raise
        return bytes(body[: limits.body_bytes]), True
    except zlib.error as error:
        raise InvalidAnswer(f"{place} sent a body that cannot be decompressed: {error}") from None
    return bytes(body), False


def _decoder(headers: tuple[tuple[str, str], ...], place: str) -> Callable[[bytes, int], bytes]:
    """Return the function that decodes up to a number of bytes. Only what was asked for is understood: gzip."""
    lines = ",".join(value for name, value in headers if name.lower() == "content-encoding")
    codings = [coding.strip().lower() for coding in lines.split(",") if coding.strip().lower() not in ("", "identity")]
    if not codings:
        return lambda chunk, most: chunk[:most]
    if codings not in (["gzip"], ["x-gzip"]):
        raise InvalidAnswer(f"{place} sent a body encoded as {', '.join(codings)[:80]}, which was not asked for")
    return zlib.decompressobj(wbits=31).decompress
