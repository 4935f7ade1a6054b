"""Reading a service's log on the worker: only what is new, through rotations, bounded."""

import os
from pathlib import Path

import pytest

from releases.models import Environment
from releases.probes.base import CannotRead
from releases.services.logs import LARGEST, FileLog, open_log
from tests.little_service import LittleService

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("workers")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requests.log"


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_only_what_was_added_since_is_new(path: Path) -> None:
    add(path, "before\n")
    log = FileLog(path)
    assert log.new_text() == ""
    add(path, "after\n")
    assert log.new_text() == "after\n"


def test_a_log_that_is_not_there_yet_begins_with_its_first_line(path: Path) -> None:
    log = FileLog(path)
    assert log.new_text() == ""
    add(path, "first\n")
    assert log.new_text() == "first\n"


def test_a_log_that_was_rotated_is_new_from_its_first_byte(path: Path) -> None:
    add(path, "before\n")
    log = FileLog(path)
    path.rename(path.with_suffix(".1"))
    assert log.new_text() == ""
    add(path, "after the rotation\n")
    assert log.new_text() == "after the rotation\n"


def test_a_log_that_was_emptied_in_place_is_new_from_its_first_byte(path: Path) -> None:
    add(path, "before " * 10)
    log = FileLog(path)
    os.truncate(path, 0)
    add(path, "after\n")
    assert log.new_text() == "after\n"


def test_the_newest_part_of_a_large_log_is_taken(path: Path) -> None:
    log = FileLog(path)
    add(path, "x" * LARGEST * 2 + "the end\n")
    text = log.new_text()
    assert len(text) == LARGEST
    assert text.endswith("the end\n")


def test_bytes_that_are_no_text_are_replaced(path: Path) -> None:
    log = FileLog(path)
    path.write_bytes(b"a \xff b\n")
    assert log.new_text() == "a � b\n"


def test_what_is_no_file_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(CannotRead, match="is not a file"):
        FileLog(path)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(CannotRead, match="is not a file"):
        FileLog(path)


def test_a_pipe_that_took_the_place_of_the_log_keeps_nobody_waiting(path: Path) -> None:
    log = FileLog(path)
    os.mkfifo(path)
    with pytest.raises(CannotRead, match="is not a file"):
        log.new_text()


def test_a_place_without_a_log_has_none(production: Environment) -> None:
    assert open_log(production) is None


def test_the_file_of_the_catalogue_is_followed(production: Environment, little_service: LittleService) -> None:
    path = little_service.home / "requests.log"
    add(little_service.catalogue, f'\n[services.archive.environments.production.log]\nfile = "{path}"\n')
    log = open_log(production)
    assert log is not None
    add(path, "a line\n")
    assert log.new_text() == "a line\n"


def test_the_command_of_the_catalogue_is_asked_before_the_file(
    production: Environment, little_service: LittleService
) -> None:
    program = little_service.home / "newest"
    program.write_text('#!/bin/sh\necho "newest of $1"\n')
    program.chmod(0o755)
    add(
        little_service.catalogue,
        '\n[services.archive.environments.production.log]\nfile = "/nowhere"\n'
        f'[services.archive.commands.read_log]\nargv = ["./newest", "{{environment}}"]\n'
        f'directory = "{little_service.home}"\ntimeout = 5\n',
    )
    log = open_log(production)
    assert log is not None
    assert log.new_text() == "newest of production\n"


def test_a_command_that_fails_cannot_be_read(production: Environment, little_service: LittleService) -> None:
    add(
        little_service.catalogue,
        f'\n[services.archive.commands.read_log]\nargv = ["false"]\ndirectory = "{little_service.home}"\ntimeout = 5\n'
        'environment = ["PATH"]\n',
    )
    log = open_log(production)
    assert log is not None
    with pytest.raises(CannotRead, match="read_log ended with 1"):
        log.new_text()
