"""Commands of the catalogue: an argv list with placeholders, and the rendered command that would run.

A placeholder fills one whole argument or the rest of a fixed `--opt=`, so a value can never become a second argument,
and there is no shell that could read it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from releases.display import hidden_character

PLACEHOLDERS = ("service", "environment", "version", "live_version", "release", "route")
"""Everything that a command may ask for, as `{name}`."""

ARGUMENT_LIMIT = 4096
"""Characters of one argument, before and after its placeholder is filled."""

_WHOLE = re.compile(r"\{([a-z_]+)\}")
_OPTION = re.compile(r"(--?[A-Za-z0-9][A-Za-z0-9._-]*=)\{([a-z_]+)\}")


class RenderError(ValueError):
    """A value is missing or could not be an argument. The message is a sentence; nothing has run."""


@dataclass(frozen=True, slots=True)
class CommandTemplate:
    """A command as the catalogue gives it."""

    argv: tuple[str, ...]
    directory: str
    """Absolute working directory; a relative program with a slash is taken from here."""
    timeout: int
    """Seconds after which it is told to end."""
    grace: int = 10
    """Seconds between TERM and KILL."""
    environment: tuple[str, ...] = ()
    """Names passed on from the worker's environment; nothing else is."""

    @property
    def placeholders(self) -> frozenset[str]:
        """Names of the values that this command needs."""
        return frozenset(name for argument in self.argv if (name := placeholder_of(argument)) is not None)

    @property
    def digest(self) -> str:
        """SHA-256 over what decides the effect, placeholders unfilled. Hexadecimal."""
        return _digest(self.argv, self.directory, self.timeout, self.environment)


@dataclass(frozen=True, slots=True)
class Command:
    """A command with every value filled in: exactly what runs."""

    argv: tuple[str, ...]
    directory: str
    timeout: int
    grace: int = 10
    environment: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over what decides the effect: argv, directory, timeout and the names passed on. Hexadecimal."""
        return _digest(self.argv, self.directory, self.timeout, self.environment)


def placeholder_of(argument: str) -> str | None:
    """Return the name of the placeholder in an argument, or None where the argument is fixed."""
    if match := _WHOLE.fullmatch(argument):
        return match[1]
    if match := _OPTION.fullmatch(argument):
        return match[2]
    return None


def render(template: CommandTemplate, values: Mapping[str, str]) -> Command:
    """Fill the placeholders of a command. Values it does not ask for are ignored.

    Raises RenderError for a missing or empty value, for one with control characters, and for one that would be a
    whole argument and starts with "-", which the program would read as an option.
    """
    return Command(
        argv=tuple(_fill(argument, values) for argument in template.argv),
        directory=str(Path(template.directory)),
        timeout=template.timeout,
        grace=template.grace,
        environment=template.environment,
    )


def _digest(argv: Sequence[str], directory: str, timeout: int, environment: Iterable[str]) -> str:
    facts = {"argv": argv, "directory": directory, "timeout": timeout, "environment": sorted(environment)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _fill(argument: str, values: Mapping[str, str]) -> str:
    name = placeholder_of(argument)
    if name is None:
        return argument
    value = values.get(name, "")
    prefix = argument.removesuffix(f"{{{name}}}")
    if not value:
        raise RenderError(f"The command needs a value for {{{name}}}, and there is none.")
    if hidden := _unprintable(value):
        raise RenderError(f"The {name} holds {hidden}, which cannot be part of an argument.")
    if not prefix and value.startswith("-"):
        raise RenderError(f'The {name} starts with "-" and would be read as an option.')
    if len(prefix) + len(value) > ARGUMENT_LIMIT:
        raise RenderError(f"The {name} has {len(value):,} characters; an argument has at most {ARGUMENT_LIMIT:,}.")
    return prefix + value


def _unprintable(value: str) -> str | None:
    if "\n" in value or "\t" in value:
        return "a line break or tab"
    return hidden_character(value)
