"""Pydantic's errors in the words of a catalogue's mistakes: what was got, what was expected."""

import difflib
import typing
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from releases.catalogue.mistakes import NOT_SHOWN, NOTHING, shown

_KINDS = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "an array",
    "tuple_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
    "too_short": "at least one entry",
}
_PREFIXES = ("Value error, ", "Input should be ", "Assertion failed, ")


def is_echo(detail: ErrorDetails) -> bool:
    """Say whether an error only repeats another: an array is "too short" for pydantic when its entries are wrong."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail.get("ctx", {}).get("min_length", 0)


def got(detail: ErrorDetails, *, secret: bool = False) -> str:
    """Return what stood there."""
    if detail["type"] == "missing":
        return NOTHING
    if detail["loc"] and detail["loc"][-1] == "[key]":
        return f"the key {shown(detail['input'])}"
    if secret:
        return NOT_SHOWN
    return shown(detail["input"])


def expected(detail: ErrorDetails, model: type[BaseModel], path: Sequence[str | int]) -> str:
    """Return what should have stood at a path below the model's table."""
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _expected_instead_of(str(path[-1]), known_keys(model, path[:-1]))
    if kind == "missing":
        return "a value; this key is required"
    if kind in _KINDS:
        return _KINDS[kind]
    limits = detail.get("ctx", {})
    if kind == "greater_than_equal" and "ge" in limits and isinstance(detail["input"], int | float):
        return f"at least {limits['ge']}"
    if kind == "less_than_equal" and "le" in limits:
        return f"at most {limits['le']}"
    if kind == "too_long":
        return f"at most {limits['max_length']} entries"
    message = detail["msg"]
    for prefix in _PREFIXES:
        message = message.removeprefix(prefix)
    return message


def known_keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the keys that the table at a path may have."""
    kinds: list[Any] = [model]
    for step in path:
        kinds = [inner for kind in kinds for inner in _below(kind, step)]
    return list(dict.fromkeys(key for kind in kinds for found in _models(kind) for key in found.model_fields))


def _expected_instead_of(key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"one of {', '.join(known)}" + (f"; perhaps {near[0]}" if near else "")


def _below(kind: Any, step: str | int) -> Iterator[Any]:
    """Yield the types of what a key or an index leads to."""
    for found in _models(kind):
        if step in found.model_fields:
            yield found.model_fields[str(step)].annotation
    for container in _members(kind):
        arguments = typing.get_args(container)
        if typing.get_origin(container) in (list, tuple, dict) and arguments:
            yield arguments[0] if typing.get_origin(container) is tuple else arguments[-1]


def _models(kind: Any) -> list[type[BaseModel]]:
    return [member for member in _members(kind) if isinstance(member, type) and issubclass(member, BaseModel)]


def _members(kind: Any) -> list[Any]:
    """Return the alternatives of a union, or the type itself; annotations around it do not count."""
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _members(typing.get_args(kind)[0])
    if origin in (typing.Union, UnionType):
        return [inner for member in typing.get_args(kind) for inner in _members(member)]
    return [kind]
