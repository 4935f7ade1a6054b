"""Making the virtual environment: only when something changed, and one sentence when it cannot be done."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig.processes import ROOT, bare_environment

pytestmark = pytest.mark.once

INSTALL = Path("config/embedded/install.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project directory, with a blank in its path, whose lock names no package."""
    project = tmp_path / "a project"
    (project / INSTALL.parent).mkdir(parents=True)
    shutil.copy(ROOT / INSTALL, project / INSTALL)
    shutil.copy(ROOT / "Makefile", project / "Makefile")
    (project / "requirements.txt").write_text("# nothing\n")
    return project


def install(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, *(arguments or (str(INSTALL), "requirements.txt"))]
    return subprocess.run(argv, cwd=project, env=bare_environment(), capture_output=True, text=True, timeout=60)


def test_the_environment_is_made_once_and_followed_by_what_changed(project: Path) -> None:
    first = install(project)
    assert first.returncode == 0, first.stderr
    assert (project / ".venv/bin/python").exists()

    assert install(project).stdout == ""

    (project / "requirements.txt").write_text("# nothing, differently\n")
    assert "Installing the packages of requirements.txt" in install(project).stdout

    # Its Python went away, as after an upgrade of the system.
    (project / ".venv/bin/python").unlink()
    assert "Making the virtual environment" in install(project).stdout
    assert (project / ".venv/bin/python").exists()


def test_a_package_without_a_hash_is_not_installed(project: Path) -> None:
    (project / "requirements.txt").write_text("Django==5.2.19\n")
    refused = install(project)
    assert refused.returncode == 1
    assert "Hashes are required" in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith("The packages could not be installed: check the network")


def test_a_missing_venv_module_is_named_with_its_package(project: Path) -> None:
    without = (
        "import importlib.util as util, runpy, sys; find = util.find_spec;"
        "util.find_spec = lambda name: None if name == 'ensurepip' else find(name);"
        f"sys.argv = [{str(INSTALL)!r}, 'requirements.txt']; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    refused = install(project, "-c", without)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert refused.returncode == 1
    assert refused.stderr == (
        "Python's ensurepip module is missing: install it"
        f" (on Debian and Ubuntu: apt install python{version}-venv) and run the command again.\n"
    )


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (None, "There is no {python}: install Python 3.11 or newer, or name it"),
        ("#!/bin/sh\nexit 1\n", "{python} is older than Python 3.11: install a newer one, or name it"),
    ],
    ids=["missing", "old"],
)
def test_a_python_that_will_not_do_is_named_by_make(project: Path, script: str | None, sentence: str) -> None:
    python = project.parent / "otherpython"
    if script:
        python.write_text(script)
        python.chmod(0o755)
    argv = ["make", "run", f"PYTHON={python}"]
    refused = subprocess.run(argv, cwd=project, env=bare_environment(), capture_output=True, text=True, timeout=20)
    assert refused.returncode != 0
    assert refused.stderr.startswith(sentence.format(python=python))
