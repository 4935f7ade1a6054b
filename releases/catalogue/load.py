"""Read a catalogue file: from TOML to frozen objects, or every mistake at once."""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError

from releases.catalogue import wording
from releases.catalogue.commands import CommandTemplate
from releases.catalogue.cross_checks import cross_check, tables
from releases.catalogue.lines import Lines, Path
from releases.catalogue.mistakes import CatalogueError, Mistake
from releases.catalogue.objects import (
    Catalogue,
    CatalogueAccount,
    CatalogueEnvironment,
    CatalogueInstance,
    CatalogueReceiver,
    CatalogueService,
)
from releases.catalogue.tables import CommandsTable, CommandTable, EnvironmentTable, FileTable, ServiceTable
from releases.display import visible
from releases.probes import registry

SIZE_LIMIT = 1024 * 1024
"""Bytes of a catalogue file."""

_MESSAGE_LIMIT = 200
_SHOWN = {"accounts": ("name", "marker"), "tell": ("name",)}
"""What may be shown in a mistake of tables that name secrets; anything else there could be one in the wrong place."""
_SECRET_KEY = re.compile("secret|token|passw|credential|api_?key", re.IGNORECASE)


def load(path: FilePath | str) -> Catalogue:
    """Read and check a catalogue file. Raises CatalogueError with every mistake in it; resolves no secret."""
    text = _read(FilePath(path))
    try:
        data = tomllib.loads(text)
        lines = Lines(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError([_syntax_mistake(error, text)]) from None
    except (RecursionError, ValueError) as error:  # nesting and numbers beyond what Python itself takes
        raise CatalogueError([Mistake(0, "", visible(str(error)), "a few levels and short numbers")]) from None
    mistakes = [
        *_table_mistakes(data, lines),
        *_checklist_mistakes(data, lines),
        *(Mistake(lines.of(path), _dotted(path), got, expected) for path, got, expected in cross_check(data)),
    ]
    if mistakes:
        raise CatalogueError(list(dict.fromkeys(mistakes)))
    return _build(FileTable.model_validate(data), data)


def _read(path: FilePath) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CatalogueError([Mistake(0, "", reason, f"a TOML file that can be read at {path}")]) from None
    if len(content) > SIZE_LIMIT:
        raise CatalogueError([Mistake(0, "", f"more than {SIZE_LIMIT:,} bytes", f"at most {SIZE_LIMIT:,} bytes")])
    try:
        return content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CatalogueError([Mistake(line, "", f"byte 0x{content[error.start]:02x}", "UTF-8 text")]) from None


def _syntax_mistake(error: tomllib.TOMLDecodeError, text: str) -> Mistake:
    message = visible(str(error))
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    if place is None:
        return Mistake(1, "", message[:_MESSAGE_LIMIT], "TOML")
    line = int(place[1]) if place[1] else text.count("\n") + 1
    column = f" at column {place[2]}" if place[2] else " at the end"
    return Mistake(line, "", message[: place.start()][:_MESSAGE_LIMIT] + column, "TOML")


def _table_mistakes(data: Mapping[str, Any], lines: Lines) -> Iterable[Mistake]:
    try:
        FileTable.model_validate(data)
    except ValidationError as error:
        return _mistakes(error, FileTable, (), lines)
    return []


def _checklist_mistakes(data: Mapping[str, Any], lines: Lines) -> list[Mistake]:
    """Check every checklist table with the settings model of its probe."""
    found: list[Mistake] = []
    for path, checklist in _checklists(data):
        for key, settings in checklist.items():
            place = (*path, "checklist", key)
            try:
                model = registry.get(key).settings_model
            except registry.UnknownProbe:
                known = ", ".join(registry.all_probes())
                found.append(Mistake(lines.of(place), _dotted(place), f'the key "{key}"', f"one of {known}"))
                continue
            if not isinstance(settings, dict):
                continue  # said by the check of the tables
            try:
                model.model_validate(settings)
            except ValidationError as error:
                found += _mistakes(error, model, place, lines)
    return found


def _checklists(data: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield every checklist with the path of its service or environment."""
    for service_key, service in tables(data, "services"):
        yield from _own_checklist(("services", service_key), service)
        for key, environment in tables(service, "environments"):
            yield from _own_checklist(("services", service_key, "environments", key), environment)


def _own_checklist(path: Path, parent: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    checklist = parent.get("checklist")
    if isinstance(checklist, dict):
        yield path, checklist


def _mistakes(error: ValidationError, model: type[BaseModel], prefix: Path, lines: Lines) -> list[Mistake]:
    found = []
    for detail in error.errors(include_url=False):
        if wording.is_echo(detail):
            continue
        inner = tuple(step for step in detail["loc"] if step != "[key]")
        path = (*prefix, *inner)
        found.append(
            Mistake(
                line=lines.of(path),
                key=_dotted(path),
                got=wording.got(detail, secret=_may_be_secret(path)),
                expected=wording.expected(detail, model, inner),
            )
        )
    return found


def _may_be_secret(path: Path) -> bool:
    for table, shown in _SHOWN.items():
        if table in path:
            below = [step for step in path[path.index(table) + 1 :] if isinstance(step, str)]
            return not below or below[0] not in shown
    return any(isinstance(step, str) and _SECRET_KEY.search(step) for step in path[-1:])


def _dotted(path: Path) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def _build(file: FileTable, data: Mapping[str, Any]) -> Catalogue:
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    return Catalogue(
        services={key: _service(key, table) for key, table in file.services.items()},
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
    )


def _service(key: str, table: ServiceTable) -> CatalogueService:
    return CatalogueService(
        key=key,
        title=table.title,
        team=table.team,
        contact=table.contact,
        environments={name: _environment(key, name, place, table) for name, place in table.environments.items()},
    )


def _environment(service: str, key: str, table: EnvironmentTable, above: ServiceTable) -> CatalogueEnvironment:
    """Build an environment; its own commands and checklist tables replace those of its service one by one."""
    artifact = table.artifact or above.artifact
    return CatalogueEnvironment(
        service=service,
        key=key,
        production=table.production,
        base_url=table.base_url,
        instances=tuple(CatalogueInstance(instance.name, instance.url, instance.host) for instance in table.instances),
        allow_private=table.allow_private,
        requires_rehearsal=table.requires_rehearsal,
        purging_method=table.purging.method if table.purging is not None else "",
        commands=_commands(above.commands) | _commands(table.commands),
        accounts=tuple(
            CatalogueAccount(account.name, account.username, account.password, account.marker)
            for account in table.accounts
        ),
        checklist=_checklist(above.checklist | table.checklist),
        purging_field=table.purging.field if table.purging is not None else "",
        purging_value=table.purging.value if table.purging is not None else "",
        purging_nodes=tuple(table.purging.nodes) if table.purging is not None else (),
        artifact_url=artifact.url if artifact is not None else "",
        configuration_file=table.configuration.file if table.configuration is not None else "",
        log_file=table.log.file if table.log is not None else "",
        receivers=tuple(
            CatalogueReceiver(receiver.name, receiver.url)
            for receiver in (above.tell if table.tell is None else table.tell)
        ),
    )


def _commands(table: CommandsTable) -> dict[str, CommandTemplate]:
    given: dict[str, CommandTable | None] = {name: getattr(table, name) for name in CommandsTable.model_fields}
    return {
        name: CommandTemplate(
            argv=tuple(command.argv),
            directory=command.directory,
            timeout=command.timeout,
            grace=command.grace,
            environment=tuple(command.environment),
        )
        for name, command in given.items()
        if command is not None
    }


def _checklist(given: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Fill in the defaults of the probes, in the order in which people read a checklist."""
    return {
        key: probe.settings_model.model_validate(given[key]).model_dump(mode="json")
        for key, probe in registry.all_probes().items()
        if key in given
    }
