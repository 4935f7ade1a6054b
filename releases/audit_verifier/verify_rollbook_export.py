#!/usr/bin/env python3
"""Verify an export of a Rollbook book, without Rollbook: one file, Python 3.8 or newer, standard library only.

    python3 -I -S verify_rollbook_export.py book.jsonl [--anchor anchors.txt]     (- reads standard input)

It exits with 0 when every line follows from the one before it up to the head that the first line names, and, with an
anchor file, when every anchor in it agrees. Otherwise it names the first flaw and exits with 1.

What is hashed: the digest of an event is the SHA-256 of its payload as JSON with sorted keys, without spaces, not
escaped beyond what JSON asks for, in UTF-8. Its hash is the SHA-256 of three texts without anything between them: the
hash of the event before it (64 zeros before the first), its number, and its digest in hexadecimal.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
BEFORE_THE_FIRST = "0" * 64
LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest line that is read."""
DIGITS_LIMIT = 1000
ANCHOR_LINE_LIMIT = 200
"""Bytes of the longest line of an anchor file."""
HASH = re.compile(r"[0-9a-f]{64}")
ANCHOR = re.compile(r"([1-9][0-9]{0,18}) ([0-9a-f]{64}) ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)")


class Flaw(Exception):
    """What does not hold, as a sentence."""


class Head(NamedTuple):
    seq: int
    hash: str
    exported_at: str
    shown: str


class Anchor(NamedTuple):
    line: int
    hash: str
    at: str


class Found(NamedTuple):
    events: int
    in_full: int


def verify(file: BinaryIO, anchors: dict[int, list[Anchor]]) -> tuple[Head, Found]:
    """Return the head and what was found; raise Flaw at the first place that does not hold."""
    lines = numbered(file)
    head = read_head(lines)
    previous, seq, in_full = BEFORE_THE_FIRST, 0, 0
    for number, text in lines:
        row = read_object(number, text)
        seq += 1
        check_place(number, row, seq, lines)
        previous = check_event(number, row, previous)
        in_full += "payload" in row
        if seq > head.seq:
            raise Flaw(f"line {number} is event {seq}, behind the head: the first line says {head.seq} events.")
        for anchor in anchors.get(seq, []):
            if anchor.hash != previous:
                raise Flaw(
                    f"event {seq} (line {number}) is not the one that was anchored on {anchor.at} (anchor line "
                    f"{anchor.line}): the book was rewritten here or earlier, or the anchor is of another book."
                )
    if seq < head.seq:
        raise Flaw(f"the file ends at event {seq}, its first line says {head.seq} events: the tail is missing.")
    if previous != head.hash:
        raise Flaw(f"event {seq}, the last one, is not the head that the first line names.")
    check_tail(seq, anchors, head)
    return head, Found(seq, in_full)


def check_place(number: int, row: dict[str, Any], expected: int, rest: Iterator[tuple[int, bytes]]) -> None:
    """Raise Flaw unless the line is the event that comes next; look for that one in the rest: a gap is no swap."""
    seq = row["seq"]
    if seq == expected:
        return
    if seq < expected:
        raise Flaw(f"line {number} is event {seq} where event {expected} belongs: lines are repeated or out of order.")
    for later, text in rest:
        try:
            elsewhere = read_object(later, text)["seq"] == expected
        except Flaw:
            break
        if elsewhere:
            raise Flaw(f"line {number} is event {seq}; event {expected} stands in line {later}: out of order.")
    raise Flaw(f"line {number} is event {seq}: event {expected} is missing.")


def check_event(number: int, row: dict[str, Any], previous: str) -> str:
    """Return the event's hash, computed here; raise Flaw unless the line says the same."""
    seq, digest = row["seq"], row["digest"]
    if "payload" in row and digest_of(row["payload"]) != digest:
        raise Flaw(f"the content of event {seq} (line {number}) was changed: its digest is another.")
    computed = hashlib.sha256(f"{previous}{seq}{digest}".encode("ascii")).hexdigest()
    if computed != row["hash"]:
        raise Flaw(f"event {seq} (line {number}) does not follow from the one before it.")
    return computed


def check_tail(last: int, anchors: dict[int, list[Anchor]], head: Head) -> None:
    beyond = sorted(seq for seq in anchors if seq > last)
    if beyond:
        anchor = anchors[beyond[0]][0]
        raise Flaw(
            f"the file ends at event {last}, but event {beyond[0]} was anchored on {anchor.at} (anchor line "
            f"{anchor.line}): the tail is missing. Should the export be older than that (it says {head.exported_at}), "
            "have a new one made."
        )


def digest_of(payload: Any) -> str:
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def numbered(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while True:
        text = file.readline(LINE_LIMIT + 1)
        if not text:
            return
        number += 1
        if len(text) > LINE_LIMIT:
            raise Flaw(f"line {number} is longer than {LINE_LIMIT} bytes, which no event is.")
        if not text.endswith(b"\n"):
            raise Flaw(f"line {number} has no end: the file was cut off there.")
        yield number, text


def read_head(lines: Iterator[tuple[int, bytes]]) -> Head:
    number, text = next(lines, (1, b"{}"))
    found = parse(number, text)
    if not isinstance(found, dict) or "rollbook_export" not in found:
        raise Flaw("the first line is not the head of an export.")
    if found["rollbook_export"] != FORMAT:
        raise Flaw(f"the export is of another format than {FORMAT}; use the verifier that came with it.")
    head, shown = found.get("head"), found.get("filter")
    if not isinstance(head, dict) or not is_number(head.get("seq")) or not is_hash(head.get("hash")):
        raise Flaw("the first line names no head.")
    if not isinstance(shown, dict):
        raise Flaw("the first line does not say what is shown.")
    limits = ", ".join(f"{name} {printable(value)}" for name, value in shown.items() if value)
    return Head(head["seq"], head["hash"], printable(found.get("exported_at")), limits)


def read_object(number: int, text: bytes) -> dict[str, Any]:
    row = parse(number, text)
    if not isinstance(row, dict) or set(row) - {"payload"} != {"seq", "digest", "hash"}:
        raise Flaw(f"line {number} is not an event: it needs seq, digest, hash and at most a payload.")
    if not is_number(row["seq"]) or not is_hash(row["digest"]) or not is_hash(row["hash"]):
        raise Flaw(f"line {number} is not an event: its number or a hash is none.")
    return row


def parse(number: int, text: bytes) -> Any:
    """Parse a line strictly: what two readers could take for different things is refused."""

    def refuse(what: str) -> NoReturn:
        raise ValueError(f"{what} stands in it")

    def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        return found if len(found) == len(pairs) else refuse("a key twice")

    def short(digits: str) -> int:
        return int(digits) if len(digits) <= DIGITS_LIMIT else refuse("a number that is too long")

    try:
        return json.loads(
            text.decode("utf-8"),
            object_pairs_hook=once_each,
            parse_int=short,
            parse_float=lambda _: refuse("a number that is not whole"),
            parse_constant=lambda _: refuse("a number that is none"),
        )
    except (ValueError, RecursionError) as error:
        raise Flaw(f"line {number} is not JSON as an export has it: {printable(str(error))}.") from None


def is_number(value: Any) -> bool:
    return type(value) is int and value >= 0


def is_hash(value: Any) -> bool:
    return isinstance(value, str) and HASH.fullmatch(value) is not None


def printable(value: Any) -> str:
    """Return a text of the file so that it does nothing to a terminal."""
    text = str(value)
    return ascii(text[:300])[1:-1] + ("..." if len(text) > 300 else "")


def read_anchors(file: BinaryIO) -> dict[int, list[Anchor]]:
    """Return the anchors by event number; raise Flaw at a line that is none."""
    anchors: dict[int, list[Anchor]] = {}
    number = 0
    while True:
        text = file.readline(ANCHOR_LINE_LIMIT + 1)
        if not text:
            break
        number += 1
        found = ANCHOR.fullmatch(text[:-1].decode("ascii", "replace")) if text.endswith(b"\n") else None
        if found is None:
            raise Flaw(f"line {number} of the anchor file is no anchor: a number, a hash and a time belong there.")
        anchors.setdefault(int(found[1]), []).append(Anchor(number, found[2], found[3]))
    if not anchors:
        raise Flaw("the anchor file holds no anchor, so nothing can be compared with it.")
    return anchors


def report(head: Head, found: Found, anchors: dict[int, list[Anchor]]) -> list[str]:
    said = [f"The export holds: {head.seq} events, head {head.hash}; exported, it says, at {head.exported_at}."]
    if found.in_full < found.events or head.shown:
        said.append(
            f"Shown in full: {found.in_full} ({head.shown or 'no filter named'}). {found.events - found.in_full} are "
            "shown by digest alone: which ones were left out is the word of whoever exported."
        )
    if anchors:
        newest = max(anchors)
        said.append(
            f"{sum(map(len, anchors.values()))} anchors agree; the newest is event {newest} of {anchors[newest][0].at}."
        )
    else:
        said.append(
            "No anchor was compared. A cut tail or a full rewrite can be found only against one that was kept outside "
            "the database: --anchor FILE."
        )
    return said


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an export of a Rollbook book.")
    parser.add_argument("export", help="the file that export_audit wrote; - for standard input")
    parser.add_argument("--anchor", metavar="FILE", help="anchors that were kept outside the database")
    options = parser.parse_args(arguments)
    try:
        anchors: dict[int, list[Anchor]] = {}
        if options.anchor:
            with Path(options.anchor).open("rb") as file:
                anchors = read_anchors(file)
        if options.export == "-":
            head, found = verify(sys.stdin.buffer, anchors)
        else:
            with Path(options.export).open("rb") as file:
                head, found = verify(file, anchors)
    except Flaw as flaw:
        print(f"The export does not hold: {flaw}")
        return 1
    except OSError as error:
        print(f"Nothing was verified: {error}.")
        return 1
    print("\n".join(report(head, found, anchors)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
