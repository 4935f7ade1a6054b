"""JSON as every parser reads it, or a refusal: what parsers disagree about is no input."""

import json
import re
from typing import Any, NoReturn

from releases.errors import Malformed, Problem

JSON_DEPTH_LIMIT = 20
JSON_DIGITS_LIMIT = 18


def check_json(body: bytes) -> None:
    """Refuse what JSON parsers disagree about: duplicate keys, NaN, huge numbers, deep nesting."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(_malformed(f"Byte {error.start} is not UTF-8.", "JSON in UTF-8")) from None
    if _depth(text) > JSON_DEPTH_LIMIT:
        raise Malformed(_malformed("The JSON is nested too deeply.", f"at most {JSON_DEPTH_LIMIT} levels"))
    try:
        value = json.loads(
            text, object_pairs_hook=_unique_keys, parse_constant=_no_constant, parse_int=_short, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        failed = f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise Malformed(_malformed(failed, "a JSON object")) from None
    if not isinstance(value, dict):
        raise Malformed(_malformed("The body is not a JSON object.", "a JSON object such as {…}"))


def _depth(text: str) -> int:
    depth = deepest = 0
    # The quote at the end may be missing: a search for it, begun anew at every quote, would take quadratic time.
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', text, re.DOTALL):
        if token.group() in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token.group() in "]}":
            depth -= 1
    return deepest


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise Malformed(_malformed("A key stands twice in one object.", "each key once", key))
        seen[key] = value
    return seen


def _no_constant(constant: str) -> NoReturn:
    raise Malformed(_malformed(f"{constant} is not JSON.", "a finite number", constant))


def _short(digits: str) -> int:
    if len(digits) > JSON_DIGITS_LIMIT:
        raise Malformed(_malformed("A number is too long.", f"at most {JSON_DIGITS_LIMIT} digits", digits))
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise Malformed(_malformed("A number is too large.", "a finite number", digits))
    return value


def _malformed(failed: str, expected: str, got: str = "") -> Problem:
    return Problem(code="malformed_json", failed=failed, expected=expected, got=got)
