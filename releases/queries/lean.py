"""Deployments as a history shows them, read without the ORM's rows, which would take most of a page's time.

One statement gives everything that a row says, of deployments that the ORM has chosen.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet

from releases.models import Deployment
from releases.queries.paging import together
from releases.states import OPEN_ROLLBACK, DeploymentKind

# PostgreSQL plans the statement each time, and what it takes for that grows with every table that is joined. So what
# few deployments have is looked up for each of them, as one value in parts, of which only the last may hold a bar.
_NEWEST = (
    "SELECT x.id || '|' || x.status || '|' || x.outcome || '|' || COALESCE(x.deployment_id, 0) "
    "FROM releases_rollback x "
    "WHERE x.status NOT IN ('cancelled', 'refused') AND {} = d.id ORDER BY x.id DESC LIMIT 1"
)
_OWN_ROLLBACK = """SELECT x.id || '|' || x.status || '|' || x.outcome || '|' || x.target_id || '|' || x.undone_id
    || '|' || u.release_id || '|' || v.version || '|' || x.reason || '|' || x.words
    FROM releases_rollback x JOIN releases_deployment u ON u.id = x.undone_id
    JOIN releases_release v ON v.id = u.release_id WHERE x.deployment_id = d.id"""
_REHEARSAL = "SELECT x.id || '|' || x.outcome FROM releases_rehearsal x WHERE x.deployment_id = d.id"
_UNSETTLED = "SELECT 1 FROM releases_checklistrun x WHERE x.deployment_id = d.id AND x.status IN ('queued', 'running')"
_COLUMNS = (
    "id",
    "release_id",
    "environment_id",
    "kind",
    "status",
    "verdict",
    "regression",
    "expected",
    "despite_freeze",
    "reported_by",
    "requester_id",
    "response_time",
    "started_at",
    "finished_at",
)
_SELECT = f"""
SELECT {", ".join(f"d.{column}" for column in _COLUMNS)},
    r.version, r.owner, r.bad_since, e.key, s.key,
    CASE d.kind WHEN 'rollback' THEN ({_OWN_ROLLBACK}) WHEN 'rehearsal' THEN ({_REHEARSAL}) END,
    ({_NEWEST.format("x.undone_id")}), ({_NEWEST.format("x.target_id")}),
    EXISTS ({_UNSETTLED})
FROM d
JOIN releases_release r ON r.id = d.release_id
JOIN releases_environment e ON e.id = d.environment_id
JOIN releases_service s ON s.id = e.service_id
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


class Listed(NamedTuple):
    """A deployment, with the names that its model has."""

    pk: int
    release_id: int
    environment_id: int
    kind: str
    status: str
    verdict: str
    regression: str
    expected: str
    despite_freeze: bool
    reported_by: str
    requester_id: int | None
    timed: str | None
    """As JSON: few lists show it."""
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

    @property
    def response_time(self) -> dict[str, Any] | None:
        return json.loads(self.timed) if self.timed else None


def listed(branches: Sequence[QuerySet[Deployment]], rows: int, upwards: bool = False) -> list[Listed]:
    """Return so many deployments of all branches, newest first, or oldest first `upwards`."""
    sql, params = together([branch.values(*_COLUMNS) for branch in branches])
    order = "" if upwards else " DESC"
    # The few rows come first and by themselves; PostgreSQL would otherwise join every deployment there is with them.
    chosen = f"SELECT * FROM ({sql}) AS every ORDER BY id{order} LIMIT %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH d AS ({chosen}) {_SELECT} ORDER BY d.id{order}",
            [*params, rows],
        )
        return [_listed(found) for found in cursor.fetchall()]


def _listed(found: Sequence[Any]) -> Listed:
    pk, release, environment, kind, status, verdict, regression, expected, despite, reporter, requester = found[:11]
    timed, started, ended, version, owner, bad, place, service, own, undone_by, again_by, unsettled = found[11:]
    return Listed(
        pk,
        release,
        environment,
        kind,
        status,
        verdict,
        regression,
        expected,
        bool(despite),
        reporter,
        requester,
        timed,
        _moment(started) or datetime.min.replace(tzinfo=UTC),
        _moment(ended),
        Version(release, version, owner, bad is not None),
        Place(Named(service), place),
        _own_rollback(pk, own) if own and kind == DeploymentKind.ROLLBACK else None,
        _rehearsed(own) if own and kind == DeploymentKind.REHEARSAL else None,
        _tied(undone_by),
        _tied(again_by),
        bool(unsettled),
    )


def _own_rollback(deployment: int, found: str) -> Rolled:
    pk, status, outcome, target, undone, release, version, reason, words = found.split("|", 8)
    undone_one = Undone(int(release), Version(int(release), version))
    return Rolled(int(pk), status, outcome, deployment, reason, words, int(target), int(undone), undone_one)


def _rehearsed(found: str) -> Rehearsed:
    pk, outcome = found.split("|")
    return Rehearsed(int(pk), outcome)


def _tied(found: str | None) -> Rolled | None:
    if found is None:
        return None
    pk, status, outcome, deployment = found.split("|")
    return Rolled(int(pk), status, outcome, int(deployment) or None)


def _moment(value: datetime | None) -> datetime | None:
    """Read a time as either database gives it: SQLite's has no zone and is UTC."""
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value
