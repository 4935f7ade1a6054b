"""The catalogue file: frozen objects, or every mistake at once with its line, its key and what was expected."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from releases.catalogue import (
    Catalogue,
    CatalogueError,
    CommandTemplate,
    Mistake,
    UnknownPlace,
    load,
)
from releases.catalogue.lines import Lines

pytestmark = pytest.mark.once

COMPLETE = """\
[services.archive]
title = "Article archive"
team = "Archive team"
contact = "#archive-oncall, +49 30 000000"

[services.archive.commands.deploy]
argv = ["bin/deploy", "--environment={environment}", "--version={version}"]
directory = "/srv/archive"
timeout = 120
environment = ["PATH", "HOME"]

[services.archive.commands.rollback]
argv = ["bin/deploy", "--environment={environment}", "{version}"]
directory = "/srv/archive"
timeout = 90
grace = 5

[services.archive.checklist.serving_version]
path = "/version"

[services.archive.checklist.rollback_command]

[services.archive.environments.staging]
base_url = "https://staging.example.org"
[services.archive.environments.staging.commands.rollback]
argv = ["bin/undo"]
directory = "/srv/staging"
timeout = 30
[services.archive.environments.staging.checklist.serving_version]
path = "/staging-version"

[services.archive.environments.production]
production = true
base_url = "https://archive.example.org/"
allow_private = true
requires_rehearsal = true
instances = [
  { name = "web-1", url = "http://10.0.0.1:8001" },
  { name = "web-2", url = "http://10.0.0.2:8001" },
]
[services.archive.environments.production.purging]
method = "PURGE"
[[services.archive.environments.production.accounts]]
name = "reader-a"
username = "env:READER_A_NAME"
password = "file:/run/secrets/reader_a"
marker = "Ada Lovelace"
"""

PLACE = "services.archive.environments.production"


def read(tmp_path: Path, text: str) -> Catalogue:
    path = tmp_path / "catalogue.toml"
    path.write_bytes(text.encode())
    return load(path)


def mistakes(tmp_path: Path, text: str) -> list[Mistake]:
    with pytest.raises(CatalogueError) as error:
        read(tmp_path, text)
    return error.value.mistakes


def only_mistake(tmp_path: Path, old: str, new: str) -> Mistake:
    """Return the one mistake that a change to the complete file makes."""
    assert COMPLETE.count(old) == 1
    (mistake,) = mistakes(tmp_path, COMPLETE.replace(old, new))
    return mistake


def base_url_mistake(tmp_path: Path, url: str, allow_private: str = "false") -> Mistake:
    text = f"""
[services.archive]
title = "Archive"
[services.archive.environments.production]
allow_private = {allow_private}
base_url = '{url}'
"""
    (mistake,) = mistakes(tmp_path, text)
    assert (mistake.line, mistake.key) == (6, f"{PLACE}.base_url")
    return mistake


# --- A good file ------------------------------------------------------------------------------------------------------


def test_a_complete_file_becomes_objects(tmp_path: Path) -> None:
    catalogue = read(tmp_path, COMPLETE)
    service = catalogue.services["archive"]
    assert (service.key, service.title, service.team) == ("archive", "Article archive", "Archive team")
    production = catalogue.environment("archive", "production")
    assert (production.name, production.production, production.requires_rehearsal) == ("archive/production", True, True)
    assert [(instance.name, instance.url) for instance in production.instances] == [
        ("web-1", "http://10.0.0.1:8001"),
        ("web-2", "http://10.0.0.2:8001"),
    ]
    assert production.commands["rollback"] == CommandTemplate(
        ("bin/deploy", "--environment={environment}", "{version}"), "/srv/archive", 90, 5, ()
    )
    assert production.accounts[0].password == "file:/run/secrets/reader_a"
    assert production.purging_method == "PURGE"


def test_the_slash_at_the_end_of_an_address_is_dropped(tmp_path: Path) -> None:
    assert read(tmp_path, COMPLETE).environment("archive", "production").base_url == "https://archive.example.org"


def test_an_environment_replaces_commands_and_checklist_tables_of_its_service(tmp_path: Path) -> None:
    staging = read(tmp_path, COMPLETE).environment("archive", "staging")
    assert staging.commands["rollback"].argv == ("bin/undo",)
    assert staging.commands["deploy"].argv[0] == "bin/deploy"
    assert staging.checklist["serving_version"]["path"] == "/staging-version"


def test_what_is_not_given_has_a_default(tmp_path: Path) -> None:
    staging = read(tmp_path, COMPLETE).environment("archive", "staging")
    assert (staging.production, staging.allow_private, staging.requires_rehearsal) == (False, False, False)
    assert (staging.instances, staging.accounts, staging.purging_method) == ((), (), "")
    assert staging.commands["deploy"].grace == 10


def test_the_checklist_holds_the_defaults_of_its_probes(tmp_path: Path) -> None:
    """A run's snapshot stays what it was when a default changes later."""
    settings_given = read(tmp_path, COMPLETE).environment("archive", "production").checklist["serving_version"]
    assert settings_given["path"] == "/version"
    assert len(settings_given) > 1


def test_a_probe_without_a_table_is_not_on_the_checklist(tmp_path: Path) -> None:
    assert list(read(tmp_path, COMPLETE).environment("archive", "production").checklist) == [
        "serving_version",
        "rollback_command",
    ]


def test_the_public_part_names_no_argv_directory_account_or_secret(tmp_path: Path) -> None:
    public = read(tmp_path, COMPLETE).environment("archive", "production").public()
    assert public["command_names"] == ["deploy", "rollback"]
    assert public["instances"][0] == {"name": "web-1", "url": "http://10.0.0.1:8001"}
    for hidden in ("bin/deploy", "/srv/archive", "reader-a", "READER_A_NAME", "/run/secrets", "Ada Lovelace", "HOME"):
        assert hidden not in str(public)


def test_the_digest_changes_with_the_meaning_only(tmp_path: Path) -> None:
    digest = read(tmp_path, COMPLETE).digest
    assert read(tmp_path, "# a comment\n" + COMPLETE.replace("timeout = 90", "timeout  =  90 # s")).digest == digest
    assert read(tmp_path, COMPLETE.replace("timeout = 90", "timeout = 91")).digest != digest


def test_an_unknown_place_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownPlace, match=r"no archive/test; it has archive/staging, archive/production\."):
        read(tmp_path, COMPLETE).environment("archive", "test")


def test_windows_line_ends_are_read_too(tmp_path: Path) -> None:
    assert read(tmp_path, COMPLETE.replace("\n", "\r\n")).digest == read(tmp_path, COMPLETE).digest


# --- Mistakes: where they are and what they say -----------------------------------------------------------------------


def test_every_mistake_is_found_at_once(tmp_path: Path) -> None:
    """Mistakes of single keys, between keys and in the checklist come in one round, in the order of the lines."""
    text = COMPLETE
    for old, new in (
        ('title = "Article archive"', 'titel = "Article archive"'),
        ("timeout = 90", 'timeout = "90"'),
        ('path = "/version"', 'path = "version"'),
        ('base_url = "https://staging.example.org"', 'base_url = "ftp://staging.example.org"'),
        ('name = "web-2"', 'name = "web-1"'),
        ('method = "PURGE"', 'method = "command"'),
    ):
        text = text.replace(old, new)
    found = mistakes(tmp_path, text)
    assert [(mistake.line, mistake.key.removeprefix("services.archive.")) for mistake in found] == [
        (1, "title"),
        (2, "titel"),
        (15, "commands.rollback.timeout"),
        (19, "checklist.serving_version.path"),
        (24, "environments.staging.base_url"),
        (39, "environments.production.instances[1].name"),
        (42, "environments.production.purging.method"),
    ]


def test_an_unknown_key_names_those_that_are_known(tmp_path: Path) -> None:
    mistake = only_mistake(tmp_path, "requires_rehearsal = true", "require_rehearsal = true")
    assert mistake.line == 36
    assert mistake.expected == (
        "one of production, base_url, instances, allow_private, requires_rehearsal, purging, artifact, configuration, "
        "log, tell, commands, accounts, checklist; perhaps requires_rehearsal"
    )


def test_a_missing_key_is_shown_at_the_table_that_lacks_it(tmp_path: Path) -> None:
    mistake = only_mistake(tmp_path, "timeout = 90\n", "")
    assert mistake == Mistake(
        12, "services.archive.commands.rollback.timeout", "nothing", "a value; this key is required"
    )


def test_a_syntax_error_is_one_mistake_with_its_line(tmp_path: Path) -> None:
    mistake = only_mistake(tmp_path, "timeout = 90", "timeout = = 90")
    assert (mistake.line, mistake.expected) == (15, "TOML")
    assert mistake.got == "Invalid value at column 11"


def test_a_file_that_ends_too_early_is_a_mistake_of_its_last_line(tmp_path: Path) -> None:
    (mistake,) = mistakes(tmp_path, '[services]\n"x')
    assert mistake.line == 2


def test_a_table_that_stands_twice_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    (mistake,) = mistakes(tmp_path, COMPLETE + "[services.archive]\n")
    assert mistake.line == COMPLETE.count("\n") + 1


@pytest.mark.parametrize("text", ["", "services = 5", "[services]", "[service.archive]\ntitle = 'x'"])
def test_a_file_without_services_is_a_mistake(tmp_path: Path, text: str) -> None:
    assert any(mistake.key.startswith("services") for mistake in mistakes(tmp_path, text))


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="the file: got no such file or directory; expected a TOML file"):
        load(tmp_path / "missing.toml")


def test_a_file_that_is_no_text_names_line_and_byte(tmp_path: Path) -> None:
    (tmp_path / "catalogue.toml").write_bytes(b"# one\n# tw\xff\n")
    with pytest.raises(CatalogueError) as error:
        load(tmp_path / "catalogue.toml")
    assert error.value.mistakes == [Mistake(2, "", "byte 0xff", "UTF-8 text")]


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (mistake,) = mistakes(tmp_path, "#" * (1024 * 1024 + 1))
    assert mistake.got == "more than 1,048,576 bytes"


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "[services.x]\ntitle = 0x" + "f" * 5000])
def test_a_file_made_to_break_the_reader_is_only_a_mistake(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)


def test_what_a_mistake_shows_is_cut_and_escaped(tmp_path: Path) -> None:
    mistake = only_mistake(tmp_path, 'path = "/version"', f'path = "\\u001b[31m{"x" * 500}"')
    assert mistake.got.startswith('"\\u001b[31mxxx')
    assert len(mistake.got) <= 83


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('password = "file:/run/secrets/reader_a"', 'password = "hunter2"'),
        ('password = "file:/run/secrets/reader_a"', 'password = ["hunter2"]'),
        ('marker = "Ada Lovelace"', 'marker = "Ada Lovelace"\npasswort = "hunter2"'),
        ('username = "env:READER_A_NAME"', 'username = "env:hunter2 "'),
        ('team = "Archive team"', 'api_token = "hunter2"'),
        ('base_url = "https://archive.example.org/"', 'base_url = "https://ada:hunter2@archive.example.org/"'),
    ],
)
def test_a_secret_in_the_wrong_place_is_never_echoed(tmp_path: Path, old: str, new: str) -> None:
    """C8."""
    mistake = only_mistake(tmp_path, old, new)
    assert "hunter2" not in str(mistake)


# --- Names and texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["Archive", "-x", "a_b", "x" * 41, '""', '"a b"'])
def test_a_service_key_that_is_no_key_is_refused(tmp_path: Path, key: str) -> None:
    """C1, C2."""
    found = mistakes(tmp_path, COMPLETE.replace("services.archive", f"services.{key}"))
    assert found[0].expected == "a key of a-z, 0-9 and -, 1-40 long"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("", "a text of 1-80 characters"),
        ("x" * 81, "at most 80 characters, these are 81"),
        ("a\\nb", "one line without line breaks and tabs"),
        ("a\\u0000b", "one line without U+0000 control character"),
        ("a\\u202eb", "one line without U+202E RIGHT-TO-LEFT OVERRIDE"),
    ],
)
def test_a_title_that_is_no_title_is_refused(tmp_path: Path, title: str, expected: str) -> None:
    """C1, C2, C3: the code point is named."""
    assert only_mistake(tmp_path, "Article archive", title).expected == expected


@pytest.mark.parametrize("key", ["instances", "accounts"])
def test_a_name_that_stands_twice_is_refused(tmp_path: Path, key: str) -> None:
    account = COMPLETE[COMPLETE.index("[[") :]
    again = {"instances": ('name = "web-2"', 'name = "web-1"'), "accounts": (account, account + account)}
    mistake = only_mistake(tmp_path, *again[key])
    assert mistake.key == f"{PLACE}.{key}[1].name"
    assert mistake.got.endswith(" again")


# --- Addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("example.com/x", "an address that starts with https:// or http://"),
        ("", "an address that starts with https:// or http://"),
        ("ftp://example.com", "the scheme https or http"),
        ("file:///etc/passwd", "the scheme https or http"),
        ("javascript:alert(1)", "an address that starts with https:// or http://"),
        ("https://user:pass@example.com", "an address without credentials"),
        ("https://user@example.com", "an address without credentials"),
        ("https://example.com:0", "a port of 1-65535"),
        ("https://example.com:65536", "a port of 1-65535"),
        ("https://example.com:abc", "a port of 1-65535"),
        ("https://example.com:", "a port of 1-65535"),
        ("https://[2606:4700::1]:99999", "a port of 1-65535"),
        ("https://bücher.example", "the host in its ASCII form, xn--bcher-kva.example"),
        (f"https://{'a.' * 126}aa", "a host of at most 253 characters, this one has 254"),
        (f"https://{'a' * 64}.example", "host labels of at most 63 characters, one has 64"),
        ("https://example..com", "a host of letters, digits, hyphens and dots"),
        ("https://-x.com", "a host of letters, digits, hyphens and dots"),
        ("https://", "a host"),
        ("https://example.com/#top", "an address without a fragment; there is one at position 21"),
        ("https://example.com\\@evil.com", "no backslash; there is one at position 20"),
        ("https://example .com", "no space; there is one at position 16"),
        ("https://example.com/archive", "an address without a path or query; routes are added to it"),
        ("https://example.com?x=1", "an address without a path or query; routes are added to it"),
    ],
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str, expected: str) -> None:
    """C5, C6, C8, C9, C10, C11, C12."""
    assert base_url_mistake(tmp_path, url).expected == expected


@pytest.mark.parametrize("character", ["\\r", "\\n", "\\u0000", "\\t"])
def test_a_control_character_in_an_address_is_named(tmp_path: Path, character: str) -> None:
    """C12, B53."""
    mistake = only_mistake(tmp_path, "https://staging.example.org", f"https://staging{character}.example.org")
    assert "there is one at position 16" in mistake.expected
    assert mistake.expected.startswith("no character U+00")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1"),
        ("http://10.0.0.1", "10.0.0.1"),
        ("http://169.254.169.254", "169.254.169.254"),
        ("http://[::1]", "::1"),
        ("http://localhost:8000", "localhost"),
    ],
)
def test_a_private_address_needs_permission(tmp_path: Path, url: str, address: str) -> None:
    """C7."""
    mistake = base_url_mistake(tmp_path, url)
    assert mistake.got == f"the private address {address}"
    assert "allow_private = true" in mistake.expected


@pytest.mark.parametrize(
    "url", ["http://2130706433", "http://0x7f.1", "http://0177.0.0.1", "http://127.1", "http://[::ffff:127.0.0.1]"]
)
def test_a_disguised_address_is_refused_even_where_private_ones_are_allowed(tmp_path: Path, url: str) -> None:
    """C7."""
    assert base_url_mistake(tmp_path, url, "true").expected == "the address in its plain form, 127.0.0.1"


@pytest.mark.parametrize(
    "url", ["http://localhost:8000", "http://[::1]:8000", "https://a-b_c.example:65535/", "http://x"]
)
def test_an_address_that_is_one_is_kept(tmp_path: Path, url: str) -> None:
    text = COMPLETE.replace("https://archive.example.org/", url)
    assert read(tmp_path, text).environment("archive", "production").base_url == url.rstrip("/")


# --- Commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ('"bin/deploy; rm -rf /"', "one program and its arguments as a list, such as"),
        ("[]", "one program and its arguments as a list"),
        ("{ program = 'x' }", "one program and its arguments as a list"),
        ('[""]', "a fixed program as the first argument"),
        ('["{version}"]', "a fixed program as the first argument"),
    ],
)
def test_a_command_is_one_program_and_its_arguments(tmp_path: Path, argv: str, expected: str) -> None:
    """C19: never a text that a shell would have to take apart."""
    assert only_mistake(tmp_path, '["bin/undo"]', argv).expected.startswith(expected)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (
            "{verison}",
            "one of the placeholders {service}, {environment}, {version}, {live_version}, {release}, {route};",
        ),
        ("{version}.tar", "{version} as a whole argument or as the rest of one such as --option={version}"),
        ("v{version}", "{version} as a whole argument"),
        ("--a={version}{version}", "{version} as a whole argument"),
        ("{ version }", "{version} as a whole argument"),
        ("a\\u0000b", "an argument without NUL"),
        ("{route}", "no {route}, since rollback has none to fill in"),
    ],
)
def test_a_placeholder_fills_a_whole_argument_or_the_rest_of_an_option(
    tmp_path: Path, argument: str, expected: str
) -> None:
    mistake = only_mistake(tmp_path, '["bin/undo"]', f'["bin/undo", "{argument}"]')
    assert mistake.key == "services.archive.environments.staging.commands.rollback.argv[1]"
    assert mistake.expected.startswith(expected)


@pytest.mark.parametrize(
    "argument", ["{}", "{ 'json': 1 }", "${HOME}x", "$(id)", "a b", "-x={version}", "--x.y={version}"]
)
def test_other_braces_are_plain_text(tmp_path: Path, argument: str) -> None:
    """C20."""
    if argument == "${HOME}x":
        assert "{HOME} is unknown" in only_mistake(tmp_path, '["bin/undo"]', f'["x", "{argument}"]').expected
        return
    text = COMPLETE.replace('["bin/undo"]', f'["bin/undo", "{argument}"]')
    assert read(tmp_path, text).environment("archive", "staging").commands["rollback"].argv[1] == argument


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", "at least 1"),
        ("3601", "at most 3600"),
        ('"30"', "a whole number"),
        ("1.5", "a whole number"),
        ("true", "a whole number"),
        ("inf", "a whole number"),
    ],
)
def test_a_timeout_is_a_number_of_whole_seconds(tmp_path: Path, value: str, expected: str) -> None:
    """C21: with its maximum."""
    assert only_mistake(tmp_path, "timeout = 30", f"timeout = {value}").expected == expected


@pytest.mark.parametrize("directory", ["srv", "./srv", "~/srv", "", "/srv/{version}"])
def test_a_working_directory_is_absolute_and_fixed(tmp_path: Path, directory: str) -> None:
    mistake = only_mistake(tmp_path, 'directory = "/srv/staging"', f'directory = "{directory}"')
    assert mistake.key.endswith("rollback.directory")


def test_purging_by_command_needs_the_command(tmp_path: Path) -> None:
    mistake = only_mistake(tmp_path, 'method = "PURGE"', 'method = "command"')
    assert mistake.expected == "a command commands.purge here or at the service"


def test_a_purge_command_knows_a_route_and_no_version(tmp_path: Path) -> None:
    purge = """
[services.archive.commands.purge]
argv = ["bin/purge", "{route}", "{version}"]
directory = "/srv/archive"
timeout = 9
"""
    (mistake,) = mistakes(tmp_path, COMPLETE + purge)
    assert (mistake.key, mistake.got) == ("services.archive.commands.purge.argv[2]", '"{version}"')


# --- The checklist ----------------------------------------------------------------------------------------------------


def test_an_unknown_probe_names_those_that_there_are(tmp_path: Path) -> None:
    mistake = only_mistake(
        tmp_path, "[services.archive.checklist.serving_version]", "[services.archive.checklist.serving_versoin]"
    )
    assert (mistake.line, mistake.got) == (18, 'the key "serving_versoin"')
    assert mistake.expected.startswith("one of serving_version, logged_in_traffic")


def test_an_unknown_setting_of_a_probe_is_a_mistake_with_its_own_line(tmp_path: Path) -> None:
    mistake = only_mistake(tmp_path, 'path = "/version"', 'pth = "/version"')
    assert (mistake.line, mistake.key) == (19, "services.archive.checklist.serving_version.pth")
    assert mistake.expected.endswith("; perhaps path")


def test_a_mistake_inside_a_probe_s_array_is_found_at_its_line(tmp_path: Path) -> None:
    routes = """
[[services.archive.checklist.cache_headers.routes]]
path = "/articles"
expect = "shared"
[[services.archive.checklist.cache_headers.routes]]
path = "/me"
expect = "shraed"
"""
    (mistake,) = mistakes(tmp_path, COMPLETE + routes)
    assert mistake.key == "services.archive.checklist.cache_headers.routes[1].expect"
    assert mistake.line == (COMPLETE + routes).count("\n")
    assert "'shared'" in mistake.expected


@pytest.mark.parametrize("value", ["5", "[1]", "{ serving_version = 5 }"])
def test_a_checklist_of_the_wrong_shape_is_a_mistake(tmp_path: Path, value: str) -> None:
    text = f'[services.x]\ntitle = "X"\nchecklist = {value}\n[services.x.environments.e]\nbase_url = "https://x.org"\n'
    (mistake,) = mistakes(tmp_path, text)
    assert (mistake.line, mistake.expected) == (3, "a table")


# --- Lines ------------------------------------------------------------------------------------------------------------


def test_every_way_to_write_a_key_has_its_line() -> None:
    text = '''# comment with [brackets] and = signs
a.b."c.d" = """
not = "a key"
""" # comment
'quoted' = { x = 1, y.z = [ "]", '}', # in an inline table
  ] }
list = [
  1, # one
  [2,
   3],
]
[[table.array]]
x = 1979-05-27T07:32:00Z
[[table.array]]
[table.array.inner]
y = '''
    text += "'''\n]\n'''\n[last]\n"
    lines = Lines(text)
    assert lines.of(["a", "b", "c.d"]) == 2
    assert lines.of(["quoted", "y", "z", 1]) == 5
    assert lines.of(["list", 1, 1]) == 10
    assert lines.of(["table", "array", 0, "x"]) == 13
    assert lines.of(["table", "array", 1]) == 14
    assert lines.of(["table", "array", 1, "inner", "y"]) == 16
    assert lines.of(["last"]) == 19
    assert lines.of(["last", "missing", "key"]) == 19


KEYS = st.text(alphabet="ab-_1", min_size=1, max_size=3)
TEXTS = st.text(alphabet="ab]}{[\"'\\#=,.\n", max_size=8)


def as_toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {as_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"  {as_toml(inner)}, # ]\n" for inner in value) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value).lower()


VALUES = st.recursive(
    st.integers(0, 99) | st.booleans() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, st.integers(0, 9) | TEXTS, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=5))
def test_the_line_of_a_key_is_the_line_where_it_begins(data: dict[str, object]) -> None:
    statements = [f"{key} = {as_toml(value)}\n" for key, value in data.items()]
    lines = Lines("".join(statements))
    expected = 1
    for key, statement in zip(data, statements, strict=True):
        assert lines.of([key]) == expected
        expected += statement.count("\n")
