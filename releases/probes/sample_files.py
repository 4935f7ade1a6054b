"""The smallest whole images, so that a service that looks into an upload finds what its type says.

Whatever follows the end of one is ignored by those who read it (PNG: after IEND, W3C PNG section 13.2; GIF: after the
trailer), so that a file of any size can begin with it.
"""

import struct
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png() -> bytes:
    """Return one grey pixel as a PNG (W3C PNG, third edition, section 5)."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\x00\x80")
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _gif() -> bytes:
    """Return one black pixel as a GIF89a."""
    screen = struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(3) + b"\xff\xff\xff"
    image = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + screen + image + b";"


_BEGINNINGS = {"image/png": _png, "image/gif": _gif}


def beginning(content_type: str) -> bytes:
    """Return a whole small file of this type, after which anything may follow; nothing where plain text must do."""
    make = _BEGINNINGS.get(content_type)
    return make() if make is not None else b""
