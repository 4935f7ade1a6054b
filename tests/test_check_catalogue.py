"""`manage.py check_catalogue FILE`."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.once

GOOD = """
[services.archive]
title = "Archive"
[services.archive.commands.rollback]
argv = ["bin/undo", "{version}"]
directory = "/srv"
timeout = 30
[services.archive.environments.production]
base_url = "https://archive.example.org"
[services.archive.checklist.serving_version]
"""


def check(path: Path) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("check_catalogue", str(path), stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), f"{err.getvalue()}{error}"
    return out.getvalue(), err.getvalue()


def test_a_good_file_is_summed_up(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(GOOD)
    out, err = check(path)
    assert "archive/production: https://archive.example.org; rollback; checklist: serving_version\n" in out
    assert f"{path} can be used: 1 service, 1 environment, digest " in out
    assert err == ""


def test_a_bad_file_gets_every_mistake_and_a_count(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(GOOD.replace('"/srv"', '"srv"').replace("30", "0"))
    out, err = check(path)
    rollback = "services.archive.commands.rollback"
    assert out == ""
    assert err.splitlines() == [
        f'{path}: line 6: {rollback}.directory: got "srv"; expected an absolute path of at most 500 characters',
        f"{path}: line 7: {rollback}.timeout: got 0; expected at least 1",
        f"2 mistakes in {path}.",
    ]


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "missing.toml"
    _, err = check(path)
    assert err.splitlines() == [
        f"{path}: the file: got no such file or directory; expected a TOML file that can be read at {path}",
        f"1 mistake in {path}.",
    ]
