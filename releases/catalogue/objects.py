"""What a catalogue is once it was read: frozen objects, checked, with every default filled in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from releases.catalogue.commands import CommandTemplate


class UnknownPlace(LookupError):
    """The catalogue names no such service or environment. The message names those that there are."""


@dataclass(frozen=True, slots=True)
class CatalogueInstance:
    """One origin server behind the edge."""

    name: str
    url: str
    host: str = ""
    """Host field to send instead of the URL's own; empty for that one."""


@dataclass(frozen=True, slots=True)
class CatalogueAccount:
    """A test account. Its secrets are references, resolved by `releases.secrets` in the task that needs them."""

    name: str
    username: str
    """`env:NAME` or `file:/path`."""
    password: str
    """`env:NAME` or `file:/path`."""
    marker: str
    """Text that only this account's own pages show; empty for an account that is there for its role only."""


@dataclass(frozen=True, slots=True)
class CatalogueReceiver:
    """Somebody who is told of red checklists and of rollbacks' outcomes."""

    name: str
    url: str = field(repr=False)
    """Reference to an address that Apprise understands: `env:NAME` or `file:/path`."""


@dataclass(frozen=True, slots=True)
class CatalogueEnvironment:
    """A place where a service runs, with the commands and the checklist that apply there."""

    service: str
    key: str
    production: bool
    base_url: str
    """The edge, what readers use; without a trailing slash."""
    instances: tuple[CatalogueInstance, ...]
    allow_private: bool
    requires_rehearsal: bool
    purging_method: str
    """How a route is purged: `PURGE`, `BAN`, `command`, or empty where nothing is."""
    commands: Mapping[str, CommandTemplate] = field(repr=False)
    """By name: `deploy`, `rollback`, `purge`, `check_artifact`, `check_migrations`, `copy_configuration`,
    `read_configuration`, `read_log`."""
    accounts: tuple[CatalogueAccount, ...] = field(repr=False)
    checklist: Mapping[str, Mapping[str, Any]]
    """Settings by probe key, as JSON, defaults filled in. A probe without settings here is not run."""
    purging_field: str = field(default="", repr=False)
    """Request field that tells the cache what to forget, beside the address; empty where the address is enough."""
    purging_value: str = field(default="", repr=False)
    """Its value, with `{route}` or `{pattern}`."""
    purging_nodes: tuple[str, ...] = field(default=(), repr=False)
    """Base URLs of the cache's nodes; empty where the edge is asked."""
    artifact_url: str = field(default="", repr=False)
    """Address that answers 200 while the artifact of `{version}` can be had; empty where none is named."""
    configuration_file: str = field(default="", repr=False)
    """File on the worker that holds the configuration of this place; empty where none is named."""
    log_file: str = field(default="", repr=False)
    """File on the worker that the service logs to; empty where none is named."""
    receivers: tuple[CatalogueReceiver, ...] = field(default=(), repr=False)
    """Who is told."""

    @property
    def name(self) -> str:
        """`archive/production`."""
        return f"{self.service}/{self.key}"

    @property
    def command_digests(self) -> dict[str, str]:
        """Digests of the commands by name, placeholders unfilled."""
        return {name: template.digest for name, template in sorted(self.commands.items())}

    def public(self) -> dict[str, Any]:
        """Return, as JSON, what the web may know: no argv, directories, accounts or secrets."""
        return {
            "key": self.key,
            "production": self.production,
            "base_url": self.base_url,
            "instances": [
                {"name": instance.name, "url": instance.url} | ({"host": instance.host} if instance.host else {})
                for instance in self.instances
            ],
            "allow_private": self.allow_private,
            "requires_rehearsal": self.requires_rehearsal,
            "purging_method": self.purging_method,
            "command_names": sorted(self.commands),
            "command_digests": self.command_digests,
            "receivers": [receiver.name for receiver in self.receivers],
            "checklist": {key: dict(settings) for key, settings in self.checklist.items()},
        }


@dataclass(frozen=True, slots=True)
class CatalogueService:
    """A service, whom to call about it, and where it runs."""

    key: str
    title: str
    team: str
    contact: str
    environments: Mapping[str, CatalogueEnvironment]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The operator's file, read and checked."""

    services: Mapping[str, CatalogueService]
    digest: str
    """SHA-256 over the meaning of the file: comments and layout do not change it. Hexadecimal."""

    def environment(self, service: str, environment: str) -> CatalogueEnvironment:
        """Return one environment; raise UnknownPlace, naming those that there are, if it is not in the catalogue."""
        try:
            return self.services[service].environments[environment]
        except KeyError:
            known = ", ".join(place.name for place in self.environments())
            raise UnknownPlace(f"The catalogue has no {service}/{environment}; it has {known}.") from None

    def environments(self) -> tuple[CatalogueEnvironment, ...]:
        """Return every environment of every service, in the order of the file."""
        return tuple(place for service in self.services.values() for place in service.environments.values())
