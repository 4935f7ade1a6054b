"""Where the keys of a TOML file stand. `tomllib` gives values without their lines.

Works on text that `tomllib` has accepted, so it only has to find its way: it knows tables, arrays of tables, dotted
keys, inline tables and arrays, the four kinds of strings, and comments.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterable

Path = tuple[str | int, ...]
"""Keys and array indexes, as in `("services", "archive", "instances", 0, "url")`."""

_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]*")
_STRINGS = (
    ('"""', re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL)),
    ("'''", re.compile(r"'''.*?'{3,5}", re.DOTALL)),
    ('"', re.compile(r'"(?:[^"\\\n]|\\.)*"')),
    ("'", re.compile(r"'[^'\n]*'")),
)


class Lines:
    """The line of every key, table and array item of a TOML text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._lines: dict[Path, int] = {(): 1}
        self._array_tables: dict[Path, int] = {}
        self._read()

    def of(self, path: Iterable[str | int]) -> int:
        """Return the 1-based line of a key; where the file does not have it, that of what encloses it."""
        keys = tuple(path)
        while keys not in self._lines:
            keys = keys[:-1]
        return self._lines[keys]

    def _read(self) -> None:
        table: Path = ()
        self._skip(_GAP)
        while self._at < len(self._text):
            begin = self._at
            if self._text.startswith("[[", begin):
                table = self._enter_array_table(begin)
            elif self._text.startswith("[", begin):
                self._at += 1
                table = self._resolve(self._key())
                self._at += 1
                self._note(table, begin)
            else:
                self._statement(table)
            self._skip(_GAP)

    def _enter_array_table(self, begin: int) -> Path:
        self._at += 2
        *parents, last = self._key()
        self._at += 2
        array = (*self._resolve(parents), last)
        index = self._array_tables.get(array, -1) + 1
        self._array_tables[array] = index
        self._note(array, begin)
        self._note((*array, index), begin)
        return (*array, index)

    def _resolve(self, keys: Iterable[str]) -> Path:
        """Return the path of a table header: below an array of tables it means the latest item."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._array_tables:
                path = (*path, self._array_tables[path])
        return path

    def _statement(self, table: Path) -> None:
        """Read `key = value`."""
        begin = self._at
        path = table
        for key in self._key():
            path = (*path, key)
            self._note(path, begin)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        """Read a key, dotted or not, and the space behind it."""
        keys = []
        while True:
            self._skip(_SPACE)
            if self._text[self._at] in "\"'":
                keys.append(_unquote(self._string()))
            else:
                keys.append(self._take(_BARE))
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _value(self, path: Path) -> None:
        opening = self._text[self._at]
        if opening in "\"'":
            self._string()
        elif opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            self._take(_SCALAR)

    def _array(self, path: Path) -> None:
        self._at += 1
        self._skip(_GAP)
        index = 0
        while self._text[self._at] != "]":
            self._note((*path, index), self._at)
            self._value((*path, index))
            self._skip(_GAP)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_GAP)
            index += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        self._skip(_GAP)
        while self._text[self._at] != "}":
            self._statement(path)
            self._skip(_GAP)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_GAP)
        self._at += 1

    def _string(self) -> str:
        for opening, pattern in _STRINGS:
            if self._text.startswith(opening, self._at):
                return self._take(pattern)
        raise ValueError(f"no string at {self._at}")

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"not TOML at {self._at}")
        self._at = match.end()
        return match.group()

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._take(pattern)

    def _note(self, path: Path, offset: int) -> None:
        line = bisect_right(self._starts, offset)
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], line)


def _unquote(quoted: str) -> str:
    value = tomllib.loads(f"key = {quoted}")["key"]
    return str(value)
