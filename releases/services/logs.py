"""Reading a service's log on the worker: what was added to its file since it was opened, or what its command prints."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from releases.catalogue import CommandTemplate
from releases.models import Environment
from releases.probes.base import CannotRead, Log
from releases.services import reading

COMMAND = "read_log"
LARGEST = 256 * 1024
"""Bytes of new text that are looked at: the newest."""


def open_log(environment: Environment) -> Log | None:
    """Open the log of a place at its present end; None where the catalogue names none. Raises CannotRead."""
    place = reading.place_of(environment)
    if template := place.commands.get(COMMAND):
        return PrintedLog(template, environment)
    return FileLog(Path(place.log_file)) if place.log_file else None


@dataclass(frozen=True, slots=True)
class PrintedLog:
    """A log of which a command prints the newest part."""

    template: CommandTemplate
    environment: Environment

    def new_text(self) -> str:
        """Return what the command prints now. Raises CannotRead."""
        return reading.by_command(self.template, self.environment, COMMAND).encode(errors="replace").decode()


class FileLog:
    """A log file on this machine, followed by its inode through a rotation."""

    def __init__(self, path: Path) -> None:
        """Note the present end. A file that is not there yet begins with its first line. Raises CannotRead."""
        self._path = path
        found = self._look()
        self._end = (found.st_dev, found.st_ino, found.st_size) if found else (0, 0, 0)

    def new_text(self) -> str:
        """Return what was added since the file was opened, at most its newest part. Raises CannotRead."""
        if self._look() is None:
            return ""  # between the two steps of a rotation, or before the first line
        try:
            with self._path.open("rb") as file:
                return _from(file, self._start_in(file)).decode(errors="replace")
        except OSError as error:
            raise CannotRead(f"{self._path} cannot be read: {error.strerror}.") from None

    def _look(self) -> os.stat_result | None:
        """Return what the file is, or None where it is not there. A pipe would keep the worker waiting."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CannotRead(f"{self._path} cannot be read: {error.strerror}.") from None
        if not stat.S_ISREG(found.st_mode):
            raise CannotRead(f"{self._path} is not a file.")
        return found

    def _start_in(self, file: BinaryIO) -> int:
        """Return where the new text begins: a file that was replaced or emptied is new from its first byte."""
        found = os.fstat(file.fileno())
        device, inode, size = self._end
        same = (found.st_dev, found.st_ino) == (device, inode) and found.st_size >= size
        return size if same else 0


def _from(file: BinaryIO, start: int) -> bytes:
    end = file.seek(0, os.SEEK_END)
    file.seek(max(start, end - LARGEST))
    return file.read(LARGEST)
