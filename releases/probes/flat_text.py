"""Reading a flat configuration: a JSON object of plain values, or KEY=VALUE lines as in a `.env` file. Pure.

Lines: blank ones and comments are passed over, a comment may follow a value after a space, `export` may stand before a
key. A quoted value may go over several lines; in double quotes the usual escapes are read, nothing is expanded. In both
forms the last value counts where a key stands twice, as it does for the programs that read such files.
"""

import json
import re
from typing import Any

LARGEST = 64 * 1024
"""Characters of a whole configuration."""
MOST_KEYS = 500
LONGEST_KEY = 100

_KEY = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=")
_NOTHING = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[^\n]*")
_COMMENT = re.compile(r"[ \t]#.*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$", "`": "`", "\n": ""}
_BROKEN = re.compile("[\ud800-\udfff\x00]")


class Unreadable(ValueError):
    """A text is no flat configuration. The message is a sentence that names the line or the key, never a value."""


def parse(text: str) -> dict[str, str]:
    """Return the values by key, in the order of the text; raise Unreadable. Values of JSON are kept as written there.

    Bytes that were not UTF-8 are expected as lone surrogates (`errors="surrogateescape"`).
    """
    if len(text) > LARGEST:
        raise Unreadable(f"it has more than {LARGEST:,} characters")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if broken := _BROKEN.search(text):
        raise Unreadable(f"line {_line(text, broken.start())} is not UTF-8 text")
    begin = text.lstrip()[:1]
    if begin == "[":
        raise Unreadable("it is a list, not an object with keys")
    found = _json(text) if begin == "{" else _lines(text)
    if not found:
        raise Unreadable("it has no key at all")
    if len(found) > MOST_KEYS:
        raise Unreadable(f"it has {len(found):,} keys; at most {MOST_KEYS} are read")
    return found


class _Object(list[tuple[str, Any]]):
    """A JSON object as its pairs."""


def _json(text: str) -> dict[str, str]:
    try:
        pairs = json.loads(text, object_pairs_hook=_Object, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise Unreadable(f"line {error.lineno} is not JSON, at column {error.colno}") from None
    except RecursionError:
        raise Unreadable("it is nested too deeply; only plain values are compared") from None
    found = {}
    for number, (key, value) in enumerate(pairs, 1):
        if not key.strip() or len(key) > LONGEST_KEY or not key.isprintable():
            raise Unreadable(f"key {number} is not 1-{LONGEST_KEY} printable characters")
        if isinstance(value, list):
            raise Unreadable(f"the value of {key} is nested; only plain values are compared")
        found[key] = _plain(value)
        if _BROKEN.search(found[key]):
            raise Unreadable(f"the value of {key} is not UTF-8 text")
    return found


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)  # true, false or null


def _lines(text: str) -> dict[str, str]:
    found = {}
    at = 0
    while at < len(text):
        if nothing := _NOTHING.match(text, at):
            at = nothing.end()
            continue
        named = _KEY.match(text, at)
        if named is None or len(named[1]) > LONGEST_KEY:
            raise Unreadable(f"line {_line(text, at)} is not KEY=VALUE")
        found[named[1]], at = _value(text, named.end())
    return found


def _value(text: str, at: int) -> tuple[str, int]:
    """Return the value that begins there, and where the next line begins."""
    begin = _end(_SPACE, text, at)
    quote = text[begin : begin + 1]
    if quote not in ("'", '"'):
        end = _end(_BARE, text, at)
        return _COMMENT.sub("", text[at:end]).strip(), end + 1
    quoted = (_SINGLE if quote == "'" else _DOUBLE).match(text, begin)
    if quoted is None:
        raise Unreadable(f"line {_line(text, begin)} has a quote that does not end")
    rest = _NOTHING.match(text, quoted.end())
    if rest is None:
        raise Unreadable(f"line {_line(text, quoted.end())} goes on after its closing quote")
    return (quoted[1] if quote == "'" else _ESCAPE.sub(_unescaped, quoted[1])), rest.end()


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Return where a pattern ends that also matches nothing."""
    match = pattern.match(text, at)
    return match.end() if match else at


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[1], match[0])


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
