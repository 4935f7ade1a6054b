"""What is laid out before anything runs."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from demo.git import git
from demo.launch import prepare, varnish_config
from demo.places import environments, repository
from demo.repository import VERSIONS, build
from releases.catalogue import load

pytestmark = pytest.mark.once

PORT = 18100


def commits(folder: Path) -> dict[str, str]:
    return {version.tag: git("rev-parse", version.tag, at=folder) for version in VERSIONS}


def test_the_same_sources_give_the_same_commits_whatever_the_user_has_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path / "plain")
    (tmp_path / ".gitconfig").write_text("[user]\nname = Somebody\n[commit]\ngpgSign = true\n[core]\nautocrlf = true\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    build(tmp_path / "configured")
    monkeypatch.delenv("GIT_DIR")
    assert commits(tmp_path / "plain") == commits(tmp_path / "configured")


@pytest.mark.parametrize(
    ("version", "changed"),
    [
        ("2026.11.2", {"archive/app.py", "archive/listing.py"}),
        (
            "2026.11.3",
            {
                *("archive/listing.py", "archive/templates/articles.html"),
                *("archive/bookmarks.py", "archive/own.py", "archive/templates/account.html"),
            },
        ),
        ("2026.11.4", {"archive/caching.py", "archive/own.py"}),
        ("2026.11.5", {"bin/purge"}),
        ("2026.11.6", {"archive/listing.py", "archive/templates/articles.html"}),
    ],
)
def test_a_version_is_its_parent_and_one_patch(tmp_path: Path, version: str, changed: set[str]) -> None:
    build(tmp_path / "repository")
    names = git("diff", "--name-only", f"{version}^", version, at=tmp_path / "repository").splitlines()
    assert set(names) == changed | {"VERSION"}


def test_preparing_again_keeps_what_is_there(tmp_path: Path) -> None:
    def secrets() -> dict[str, str]:
        return {path.name: path.read_text() for path in (tmp_path / "demo/secrets").iterdir()}

    first = prepare(tmp_path, PORT)
    passwords, commits_before = secrets(), commits(repository(tmp_path))
    currents = [environment.current for environment in environments(tmp_path, PORT)]
    before = [current.readlink() for current in currents]
    assert prepare(tmp_path, PORT) == first
    assert secrets() == passwords
    assert commits(repository(tmp_path)) == commits_before
    assert [current.readlink() for current in currents] == before


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    prepare(tmp_path, PORT)
    found = [*(tmp_path / "demo/secrets").iterdir(), *(tmp_path / "demo").glob("*/shared/session.key")]
    assert len(found) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}


def test_the_programs_are_two_instances_and_a_cache_in_each_environment(tmp_path: Path) -> None:
    prepared = prepare(tmp_path, PORT)
    assert [program.name for program in prepared.programs] == [
        *("staging-web-1", "staging-web-2", "staging-edge"),
        *("production-web-1", "production-web-2", "production-edge"),
    ]
    ports = (PORT + offset for offset in (100, 101, 102, 110, 111, 112))
    assert prepared.health == [f"http://127.0.0.1:{port}/healthz" for port in ports]


def test_the_catalogue_can_be_used(tmp_path: Path) -> None:
    home = tmp_path / 'with "quotes" and spaces'
    catalogue = load(str(prepare(home, PORT).catalogue))
    staging, production = catalogue.environments()
    assert (staging.production, production.production) == (False, True)
    for environment in (staging, production):
        assert set(environment.checklist) == {
            *("serving_version", "cache_headers", "logged_in_traffic"),
            *("purge", "response_time", "rollback_command"),
            *("permissions", "secrets", "security_headers", "upload_limits", "logging", "configuration"),
        }
        assert {account.marker for account in environment.accounts} == {"Ada Lovelace", "Grace Hopper"}
        for command in environment.commands.values():
            assert shutil.which(command.argv[0]) or os.access(Path(command.directory) / command.argv[0], os.X_OK)
        for account in environment.accounts:
            assert Path(account.password.removeprefix("file:")).is_file()


def test_varnish_is_configured_for_the_environments_instances(tmp_path: Path) -> None:
    config = varnish_config(environments(tmp_path, PORT)[1])
    assert '.port = "18211"' in config
    assert '.port = "18212"' in config
    assert "@web" not in config
