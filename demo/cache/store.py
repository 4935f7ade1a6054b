"""What the cache holds: a bounded number of answers in memory, the least recently used going first."""

import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from hishel import Entry

MOST_KEYS = 500
MOST_VARIANTS = 8
MOST_BYTES = 64 * 1024 * 1024
LARGEST_BODY = 2 * 1024 * 1024
OVERHEAD = 1024
"""Bytes counted for an entry's headers and bookkeeping."""


@dataclass(frozen=True, slots=True)
class Stored:
    entry: Entry
    body: bytes

    @property
    def size(self) -> int:
        return len(self.body) + OVERHEAD


class Store:
    def __init__(self) -> None:
        self._keys: OrderedDict[str, list[Stored]] = OrderedDict()
        self._bytes = 0
        self.purges = 0
        """How often anything was purged. A fetch that began before a purge must not be stored after it: it would bring
        back what was purged."""

    def get(self, key: str) -> list[Stored]:
        """Return the variants of a key, and mark it as used."""
        if key not in self._keys:
            return []
        self._keys.move_to_end(key)
        return self._keys[key]

    def put(self, key: str, stored: Stored) -> bool:
        """Keep an answer; False when it is too large to keep."""
        if len(stored.body) > LARGEST_BODY:
            return False
        others = self.get(key) if "vary" in stored.entry.response.headers else []
        self._set(key, [stored, *others][:MOST_VARIANTS])
        while len(self._keys) > MOST_KEYS or self._bytes > MOST_BYTES:
            self._set(next(iter(self._keys)), [])
        return True

    def replace(self, key: str, entries: Iterable[Entry]) -> None:
        """Exchange entries for refreshed ones of the same id, keeping their bodies."""
        fresh = {entry.id: entry for entry in entries}
        self._set(key, [Stored(fresh.get(old.entry.id, old.entry), old.body) for old in self.get(key)])

    def remove(self, key: str, ids: Iterable[uuid.UUID]) -> None:
        gone = set(ids)
        self._set(key, [stored for stored in self.get(key) if stored.entry.id not in gone])

    def purge(self, key: str) -> int:
        """Forget one key; return how many answers were held for it."""
        self.purges += 1
        held = len(self.get(key))
        self._set(key, [])
        return held

    def purge_everything(self) -> int:
        self.purges += 1
        held = sum(map(len, self._keys.values()))
        self._keys.clear()
        self._bytes = 0
        return held

    def _set(self, key: str, variants: list[Stored]) -> None:
        before = self._keys.pop(key, [])
        self._bytes += sum(stored.size for stored in variants) - sum(stored.size for stored in before)
        if variants:
            self._keys[key] = variants
