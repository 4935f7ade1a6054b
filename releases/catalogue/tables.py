"""The tables of a catalogue file as pydantic models: what may stand where, and what is expected there.

Messages of these checks complete the sentence "got …; expected …".
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from releases import secrets
from releases.catalogue.commands import ARGUMENT_LIMIT, PLACEHOLDERS, placeholder_of
from releases.catalogue.urls import LONGEST, check_base_url, split_url
from releases.display import hidden_character
from releases.probes import purge_calls
from releases.probes.fields import OptionalFieldName

TIMEOUT_LIMIT = 3600
GRACE_LIMIT = 60
ARGUMENTS_LIMIT = 256
DIRECTORY_LIMIT = 500
INSTANCES_LIMIT = 100

_PLACEHOLDER_LIKE = re.compile(r"\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}")
_NOT_IN_URLS = re.compile(r"[^\x21-\x7e]|[\\<>\"{}|^`#]")
_KNOWN = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)


def expect(expected: str) -> PydanticCustomError:
    """Return the error of a value that is not what is expected."""
    return PydanticCustomError("expected", "{expected}", {"expected": expected})


def _matches(pattern: str, expected: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise expect(expected)
        return value

    return check


def _line(longest: int, *, empty: bool = False) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not value.strip() and not empty:
            raise expect(f"a text of 1-{longest} characters")
        if len(value) > longest:
            raise expect(f"at most {longest} characters, these are {len(value)}")
        if "\n" in value or "\t" in value or hidden_character(value):
            raise expect(f"one line without {hidden_character(value) or 'line breaks and tabs'}")
        return value.strip()

    return check


def _url(value: str) -> str:
    try:
        return check_base_url(value)
    except ValueError as error:
        raise expect(str(error)) from None


def _artifact_url(value: str) -> str:
    origin, target = split_url(value)
    _url(origin)
    if len(value) > LONGEST or _NOT_IN_URLS.search(target.replace("{version}", "")):
        raise expect(f"at most {LONGEST} characters that may stand in an address, and no placeholder but {{version}}")
    if "{version}" not in target:
        raise expect("{version} in its path or query: an address that is the same for every version proves nothing")
    return value


def _host(value: str) -> str:
    if value and re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?", value) is None:
        raise expect("a host name such as archive.example.org, with a port if it has one")
    return value.lower()


def _reference(value: str) -> str:
    if not secrets.is_reference(value):
        raise expect(f"{secrets.EXPECTED}, never the secret itself")
    return value


def _directory(value: str) -> str:
    if not value.startswith("/") or "\x00" in value or len(value) > DIRECTORY_LIMIT:
        raise expect(f"an absolute path of at most {DIRECTORY_LIMIT} characters")
    if _PLACEHOLDER_LIKE.search(value):
        raise expect("a fixed path; placeholders stand in argv only")
    return value


def _argument_list(value: Any) -> Any:
    if isinstance(value, str):
        raise expect('one program and its arguments as a list, such as ["bin/deploy", "--version={version}"]')
    if not isinstance(value, list) or not value:
        raise expect("one program and its arguments as a list of texts")
    if len(value) > ARGUMENTS_LIMIT:
        raise expect(f"at most {ARGUMENTS_LIMIT} arguments, these are {len(value)}")
    if isinstance(value[0], str) and (not value[0] or _PLACEHOLDER_LIKE.search(value[0])):
        raise expect("a fixed program as the first argument")
    return value


def _argument(value: str) -> str:
    if "\x00" in value:
        raise expect("an argument without NUL")
    if len(value) > ARGUMENT_LIMIT:
        raise expect(f"an argument of at most {ARGUMENT_LIMIT:,} characters, this one has {len(value):,}")
    like = _PLACEHOLDER_LIKE.findall(value)
    for name in like:
        if name not in PLACEHOLDERS:
            raise expect(f"one of the placeholders {_KNOWN}; {{{name}}} is unknown")
    if like and placeholder_of(value) is None:
        raise expect(f"{{{like[0]}}} as a whole argument or as the rest of one such as --option={{{like[0]}}}")
    return value


ServiceKey = Annotated[str, AfterValidator(_matches("[a-z0-9][a-z0-9-]{0,39}", "a key of a-z, 0-9 and -, 1-40 long"))]
PlainName = Annotated[
    str, AfterValidator(_matches("[A-Za-z0-9][A-Za-z0-9._-]{0,39}", "a name of letters, digits and . _ -, 1-40 long"))
]
VariableName = Annotated[
    str, AfterValidator(_matches("[A-Za-z_][A-Za-z0-9_]{0,99}", "the name of an environment variable"))
]
BaseUrl = Annotated[str, AfterValidator(_url)]
Reference = Annotated[str, AfterValidator(_reference)]
Argument = Annotated[str, AfterValidator(_argument)]


class Table(BaseModel):
    """The base of every table: no conversions, and a key that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CommandTable(Table):
    argv: Annotated[list[Argument], BeforeValidator(_argument_list)]
    directory: Annotated[str, AfterValidator(_directory)]
    timeout: Annotated[int, Field(ge=1, le=TIMEOUT_LIMIT)]
    grace: Annotated[int, Field(ge=1, le=GRACE_LIMIT)] = 10
    environment: list[VariableName] = []


class CommandsTable(Table):
    deploy: CommandTable | None = None
    rollback: CommandTable | None = None
    purge: CommandTable | None = None
    check_artifact: CommandTable | None = None
    check_migrations: CommandTable | None = None
    copy_configuration: CommandTable | None = None
    read_configuration: CommandTable | None = None
    read_log: CommandTable | None = None


class InstanceTable(Table):
    name: PlainName
    url: BaseUrl
    host: Annotated[str, AfterValidator(_host)] = ""


def _purge_value(value: str) -> str:
    rest = value
    for placeholder in purge_calls.PLACEHOLDERS:
        rest = rest.replace(placeholder, "")
    if re.fullmatch(r"[\x20-\x7e]{0,200}", value) is None or "{" in rest or "}" in rest:
        raise expect("at most 200 printable ASCII characters, with {route} or {pattern} for what is purged")
    return value


class PurgingTable(Table):
    method: Literal["PURGE", "BAN", "command"]
    field: OptionalFieldName = ""
    value: Annotated[str, AfterValidator(_purge_value)] = ""
    nodes: Annotated[list[BaseUrl], Field(max_length=INSTANCES_LIMIT)] = []


class AccountTable(Table):
    name: PlainName
    username: Reference
    password: Reference
    marker: Annotated[str, AfterValidator(_line(200, empty=True))] = ""


class ArtifactTable(Table):
    url: Annotated[str, AfterValidator(_artifact_url)]


class LogTable(Table):
    file: Annotated[str, AfterValidator(_directory)]


class ConfigurationTable(Table):
    file: Annotated[str, AfterValidator(_directory)]


class ReceiverTable(Table):
    name: PlainName
    url: Reference


Receivers = Annotated[list[ReceiverTable], Field(max_length=5)]


class EnvironmentTable(Table):
    production: bool = False
    base_url: BaseUrl
    instances: Annotated[list[InstanceTable], Field(max_length=INSTANCES_LIMIT)] = []
    allow_private: bool = False
    requires_rehearsal: bool = False
    purging: PurgingTable | None = None
    artifact: ArtifactTable | None = None
    configuration: ConfigurationTable | None = None
    log: LogTable | None = None
    tell: Receivers | None = None
    commands: CommandsTable = CommandsTable()
    accounts: Annotated[list[AccountTable], Field(max_length=20)] = []
    checklist: dict[str, dict[str, Any]] = {}


class ServiceTable(Table):
    title: Annotated[str, AfterValidator(_line(80))]
    team: Annotated[str, AfterValidator(_line(80, empty=True))] = ""
    contact: Annotated[str, AfterValidator(_line(200, empty=True))] = ""
    artifact: ArtifactTable | None = None
    tell: Receivers = []
    commands: CommandsTable = CommandsTable()
    checklist: dict[str, dict[str, Any]] = {}
    environments: Annotated[dict[ServiceKey, EnvironmentTable], Field(min_length=1)]


class FileTable(Table):
    services: Annotated[dict[ServiceKey, ServiceTable], Field(min_length=1)]
