"""References to secrets: `env:NAME` or `file:/path`, resolved on the worker, in the task that needs them.

A value is never stored, never shown, and never part of an error.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

SIZE_LIMIT = 64 * 1024
"""Bytes of a file that may hold a secret."""

_REFERENCE = re.compile(r"env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|file:(?P<path>/[^\x00-\x1f\x7f]*)")

EXPECTED = "env:NAME or file:/absolute/path"


class SecretError(Exception):
    """A secret cannot be read here. The message is a sentence that names the reference, never the value."""


def is_reference(text: str) -> bool:
    """Say whether a text refers to a secret instead of being one."""
    return _REFERENCE.fullmatch(text) is not None


def resolve(reference: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the secret that a reference names; one line break at the end of a file does not belong to it.

    Raises SecretError where it is missing, empty, too large or no UTF-8 text.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise SecretError(f"A secret is given as {EXPECTED}, not as a value.")
    value = environment.get(match["name"], "") if match["name"] else _read(Path(match["path"]))
    if not value:
        raise SecretError(f"The secret {reference} is not set or empty.")
    if "\x00" in value:
        raise SecretError(f"The secret {reference} holds a NUL byte.")
    return value


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise SecretError(f"The secret file:{path} cannot be read: {error.strerror}.") from None
    if len(content) > SIZE_LIMIT:
        raise SecretError(f"The secret file:{path} is larger than {SIZE_LIMIT:,} bytes.")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise SecretError(f"The secret file:{path} is not UTF-8 text.") from None
    return text.removesuffix("\n").removesuffix("\r")
