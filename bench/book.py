"""A book of any size: services, releases, deployments with their checklists, rollbacks and what can be searched for.

Made by INSERT … SELECT inside the database, with the same statements on PostgreSQL and SQLite; a million releases with
ten million probe runs take minutes. Rows are lean: no findings, no figures, no events.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import NOT_PROVIDED, Field, JSONField, Model

from releases import search
from releases.models import (
    ChecklistRun,
    Deployment,
    Environment,
    Passage,
    ProbeRun,
    Release,
    Rollback,
    Service,
    User,
)

SERVICES = 200
OWNERS = 40
BLOCK = 240
"""Deployments after which one is in the same environment again: 6 for 5 releases, 200 services, 2 environments."""
ROLLBACK_EVERY = 50
START = 1_700_000_000
"""When the first release was registered, in seconds of Unix time; a release every minute."""
COMMON, MIDDLE, RARE = "articles", "topic77", "needle"
"""Words of every release, of one in a thousand, and of about ten."""


@dataclass(frozen=True)
class Sizes:
    releases: int
    deployments: int
    probe_runs: int


def fill(sizes: Sizes, tell: Callable[[str], None] = print) -> None:
    """Fill an empty, migrated database."""
    rare = max(1, sizes.releases // 10)
    per_run = max(1, round(sizes.probe_runs / sizes.deployments))
    with _without_checks():
        for what, statement in _statements(sizes, rare, per_run):
            began = time.monotonic()
            with connection.cursor() as cursor:
                cursor.execute(statement)
            tell(f"{what}: {time.monotonic() - began:.1f} s")
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                for model in (Service, Environment, Release, Deployment, ChecklistRun, ProbeRun, Rollback, Passage):
                    table = model._meta.db_table
                    sequence = f"pg_get_serial_sequence('{table}', 'id')"
                    cursor.execute(f"SELECT setval({sequence}, max(id)) FROM {table}")  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _statements(sizes: Sizes, rare: int, per_run: int) -> Iterator[tuple[str, str]]:
    person = User.objects.order_by("pk").values_list("pk", flat=True)[0]
    service = f"((n - 1) % {SERVICES}) + 1"
    yield "services", _insert(Service, SERVICES, {"id": "n", "key": "'service-' || n", "title": "'Service ' || n"})
    yield (
        "environments",
        _insert(
            Environment,
            2 * SERVICES,
            {
                "id": "n",
                "service_id": "(n + 1) / 2",
                "key": "CASE WHEN n % 2 = 1 THEN 'production' ELSE 'staging' END",
                "production": "n % 2 = 1",
                "base_url": "'http://127.0.0.1:9'",
            },
        ),
    )
    yield (
        "releases",
        _insert(
            Release,
            sizes.releases,
            {
                "id": "n",
                "service_id": service,
                "version": f"'3.' || ((n - 1) / {SERVICES}) || '.' || (n % 7)",
                "owner": f"'Owner ' || (n % {OWNERS})",
                "registered_by": "'pipeline'",
                "expected_result": f"'p95 of /{COMMON} <= +10 %; topic' || (n % 1000) || "
                f"CASE WHEN n % {rare} = 7 THEN ' {RARE}' ELSE '' END",
                "rollback_note": "'Back to the version before; purge the pages. No migration in number ' || n",
                "registered_at": _time("60 * n"),
                "bad_since": f"CASE WHEN n % 97 = 0 THEN {_time('60 * n + 1800')} END",
            },
        ),
    )
    back = f"m > 2 * {BLOCK} AND m % {ROLLBACK_EVERY} = 0"
    at = f"CASE WHEN {back} THEN m - 2 * {BLOCK} ELSE m END"
    release = f"((({at}) - 1) * {sizes.releases}) / {sizes.deployments} + 1"
    place = f"2 * (((m - 1) * {sizes.releases}) / {sizes.deployments} % {SERVICES}) + 1 + m % 2"
    verdict = "CASE m % 20 WHEN 0 THEN 'fail' WHEN 1 THEN 'inconclusive' ELSE 'pass' END"
    numbered = "m"
    yield (
        "checklist runs",
        _insert(
            ChecklistRun,
            sizes.deployments,
            {
                "id": "m",
                "environment_id": place,
                "deployment_id": "m",
                "purpose": "'verify'",
                "status": "'done'",
                "verdict": verdict,
                "created_at": _time("50 * m"),
                "finished_at": _time("50 * m + 20"),
            },
            numbered,
        ),
    )
    yield (
        "deployments",
        _insert(
            Deployment,
            sizes.deployments,
            {
                "id": "m",
                "release_id": release,
                "owner": f"'Owner ' || (({release}) % {OWNERS})",
                "environment_id": place,
                "kind": f"CASE WHEN {back} THEN 'rollback' ELSE 'deployment' END",
                "status": "CASE WHEN m % 500 = 3 THEN 'failed' ELSE 'finished' END",
                "verify_run_id": "m",
                "verdict": verdict,
                "regression": "'no'",
                "reported_by": "'pipeline'",
                "started_at": _time("50 * m"),
                "finished_at": _time("50 * m + 10"),
            },
            numbered,
        ),
    )
    first = 2 * BLOCK // ROLLBACK_EVERY
    yield (
        "rollbacks",
        _insert(
            Rollback,
            max(0, sizes.deployments // ROLLBACK_EVERY - first),
            {
                "id": "n",
                "deployment_id": f"(n + {first}) * {ROLLBACK_EVERY}",
                "undone_id": f"(n + {first}) * {ROLLBACK_EVERY} - {BLOCK}",
                "target_id": f"(n + {first}) * {ROLLBACK_EVERY} - 2 * {BLOCK}",
                "environment_id": place.replace("m", f"((n + {first}) * {ROLLBACK_EVERY})"),
                "requester_id": str(person),
                "requested_by": f"'Owner ' || (n % {OWNERS})",
                "reason": "'checklist'",
                "words": "'readers of page ' || n || ' saw an error'",
                "status": "'done'",
                "command": "'exited'",
                "outcome": "CASE WHEN n % 30 = 0 THEN 'not restored' ELSE 'restored' END",
                "pressed_at": _time(f"50 * (n + {first}) * {ROLLBACK_EVERY}"),
                "ended_at": _time(f"50 * (n + {first}) * {ROLLBACK_EVERY} + 21"),
            },
        ),
    )
    yield (
        "probe runs",
        _insert(
            ProbeRun,
            sizes.probe_runs,
            {
                "id": "n",
                "run_id": f"((n - 1) / {per_run}) % {sizes.deployments} + 1",
                "key": f"'probe_' || ((n - 1) % {per_run}) || CASE WHEN n > {per_run * sizes.deployments} THEN 'x' "
                "ELSE '' END",
                "effect": "'none'",
                "wave": "1",
                "status": "'done'",
                "verdict": "'pass'",
            },
        ),
    )
    live = "SELECT max(id) FROM releases_deployment d WHERE d.environment_id = releases_environment.id"
    yield "live", f"UPDATE releases_environment SET live_id = ({live})"  # noqa: S608
    yield (
        "passages",
        _insert(Passage, sizes.releases, {"id": "n", "release_id": "n", "at": _time("60 * n")}),
    )
    yield "index of words", _index()


def _index() -> str:
    """Return what `releases.search.keep` writes for every release, at once."""
    words = "replace(r.version, '.', ' ') || ' ' || lower(r.expected_result) || ' ' || lower(r.rollback_note)"
    source = "FROM releases_release r JOIN releases_service s ON s.id = r.service_id ORDER BY r.id"
    tagged = [("kind", "'release'"), ("service", "s.key"), ("owner", "r.owner")]
    if connection.vendor == "postgresql":
        # Cut as `words_of` cuts.
        plain = f"to_tsvector('simple', regexp_replace({words}, '[^a-z0-9]+', ' ', 'g'))"
        tags = [f"'x' || left(encode(sha256(('{name}=' || {value})::bytea), 'hex'), 24)" for name, value in tagged]
        vector = f"{plain} || array_to_tsvector(ARRAY[{', '.join(tags)}])"
        return f"INSERT INTO {search.INDEX} (id, words) SELECT r.id, {vector} {source}"
    connection.ensure_connection()
    connection.connection.create_function("tag", 2, search.tag, deterministic=True)
    together = " || ' ' || ".join(f"tag('{name}', {value})" for name, value in tagged)
    return f"INSERT INTO {search.INDEX} (rowid, words, tags) SELECT r.id, {words}, {together} {source}"


def _insert(model: type[Model], rows: int, given: dict[str, str], number: str = "n") -> str:
    """Return an INSERT of so many numbered rows; columns that are not given hold what an empty form would."""
    fields = {field.column: field for field in model._meta.concrete_fields if field.column}
    unknown = given.keys() - fields.keys()
    assert not unknown, f"{model.__name__} has no {unknown}"
    columns = {column: given.get(column) or _default(field) for column, field in fields.items()}
    names = ", ".join(f'"{column}"' for column in columns)
    counted, source = "", f"generate_series(1::bigint, {rows}) AS numbers({number})"
    if connection.vendor != "postgresql":
        more = f"SELECT {number} + 1 FROM numbers WHERE {number} < {max(rows, 1)}"  # noqa: S608
        counted = f"WITH RECURSIVE numbers({number}) AS (SELECT 1 UNION ALL {more}) "
        source = f"numbers WHERE {number} <= {rows}"
    selected = f"{counted}SELECT {', '.join(columns.values())} FROM {source}"  # noqa: S608
    return f"INSERT INTO {model._meta.db_table} ({names}) {selected}"


def _default(field: "Field[Any, Any]") -> str:
    if field.null:
        return "NULL"
    value = field.get_default() if field.default is not NOT_PROVIDED else ""
    if isinstance(field, JSONField):
        return "'[]'" if value == [] else "'{}'"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else f"'{value}'"


def _time(seconds: str) -> str:
    if connection.vendor == "postgresql":
        return f"to_timestamp({START} + {seconds})"
    return f"datetime({START} + {seconds}, 'unixepoch')"


@contextmanager
def _without_checks() -> Iterator[None]:
    """Leave foreign keys unchecked while rows are made in an order that suits the database."""
    on_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica" if on_postgresql else "PRAGMA foreign_keys = OFF")
        try:
            yield
        finally:
            cursor.execute("SET session_replication_role = origin" if on_postgresql else "PRAGMA foreign_keys = ON")
