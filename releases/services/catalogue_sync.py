"""Applying what the web may know of the catalogue: never argv, directories, accounts or secrets."""

import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.catalogue import Catalogue, CatalogueEnvironment, CatalogueService
from releases.models import Environment, Service
from releases.services.commands import look_soon
from releases.services.retrying import retried


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the database and the file, as a sentence, and what stood there before."""

    what: str
    field: str
    before: str = ""
    after: str = ""


@retried
def sync_catalogue(catalogue: Catalogue, *, actor: Actor) -> list[Change]:
    """Make services and environments match the file, all or nothing; return what changed."""
    with transaction.atomic():
        changes = [change for entry in catalogue.services.values() for change in _sync_service(entry)]
        changes += _unlist_missing(catalogue)
        if changes:
            book.record(
                Tag.CATALOGUE_SYNCED,
                actor,
                digest=catalogue.digest,
                changes=[change.what for change in changes],
                before={change.field: change.before for change in changes},
                after={change.field: change.after for change in changes},
            )
        for environment in Environment.objects.filter(listed=True, live__isnull=False).select_related("service"):
            look_soon(environment)
    return changes


def _sync_service(entry: CatalogueService) -> list[Change]:
    wanted = {"title": entry.title, "team": entry.team, "contact": entry.contact, "listed": True}
    service = Service.objects.filter(key=entry.key).first()
    if service is None:
        service = Service.objects.create(key=entry.key, **wanted)
        changes = [Change(f"service {entry.key} added", entry.key, after="listed")]
    else:
        changes = _apply(service, wanted, f"service {entry.key}")
    for environment in entry.environments.values():
        changes += _sync_environment(service, environment)
    return changes


def _sync_environment(service: Service, entry: CatalogueEnvironment) -> list[Change]:
    wanted = {**entry.public(), "listed": True}
    key = wanted.pop("key")
    environment = Environment.objects.filter(service=service, key=key).first()
    if environment is None:
        Environment.objects.create(service=service, key=key, **wanted)
        return [Change(f"environment {service.key}/{key} added", f"{service.key}/{key}", after="listed")]
    return _apply(environment, wanted, f"environment {service.key}/{key}")


def _apply(row: Service | Environment, wanted: dict[str, Any], name: str) -> list[Change]:
    there = {field: getattr(row, field) for field, value in wanted.items() if getattr(row, field) != value}
    for field in there:
        setattr(row, field, wanted[field])
    if there:
        row.save(update_fields=list(there))
    return [
        Change(f"{name}: {field} changed", f"{row} {field}", _text(value), _text(wanted[field]))
        for field, value in there.items()
    ]


def _text(value: Any) -> str:
    """Return a value for the book, which keeps no floats."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _unlist_missing(catalogue: Catalogue) -> list[Change]:
    """Take what the file no longer names off the pages; its history stays."""
    changes = []
    for environment in Environment.objects.filter(listed=True).select_related("service"):
        entry = catalogue.services.get(environment.service.key)
        if entry is None or environment.key not in entry.environments:
            Environment.objects.filter(pk=environment.pk).update(listed=False)
            changes.append(Change(f"environment {environment} no longer listed", f"{environment}", "listed"))
    for service in Service.objects.filter(listed=True):
        if service.key not in catalogue.services:
            Service.objects.filter(pk=service.pk).update(listed=False)
            changes.append(Change(f"service {service.key} no longer listed", service.key, "listed"))
    return changes
