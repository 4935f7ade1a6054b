"""What the catalogue names for proving things beside the checklist: the artifact, and the configuration of a place."""

from pathlib import Path

import pytest

from releases.catalogue import Catalogue, CatalogueError, Mistake, load

pytestmark = pytest.mark.once

SERVICE = """\
[services.archive]
title = "Article archive"
{service}
[services.archive.environments.staging]
base_url = "https://staging.example.org"
[services.archive.environments.production]
base_url = "https://archive.example.org"
{production}
"""
URL = "https://builds.example.org/archive-{version}.tar.gz"


def read(tmp_path: Path, service: str = "", production: str = "") -> Catalogue:
    path = tmp_path / "catalogue.toml"
    path.write_text(SERVICE.format(service=service, production=production))
    return load(path)


def mistake(tmp_path: Path, service: str = "", production: str = "") -> Mistake:
    with pytest.raises(CatalogueError) as error:
        read(tmp_path, service, production)
    (found,) = error.value.mistakes
    return found


def command(name: str, *argv: str) -> str:
    words = ", ".join(f'"{word}"' for word in argv)
    return f'[services.archive.commands.{name}]\nargv = [{words}]\ndirectory = "/srv"\ntimeout = 9\n'


def test_an_environment_names_its_artifact_else_its_service_does(tmp_path: Path) -> None:
    catalogue = read(
        tmp_path,
        f'[services.archive.artifact]\nurl = "{URL}"',
        '[services.archive.environments.production.artifact]\nurl = "https://cdn.example.org/?v={version}"',
    )
    assert catalogue.environment("archive", "staging").artifact_url == URL
    assert catalogue.environment("archive", "production").artifact_url == "https://cdn.example.org/?v={version}"
    assert read(tmp_path).environment("archive", "staging").artifact_url == ""


def test_a_place_names_the_file_of_its_configuration(tmp_path: Path) -> None:
    catalogue = read(tmp_path, "", '[services.archive.environments.production.configuration]\nfile = "/srv/app/.env"')
    assert catalogue.environment("archive", "production").configuration_file == "/srv/app/.env"
    assert catalogue.environment("archive", "staging").configuration_file == ""


def test_the_commands_that_look_are_commands_like_any_other(tmp_path: Path) -> None:
    text = command("check_artifact", "bin/has", "{version}") + command("read_configuration", "bin/config", "{service}")
    commands = read(tmp_path, text).environment("archive", "production").commands
    assert commands["check_artifact"].argv == ("bin/has", "{version}")
    assert commands["read_configuration"].placeholders == {"service"}


def test_neither_is_known_to_the_web(tmp_path: Path) -> None:
    catalogue = read(
        tmp_path,
        f'[services.archive.artifact]\nurl = "{URL}"\n',
        '[services.archive.environments.production.configuration]\nfile = "/srv/app/.env"',
    )
    place = catalogue.environment("archive", "production")
    for hidden in ("builds.example.org", "/srv/app/.env"):
        assert hidden not in str(place.public())
        assert hidden not in repr(place)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://builds.example.org/archive.tar.gz", "{version} in its path or query"),
        ("https://{version}.example.org/archive.tar.gz", "no {; there is one at position 9"),
        ("https://builds.example.org/{release}-{version}", "no placeholder but {version}"),
        ("https://builds.example.org/{version}#top", "characters that may stand in an address"),
        ("https://builds.example.org/a b{version}", "characters that may stand in an address"),
        ("https://ada:hunter2@builds.example.org/{version}", "an address without credentials"),
        ("ftp://builds.example.org/{version}", "the scheme https or http"),
        ("/srv/builds/{version}", "an address that starts with https:// or http://"),
        ("https://builds.example.org/{version}" + "x" * 500, "at most 500 characters"),
    ],
)
def test_an_address_that_cannot_prove_an_artifact_is_refused(tmp_path: Path, url: str, expected: str) -> None:
    found = mistake(tmp_path, f'[services.archive.artifact]\nurl = "{url}"')
    assert found.key == "services.archive.artifact.url"
    assert expected in found.expected.replace("character U+007B", "{")
    assert "hunter2" not in str(found)


def test_a_private_store_needs_permission_where_it_is_named(tmp_path: Path) -> None:
    text = '[services.archive.environments.production.artifact]\nurl = "http://10.0.0.7:8080/{version}"'
    found = mistake(tmp_path, "", text)
    assert found.key == "services.archive.environments.production.artifact.url"
    assert found.got == "the private address 10.0.0.7"
    allowed = f"allow_private = true\n{text}"
    assert read(tmp_path, "", allowed).environment("archive", "production").artifact_url.startswith("http://10.0.0.7")


@pytest.mark.parametrize("file", [".env", "~/app/.env", "/srv/{version}/.env"])
def test_a_file_that_is_not_one_fixed_path_is_refused(tmp_path: Path, file: str) -> None:
    found = mistake(tmp_path, "", f'[services.archive.environments.production.configuration]\nfile = "{file}"')
    assert found.key == "services.archive.environments.production.configuration.file"


@pytest.mark.parametrize(
    ("name", "placeholder"),
    [
        ("check_artifact", "{route}"),
        ("read_configuration", "{route}"),
        ("read_configuration", "{version}"),
        ("read_configuration", "{release}"),
    ],
)
def test_a_command_that_looks_asks_only_for_what_there_is(tmp_path: Path, name: str, placeholder: str) -> None:
    found = mistake(tmp_path, command(name, "bin/look", placeholder))
    assert found.key == f"services.archive.commands.{name}.argv[1]"
    assert found.expected == f"no {placeholder}, since {name} has none to fill in"


BASE = "services.archive.environments.production.purging"


def purging(*lines: str) -> str:
    return f"[{BASE}]\n" + "\n".join(lines)


def test_a_purge_may_name_a_field_and_nodes(tmp_path: Path) -> None:
    lines = ('method = "BAN"', 'field = "X-Ban"', 'value = "^{pattern}$"', 'nodes = ["https://c1.example.org"]')
    place = read(tmp_path, "", purging(*lines)).environment("archive", "production")
    assert (place.purging_method, place.purging_field, place.purging_value) == ("BAN", "X-Ban", "^{pattern}$")
    assert place.purging_nodes == ("https://c1.example.org",)
    assert not any("purging_field" in key or "nodes" in key for key in place.public())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['method = "BAN"'], "field and value"),
        (['method = "PURGE"', 'field = "xkey"', 'value = "all"'], "names no one route"),
        (['method = "PURGE"', 'field = "xkey"'], "names no one route"),
        (['method = "PURGE"', 'value = "{route}"'], "a field to send it in"),
        (['method = "PURGE"', 'field = "xkey"', 'value = "{path}{route}"'], "{route} or {pattern}"),
        (['method = "PURGE"', 'field = "x key"', 'value = "{route}"'], "match"),
        (['method = "PURGE"', 'nodes = ["http://10.0.0.1"]'], "a public address"),
    ],
)
def test_a_purge_that_would_forget_something_else_is_refused(tmp_path: Path, lines: list[str], expected: str) -> None:
    """It is found when the catalogue is read, not when somebody needs it."""
    assert expected in mistake(tmp_path, "", purging(*lines)).expected


TELL = 'tell = [{ name = "chat", url = "env:ARCHIVE_CHAT" }, { name = "mail", url = "file:/run/secrets/mail" }]'


def receivers(catalogue: Catalogue, environment: str) -> list[str]:
    return [receiver.name for receiver in catalogue.environment("archive", environment).receivers]


def test_a_service_names_who_is_told_and_an_environment_others_or_nobody(tmp_path: Path) -> None:
    catalogue = read(tmp_path, TELL, "tell = []")
    assert (receivers(catalogue, "staging"), receivers(catalogue, "production")) == (["chat", "mail"], [])


def test_the_web_learns_the_names_of_those_who_are_told_and_no_address(tmp_path: Path) -> None:
    public = read(tmp_path, TELL).environment("archive", "production").public()
    assert public["receivers"] == ["chat", "mail"]
    assert "ARCHIVE_CHAT" not in str(public)


def test_an_address_is_named_as_a_secret_never_written_out(tmp_path: Path) -> None:
    found = mistake(tmp_path, 'tell = [{ name = "chat", url = "slack://token" }]')
    assert "env:NAME or file:/absolute/path, never the secret itself" in str(found)
    assert "slack://token" not in str(found)


def test_two_receivers_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    twice = 'tell = [{ name = "chat", url = "env:A" }, { name = "chat", url = "env:B" }]'
    assert "a name of its own for each of the tell" in str(mistake(tmp_path, "", twice))


def test_the_command_about_migrations_names_the_version_gone_back_to(tmp_path: Path) -> None:
    read(tmp_path, command("check_migrations", "bin/migrations", "--from={live_version}", "--to={version}"))
    found = mistake(tmp_path, command("check_migrations", "bin/migrations", "{live_version}"))
    assert "{version}" in found.expected


@pytest.mark.parametrize("name", ["rollback", "deploy", "check_artifact"])
def test_only_what_is_asked_about_the_way_back_knows_the_live_version(tmp_path: Path, name: str) -> None:
    found = mistake(tmp_path, command(name, "bin/do", "{version}", "{live_version}"))
    assert found.expected == f"no {{live_version}}, since {name} has none to fill in"
