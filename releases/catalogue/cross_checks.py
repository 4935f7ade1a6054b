"""Rules of a catalogue that need more than one key.

They look at the raw tables and pass over what has the wrong shape, so that they speak in the same round as the
checks of single keys.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from releases.catalogue.lines import Path
from releases.catalogue.mistakes import shown
from releases.catalogue.urls import check_base_url, private_address, split_url
from releases.probes import purge_calls

Found = tuple[Path, str, str]
"""Where, what was got, what was expected."""

_NOT_FILLED = {
    "deploy": ("{route}", "{live_version}"),
    "rollback": ("{route}", "{live_version}"),
    "purge": ("{version}", "{live_version}", "{release}"),
    "check_artifact": ("{route}", "{live_version}"),
    "check_migrations": ("{route}",),
    "copy_configuration": ("{live_version}",),
    "read_configuration": ("{route}", "{version}", "{live_version}", "{release}"),
    "read_log": ("{route}", "{version}", "{live_version}", "{release}"),
}
"""Placeholders for which a command has no value: a route is known only where one is purged, a version only where there
is a release to place, and the live one only where something is asked about the way back from it."""


def cross_check(data: Mapping[str, Any]) -> Iterator[Found]:
    """Yield what is wrong between the keys of a catalogue."""
    for service_key, service in tables(data, "services"):
        place: Path = ("services", service_key)
        yield from _command_placeholders(place, service)
        for key, environment in tables(service, "environments"):
            inner = (*place, "environments", key)
            yield from _command_placeholders(inner, environment)
            yield from _purge_command(inner, service, environment)
            yield from _purge_request(inner, environment)
            yield from _private_addresses(inner, environment)
            yield from _same_names(inner, environment, "instances")
            yield from _same_names(inner, environment, "accounts")
            yield from _same_names(inner, environment, "tell")


def tables(parent: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the tables below a key by name; nothing where something else stands there."""
    value = parent.get(key)
    if isinstance(value, dict):
        yield from ((name, inner) for name, inner in value.items() if isinstance(inner, dict))


def _command_placeholders(place: Path, parent: Mapping[str, Any]) -> Iterator[Found]:
    for name, command in tables(parent, "commands"):
        argv = command.get("argv")
        for index, argument in enumerate(argv if isinstance(argv, list) else ()):
            for placeholder in _NOT_FILLED.get(name, ()):
                if isinstance(argument, str) and argument.endswith(placeholder):
                    path = (*place, "commands", name, "argv", index)
                    yield path, shown(argument), f"no {placeholder}, since {name} has none to fill in"
        if name == "check_migrations" and isinstance(argv, list) and not _ends_with(argv, "{version}"):
            expected = "{version}: what lies between is another answer for every target"
            yield (*place, "commands", name, "argv"), "no {version}", expected


def _ends_with(argv: Iterable[Any], placeholder: str) -> bool:
    return any(isinstance(argument, str) and argument.endswith(placeholder) for argument in argv)


def _purge_command(place: Path, service: Mapping[str, Any], environment: Mapping[str, Any]) -> Iterator[Found]:
    purging = environment.get("purging")
    if not isinstance(purging, dict) or purging.get("method") != "command":
        return
    for parent in (service, environment):
        commands = parent.get("commands")
        if isinstance(commands, dict) and "purge" in commands:
            return
    yield (*place, "purging", "method"), '"command"', "a command commands.purge here or at the service"


def _purge_request(place: Path, environment: Mapping[str, Any]) -> Iterator[Found]:
    """Say what would purge nothing, or something else: a ban without its pattern, a field without a value."""
    purging = environment.get("purging")
    if not isinstance(purging, dict):
        return
    method, name, value = (purging.get(key) for key in ("method", "field", "value"))
    if method == "command":
        for key in ("field", "value", "nodes"):
            if key in purging:
                yield (*place, "purging", key), shown(purging[key]), "nothing, since a command purges here"
    elif method == "BAN" and not name:
        yield (*place, "purging"), "no field", "field and value, which tell a ban what to forget"
    if name and not (isinstance(value, str) and any(each in value for each in purge_calls.PLACEHOLDERS)):
        yield (*place, "purging", "field"), shown(name), "a value with {route} or {pattern}: else it names no one route"
    if value and not name:
        yield (*place, "purging", "value"), shown(value), "a field to send it in"


def _private_addresses(place: Path, environment: Mapping[str, Any]) -> Iterator[Found]:
    if environment.get("allow_private") is True:
        return
    for path, url in _urls(environment):
        try:
            check_base_url(url)
        except ValueError:
            continue  # said by the check of the key
        if private := private_address(url):
            expected = "a public address, or allow_private = true in this environment"
            yield (*place, *path), f"the private address {private}", expected


def _urls(environment: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    base_url = environment.get("base_url")
    if isinstance(base_url, str):
        yield ("base_url",), base_url
    for index, instance in _items(environment, "instances"):
        if isinstance(url := instance.get("url"), str):
            yield ("instances", index, "url"), url
    purging = environment.get("purging")
    nodes = purging.get("nodes") if isinstance(purging, dict) else None
    for index, url in enumerate(nodes if isinstance(nodes, list) else ()):
        if isinstance(url, str):
            yield ("purging", "nodes", index), url
    artifact = environment.get("artifact")
    if isinstance(artifact, dict) and isinstance(url := artifact.get("url"), str):
        yield ("artifact", "url"), split_url(url)[0]


def _same_names(place: Path, environment: Mapping[str, Any], key: str) -> Iterator[Found]:
    seen: set[str] = set()
    for index, item in _items(environment, key):
        name = item.get("name")
        if isinstance(name, str):
            if name in seen:
                yield (*place, key, index, "name"), f"{shown(name)} again", f"a name of its own for each of the {key}"
            seen.add(name)


def _items(environment: Mapping[str, Any], key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    value = environment.get(key)
    if isinstance(value, list):
        yield from ((index, item) for index, item in enumerate(value) if isinstance(item, dict))
