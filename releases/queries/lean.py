"""Deployments as a history shows them, read without the ORM's rows, which would take most of a page's time.

One statement gives everything that a row says, by keys that the ORM has chosen; its text never changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from releases.queries.paging import Keys
from releases.states import OPEN_ROLLBACK

# A join with such a rollback would be tried against every rollback there is; as a value it is looked up.
_NEWEST = (
    "SELECT x.id || '|' || x.status || '|' || x.outcome || '|' || COALESCE(x.deployment_id, 0) "
    "FROM releases_rollback x "
    "WHERE x.status NOT IN ('cancelled', 'refused') AND {} = d.id ORDER BY x.id DESC LIMIT 1"
)
_UNSETTLED = "SELECT 1 FROM releases_checklistrun x WHERE x.deployment_id = d.id AND x.status IN ('queued', 'running')"
_SELECT = f"""
SELECT d.id, d.release_id, d.environment_id, d.kind, d.status, d.verdict, d.regression, d.despite_freeze,
    d.reported_by, d.requester_id, d.verify_run_id, d.started_at, d.finished_at,
    r.version, r.owner, r.bad_since, e.key, s.key,
    b.id, b.status, b.outcome, b.reason, b.words, b.target_id, b.undone_id, ud.release_id, ur.version,
    h.id, h.outcome,
    ({_NEWEST.format("x.undone_id")}), ({_NEWEST.format("x.target_id")}),
    EXISTS ({_UNSETTLED})
FROM k
JOIN releases_deployment d ON d.id = k.id
JOIN releases_release r ON r.id = d.release_id
JOIN releases_environment e ON e.id = d.environment_id
JOIN releases_service s ON s.id = e.service_id
LEFT JOIN releases_rollback b ON b.deployment_id = d.id
LEFT JOIN releases_deployment ud ON ud.id = b.undone_id
LEFT JOIN releases_release ur ON ur.id = ud.release_id
LEFT JOIN releases_rehearsal h ON h.deployment_id = d.id
"""  # noqa: S608


class Version(NamedTuple):
    """What a row says of a release."""

    pk: int
    version: str
    owner: str = ""
    bad: bool = False


class Named(NamedTuple):
    key: str


class Place(NamedTuple):
    """The environment of a row."""

    service: Named
    key: str

    def __str__(self) -> str:
        return f"{self.service.key}/{self.key}"


@dataclass(frozen=True, slots=True)
class Undone:
    """What a rollback took away."""

    release_id: int
    release: Version


@dataclass(frozen=True, slots=True)
class Rolled:
    """A rollback, as the row of its own deployment tells it, and as those tell it that it undid or went back to."""

    pk: int
    status: str
    outcome: str
    deployment: int | None = None
    """The deployment that the rollback is."""
    reason: str = ""
    words: str = ""
    target_id: int = 0
    undone_id: int = 0
    undone: Undone | None = None

    @property
    def tag(self) -> str:
        return f"RB-{self.pk}"

    @property
    def open(self) -> bool:
        return self.status in OPEN_ROLLBACK


@dataclass(frozen=True, slots=True)
class Rehearsed:
    pk: int
    outcome: str

    @property
    def tag(self) -> str:
        return f"RH-{self.pk}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A deployment, with the names that its model has."""

    pk: int
    release_id: int
    environment_id: int
    kind: str
    status: str
    verdict: str
    regression: str
    despite_freeze: bool
    reported_by: str
    requester_id: int | None
    verify_run_id: int | None
    started_at: datetime
    finished_at: datetime | None
    release: Version
    environment: Place
    rollback: Rolled | None
    rehearsal: Rehearsed | None
    undone_by: Rolled | None
    again_by: Rolled | None
    unsettled: bool
    """A checklist of it is queued or running."""

    @property
    def tag(self) -> str:
        return f"D-{self.pk}"


def listed(keys: Keys, rows: int, upwards: bool = False) -> list[Listed]:
    """Return so many deployments among these keys, newest first, or oldest first `upwards`."""
    sql, params = keys
    order = "" if upwards else " DESC"
    # The few keys come first and by themselves: PostgreSQL orders no more than eight joins freely, and would otherwise
    # join every deployment there is before it looked at them.
    chosen = f"SELECT id FROM releases_deployment WHERE id IN ({sql}) ORDER BY id{order} LIMIT %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH k AS ({chosen}) {_SELECT} ORDER BY d.id{order}",
            [*params, rows],
        )
        return [_listed(found) for found in cursor.fetchall()]


def _listed(found: Sequence[Any]) -> Listed:
    pk, release, environment, kind, status, verdict, regression, despite, reporter, requester = found[:10]
    run, started, ended = found[10:13]
    version, owner, bad, place, service = found[13:18]
    return Listed(
        pk,
        release,
        environment,
        kind,
        status,
        verdict,
        regression,
        bool(despite),
        reporter,
        requester,
        run,
        _moment(started) or datetime.min.replace(tzinfo=UTC),
        _moment(ended),
        Version(release, version, owner, bad is not None),
        Place(Named(service), place),
        _own_rollback(pk, found[18:27]),
        Rehearsed(found[27], found[28]) if found[27] is not None else None,
        _tied(found[29]),
        _tied(found[30]),
        bool(found[31]),
    )


def _own_rollback(deployment: int, found: Sequence[Any]) -> Rolled | None:
    pk, status, outcome, reason, words, target, undone, undone_release, undone_version = found
    if pk is None:
        return None
    undone_one = Undone(undone_release, Version(undone_release, undone_version))
    return Rolled(pk, status, outcome, deployment, reason, words, target, undone, undone_one)


def _tied(found: str | None) -> Rolled | None:
    if found is None:
        return None
    pk, status, outcome, deployment = found.split("|")
    return Rolled(int(pk), status, outcome, int(deployment) or None)


def _moment(value: datetime | None) -> datetime | None:
    """Read a time as either database gives it: SQLite's has no zone and is UTC."""
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value
