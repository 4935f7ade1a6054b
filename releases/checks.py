"""System checks: a misconfiguration is named at start, with an id and a hint, not met at 03:12."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from releases import anchors, book, triggers
from releases.catalogue.tables import GRACE_LIMIT, TIMEOUT_LIMIT
from releases.models import Event
from releases.probes import registry

OVERDUE = 3
"""Intervals after which an event should have been anchored."""


@register()
def deadlines_are_ordered(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Refuse limits that would let the broker hand out a command that still runs."""
    ladder = [
        (TIMEOUT_LIMIT + GRACE_LIMIT, "command timeout + grace"),
        (settings.ACT_SOFT_LIMIT, "ACT_SOFT_LIMIT"),
        (settings.ACT_HARD_LIMIT, "ACT_HARD_LIMIT"),
        (settings.VISIBILITY_TIMEOUT, "VISIBILITY_TIMEOUT"),
    ]
    return [
        Error(
            f"{lower_name} ({lower} s) is not below {upper_name} ({upper} s).",
            hint="Each limit must be smaller than the next, or a command could be cut off or handed out twice.",
            id="releases.E002",
        )
        for (lower, lower_name), (upper, upper_name) in pairwise(ladder)
        if lower >= upper
    ]


@register()
def probes_end_before_their_task(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Refuse a probe whose own deadline would be cut off by its task's time limit."""
    return [
        Error(
            f"The probe {probe.key} has {probe.deadline:g} s, its task only {settings.PROBE_SOFT_LIMIT} s.",
            hint="Raise PROBE_SOFT_LIMIT and PROBE_HARD_LIMIT, or lower the probe's deadline.",
            id="releases.E003",
        )
        for probe in registry.all_probes().values()
        if probe.deadline >= settings.PROBE_SOFT_LIMIT
    ]


@register(Tags.database)
def book_is_guarded(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Report a missing trigger of the book, in each database that is checked."""
    errors: list[CheckMessage] = []
    for alias in databases or []:
        if triggers.TABLE not in connections[alias].introspection.table_names():
            continue
        errors += [
            Error(
                f"The book's trigger {name} is missing in the database {alias!r}.",
                hint="Run `manage.py migrate`, which puts it back.",
                id="releases.E001",
            )
            for name in triggers.missing(alias)
        ]
    return errors


@register(Tags.database)
def book_is_anchored(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Warn where anchors are wanted and cannot be read, contradict the book, or have fallen behind it."""
    path = settings.ROLLBOOK_ANCHOR_FILE
    if not path or triggers.TABLE not in connections[DEFAULT_DB_ALIAS].introspection.table_names():
        return []
    behind = timezone.now() - timedelta(seconds=OVERDUE * settings.ROLLBOOK_ANCHOR_SECONDS)
    try:
        last = anchors.newest_of(Path(path))
        waiting = Event.objects.filter(seq__gt=last.seq if last else 0, at__lt=behind).exists()
        newest, _head = book.ends()
        problem = anchors.contradiction(last, newest) if last else ""
    except anchors.NotAnchored as why:
        waiting, problem = False, str(why)
    if waiting and not problem:
        problem = f"events of more than {OVERDUE} times ROLLBOOK_ANCHOR_SECONDS ago are not anchored."
    hint = "See the sweep's log, and run `manage.py anchor_audit`."
    return [Warning(f"Anchors of the book, {path}: {problem}", hint=hint, id="releases.W004")] if problem else []
