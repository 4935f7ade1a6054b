"""Reading on the worker what a command of a place prints, or a file of it holds. Nothing is stored here."""

import os
import select
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from releases.catalogue import (
    CatalogueEnvironment,
    CatalogueError,
    Command,
    CommandTemplate,
    RenderError,
    UnknownPlace,
    problems,
    render,
)
from releases.catalogue.readiness import find_program
from releases.http import Deadline
from releases.models import Environment
from releases.probes.base import CannotRead
from releases.services import places

LARGEST = 64 * 1024
"""Bytes of a configuration."""
SECONDS = 10.0
"""For the command, whatever its own timeout is."""
_CHUNK = 16 * 1024
_LOOK = 0.2
"""Seconds between two looks whether a command that keeps its output open has ended."""


def place_of(environment: Environment) -> CatalogueEnvironment:
    """Return the place as this worker's catalogue has it. Raises CannotRead."""
    try:
        return places.place(environment)
    except (places.NoCatalogue, CatalogueError, UnknownPlace) as error:
        raise CannotRead(str(error)) from None


def by_command(
    template: CommandTemplate, environment: Environment, name: str, values: Mapping[str, str] | None = None
) -> str:
    """Return what the command prints. It takes no lock: reading is no deployment. Raises CannotRead.

    `values` are those of its placeholders beside service and environment.
    """
    filled = {"service": environment.service.key, "environment": environment.key} | dict(values or {})
    try:
        command = render(template, filled)
    except RenderError as error:
        raise CannotRead(str(error)) from None
    if found := problems(command, places.passed_environment()):
        raise CannotRead(" ".join(sentence for _, sentence in found))
    return as_text(_output_of(command, name))


def by_file(path: Path) -> str:
    """Return what the file holds. Raises CannotRead."""
    try:
        if not path.is_file():  # a pipe would keep the worker waiting
            raise CannotRead(f"{path} is not there, or is no file.")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise CannotRead(f"{path} cannot be read: {error.strerror}.") from None
    return as_text(content)


def as_text(content: bytes) -> str:
    """Return the text; bytes that are not UTF-8 become lone surrogates, which the probe names by their line."""
    if len(content) > LARGEST:
        raise CannotRead(f"It is larger than {LARGEST:,} bytes.")
    return content.decode(errors="surrogateescape")


def _output_of(command: Command, name: str) -> bytes:
    """Run a command and return its standard output.

    Not by the executor: that masks what looks like a secret, and two secrets that differ would then look the same.
    """
    passed = places.passed_environment()
    deadline = Deadline.after(min(SECONDS, command.timeout))
    try:
        process = subprocess.Popen(
            command.argv,
            executable=find_program(command, passed),
            cwd=command.directory,
            env={name: passed[name] for name in command.environment if name in passed},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise CannotRead(f"{name} could not be started: {type(error).__name__}.") from None
    with process:
        try:
            content = _read(process, deadline, name)
            exit_code = process.wait(deadline.remaining())
        except subprocess.TimeoutExpired:
            raise CannotRead(f"{name} did not end within {min(SECONDS, command.timeout):g} s.") from None
        finally:
            _kill(process)
    if exit_code != 0:
        raise CannotRead(f"{name} ended with {exit_code}.")
    return content


def _read(process: "subprocess.Popen[bytes]", deadline: Deadline, name: str) -> bytes:
    """Read until the output ends, is too large, or the command has ended though somebody keeps its output open."""
    assert process.stdout is not None
    content = bytearray()
    descriptor = process.stdout.fileno()
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    while len(content) <= LARGEST:
        ended = process.poll() is not None
        if poller.poll(1000 * min(_LOOK, deadline.remaining())):
            chunk = os.read(descriptor, _CHUNK)
            if not chunk:
                break
            content += chunk
        elif ended:
            break
        if deadline.reached:
            raise subprocess.TimeoutExpired(name, 0)
    if len(content) > LARGEST:
        raise CannotRead(f"{name} printed more than {LARGEST:,} bytes.")
    return bytes(content)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the command and whatever it left running in its session's group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
