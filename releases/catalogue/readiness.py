"""What would keep a command from starting, found without running it."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from releases.catalogue.commands import Command

_FIRST_LINE_LIMIT = 256
"""Bytes of a script's first line that Linux looks at."""


def problems(command: Command, passed_environment: Mapping[str, str] = os.environ) -> list[tuple[str, str]]:
    """Return what would keep a command from starting here, as (finding id, sentence) pairs; empty if nothing would.

    The ids are `directory_missing`, `program_missing` and `not_executable`.
    """
    found = []
    directory = Path(command.directory)
    if not directory.is_dir():
        found.append(("directory_missing", f"The working directory {directory} is not there."))
    elif not os.access(directory, os.X_OK):
        found.append(("directory_missing", f"The working directory {directory} may not be entered."))
    elif trouble := _program_trouble(command, passed_environment):
        found.append(trouble)
    return found


def find_program(command: Command, passed_environment: Mapping[str, str]) -> Path | None:
    """Return the file that would be started, or None where PATH has none of that name.

    A name with a slash is taken from the working directory; a bare one from PATH, if that is passed on to the command,
    and from the system's default path if not.
    """
    name = command.argv[0]
    if "/" in name:
        return Path(command.directory) / name
    found = shutil.which(name, path=search_path(command, passed_environment))
    return Path(command.directory) / found if found else None


def search_path(command: Command, passed_environment: Mapping[str, str]) -> str:
    """Return the PATH in which the command's program is looked up."""
    passed = passed_environment.get("PATH") if "PATH" in command.environment else None
    return passed or os.defpath


def _program_trouble(command: Command, passed_environment: Mapping[str, str]) -> tuple[str, str] | None:
    program = find_program(command, passed_environment)
    if program is None:
        where = search_path(command, passed_environment)
        return "program_missing", f"The program {command.argv[0]} is not in the PATH {where}."
    if not program.exists():
        return "program_missing", f"The program {program} is not there."
    if not program.is_file():
        return "not_executable", f"{program} is not a file."
    if not os.access(program, os.X_OK):
        return "not_executable", f"The program {program} may not be executed."
    return _interpreter_trouble(program, search_path(command, passed_environment))


def _interpreter_trouble(program: Path, path: str) -> tuple[str, str] | None:
    """Say what is wrong with the first line of a script."""
    try:
        with program.open("rb") as file:
            start = file.read(_FIRST_LINE_LIMIT)
    except OSError:
        return None  # a binary may be executable without being readable
    if not start:
        return "not_executable", f"The program {program} is empty."
    if not start.startswith(b"#!"):
        return None
    first_line = start[2:].partition(b"\n")[0]
    if first_line.endswith(b"\r"):
        return "not_executable", f"The first line of {program} ends with a carriage return; it needs Unix line ends."
    words = first_line.decode(errors="backslashreplace").split(None, 1)
    if not words:
        return "not_executable", f"The first line of {program} names no interpreter."
    if not os.access(words[0], os.X_OK):
        return "not_executable", f"{program} asks for the interpreter {words[0]}, which is not there."
    asked = words[1].split()[0] if len(words) > 1 else ""
    by_name = Path(words[0]).name == "env" and asked and not asked.startswith("-") and "=" not in asked
    if by_name and shutil.which(asked, path=path) is None:
        return "not_executable", f"{program} asks for {asked}, which is not in the PATH {path}."
    return None
