"""Commands of the catalogue: rendering one, its digest, and what would keep it from starting."""

import os
from pathlib import Path

import pytest

from releases.catalogue import Command, CommandTemplate, RenderError, problems, render

pytestmark = pytest.mark.once

TEMPLATE = CommandTemplate(
    ("bin/deploy", "--to={environment}", "{version}", "$(id)"), "/srv/archive", 120, 5, ("PATH",)
)


def test_rendering_fills_every_placeholder_and_nothing_else() -> None:
    command = render(TEMPLATE, {"environment": "production", "version": "1.2", "route": "unused"})
    assert command == Command(("bin/deploy", "--to=production", "1.2", "$(id)"), "/srv/archive", 120, 5, ("PATH",))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"environment": "production"}, "The command needs a value for {version}, and there is none."),
        ({"environment": "", "version": "1"}, "The command needs a value for {environment}, and there is none."),
        ({"environment": "x", "version": "-rf"}, 'The version starts with "-" and would be read as an option.'),
        ({"environment": "x", "version": "1\x00"}, "The version holds U+0000 control character, which cannot be"),
        ({"environment": "x", "version": "1\n2"}, "The version holds a line break or tab, which cannot be"),
        (
            {"environment": "x", "version": "9" * 5000},
            "The version has 5,000 characters; an argument has at most 4,096.",
        ),
    ],
)
def test_a_value_that_cannot_be_an_argument_is_refused_with_a_sentence(values: dict[str, str], sentence: str) -> None:
    """C20: neither missing, nor read as an option, nor with characters that nobody sees."""
    with pytest.raises(RenderError) as error:
        render(TEMPLATE, values)
    assert str(error.value).startswith(sentence)


def test_a_value_after_an_option_may_start_with_a_dash() -> None:
    assert render(TEMPLATE, {"environment": "-x", "version": "1"}).argv[1] == "--to=-x"


def test_a_template_names_the_values_it_needs() -> None:
    assert TEMPLATE.placeholders == {"environment", "version"}


def test_the_digest_of_a_command_covers_what_decides_its_effect() -> None:
    """B29."""
    command = Command(("a", "b"), "/srv", 60, 10, ("HOME", "PATH"))
    assert command.digest == Command(("a", "b"), "/srv", 60, 99, ("PATH", "HOME")).digest
    for other in (
        Command(("a", "c"), "/srv", 60, 10, ("HOME", "PATH")),
        Command(("a b",), "/srv", 60, 10, ("HOME", "PATH")),
        Command(("a", "b"), "/srv2", 60, 10, ("HOME", "PATH")),
        Command(("a", "b"), "/srv", 61, 10, ("HOME", "PATH")),
        Command(("a", "b"), "/srv", 60, 10, ("HOME",)),
    ):
        assert other.digest != command.digest


# --- What would keep a command from starting --------------------------------------------------------------------------


def program(tmp_path: Path, content: str = "#!/bin/sh\n", mode: int = 0o755) -> Path:
    path = tmp_path / "deploy"
    path.write_bytes(content.encode())
    path.chmod(mode)
    return path


def trouble(tmp_path: Path, name: str = "./deploy", **environment: str) -> list[tuple[str, str]]:
    return problems(Command((name,), str(tmp_path), 60, 10, tuple(environment)), environment)


def test_a_command_that_would_start_has_no_problems(tmp_path: Path) -> None:
    program(tmp_path)
    assert trouble(tmp_path) == []
    assert trouble(tmp_path, "deploy", PATH=str(tmp_path)) == []
    assert trouble(tmp_path, "sh") == []
    assert trouble(tmp_path, "/bin/sh") == []


def test_a_missing_directory_is_a_problem(tmp_path: Path) -> None:
    """B40."""
    assert trouble(tmp_path / "gone") == [("directory_missing", f"The working directory {tmp_path}/gone is not there.")]


def test_a_missing_program_is_a_problem(tmp_path: Path) -> None:
    """B40."""
    assert trouble(tmp_path) == [("program_missing", f"The program {tmp_path}/deploy is not there.")]


def test_a_program_that_is_not_in_the_path_is_a_problem(tmp_path: Path) -> None:
    """B40: the path is the one that the command would get."""
    program(tmp_path)
    (found,) = trouble(tmp_path, "deploy", PATH="/nowhere")
    assert found == ("program_missing", "The program deploy is not in the PATH /nowhere.")
    assert trouble(tmp_path, "deploy")[0][1].endswith(os.defpath + ".")


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        ("#!/bin/sh\n", 0o000, "may not be executed"),
        ("#!/bin/sh\n", 0o644, "may not be executed"),
        ("", 0o755, "is empty"),
        ("#!\n", 0o755, "names no interpreter"),
        ("#!/usr/bin/nothing -x\n", 0o755, "asks for the interpreter /usr/bin/nothing, which is not there"),
        ("#!/bin/sh\r\n", 0o755, "ends with a carriage return"),
        ("#!/usr/bin/env no-such-python\n", 0o755, "asks for no-such-python, which is not in the PATH"),
    ],
)
def test_a_program_that_could_not_be_executed_is_a_problem(
    tmp_path: Path, content: str, mode: int, sentence: str
) -> None:
    """B40."""
    program(tmp_path, content, mode)
    ((identity, said),) = trouble(tmp_path)
    assert identity == "not_executable"
    assert sentence in said


def test_a_directory_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    assert trouble(tmp_path) == [("not_executable", f"{tmp_path}/deploy is not a file.")]
