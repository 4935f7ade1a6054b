"""The rows behind a board, read for hundreds of environments at once; `places` makes of them what it shows."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple, TypeVar

from django.db.models import Case, Count, F, Min, OuterRef, Q, QuerySet, Subquery, Value, When, Window
from django.db.models.functions import RowNumber

from releases.models import (
    ChecklistRun,
    Deployment,
    Environment,
    Execution,
    Finding,
    Freeze,
    ReadinessLook,
    RenderedCommand,
    Rollback,
)
from releases.queries.wayback import CANDIDATES_LIMIT, started, verified_now
from releases.states import OPEN_ROLLBACK, OPEN_RUN, DeploymentKind, DeploymentStatus, ExecutionStatus, Outcome

FEW = 20
"""Up to how many environments are looked at one by one."""
ESTIMATE_FROM = 10
"""From how many rollbacks the usual time is taken."""
RESTORED = (Outcome.RESTORED, Outcome.RESTORED_WITH_DIFFERENCES)
"""Only these took the time until it was good again; the others say how soon it went wrong."""


class NowOn(NamedTuple):
    """What is at work or in force somewhere."""

    rollbacks: QuerySet[Rollback]
    freezes: QuerySet[Freeze]
    started: QuerySet[Deployment]
    executing: QuerySet[Execution]
    runs: QuerySet[ChecklistRun]


def with_subqueries(environments: QuerySet[Environment]) -> QuerySet[Environment]:
    """Add the keys of the newest deployment, the newest rollback, and the deployment that a rollback would go to."""
    newest = Deployment.objects.filter(environment=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    newest_rollback = Rollback.objects.filter(environment=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    # The same rows that `wayback.way_back` looks at, two levels down.
    looked_at = (
        Deployment.objects.filter(environment=OuterRef(OuterRef("pk")), pk__lt=OuterRef(OuterRef("live")))
        .exclude(status=DeploymentStatus.STARTED)
        .order_by("-pk")
        .values("pk")[:CANDIDATES_LIMIT]
    )
    possible = Deployment.objects.filter(
        ~Q(release=OuterRef("live__release")),
        pk__in=Subquery(looked_at),
        kind=DeploymentKind.DEPLOYMENT,
        status=DeploymentStatus.FINISHED,
        release__bad_since=None,
    ).order_by(Case(When(verified_now(), then=0), default=1), "-pk")  # where none was ever verified, a finished one
    return (
        environments.select_related("service", "live__release", "live__rollback")
        .defer("instances", "checklist", "command_names", "command_digests", "receivers", *_texts("live__release__"))
        .annotate(
            latest=Subquery(newest),
            last_rollback=Subquery(newest_rollback),
            target=Subquery(possible.values("pk")[:1]),
        )
        .order_by("service__key", "-production", "key")
    )


def now_on(environments: Collection[int]) -> NowOn:
    """Return what is at work or in force in these environments, mostly nothing: one query says which rows.

    For many it asks what is on anywhere: told to look in each, SQLite walks along everything that ever was there.
    """
    on = NowOn(
        rollbacks=Rollback.objects.filter(status__in=OPEN_ROLLBACK),
        freezes=Freeze.objects.filter(lifted_at=None),
        started=started(),
        executing=Execution.objects.filter(status=ExecutionStatus.EXECUTING),
        runs=ChecklistRun.objects.filter(status__in=OPEN_RUN),
    )
    among = Q(environment__in=environments) if len(environments) <= FEW else Q()
    first, *others = (
        rows.filter(among).values_list(Value(number), "pk", "environment") for number, rows in enumerate(on)
    )
    keys: list[list[int]] = [[] for _ in on]
    for number, pk, environment in first.union(*others, all=True):
        if environment in environments:
            keys[number].append(pk)
    # Asked for with its condition again: it may have ended between the two.
    return NowOn._make(rows.filter(pk__in=found) for rows, found in zip(on, keys, strict=True))


def deployments(ids: Iterable[int | None]) -> dict[int, Deployment]:
    wanted = {pk for pk in ids if pk is not None}
    return Deployment.objects.select_related("release").defer(*_texts("release__")).in_bulk(wanted) if wanted else {}


def _texts(of: str) -> list[str]:
    """Return the columns of a release that a board shows nothing of; there are hundreds, and some are long."""
    return [
        f"{of}{name}"
        for name in ("expected_result", "rollback_note", "affected_routes", "change_url", "assumptions", "bad_reason")
    ]


def failed(ids: Iterable[int | None]) -> dict[int, Deployment]:
    """Return by environment which of these deployments, each its newest, were reported as failed."""
    return by_environment(
        Deployment.objects.select_related("release").filter(
            pk__in=[pk for pk in ids if pk is not None],
            status=DeploymentStatus.FAILED,
            kind=DeploymentKind.DEPLOYMENT,
        )
    )


def rollbacks(ids: Iterable[int | None]) -> dict[int, Rollback]:
    return by_environment(Rollback.objects.filter(pk__in=[pk for pk in ids if pk is not None]))


R = TypeVar("R", Rollback, Freeze, Deployment, Execution)


def by_environment(rows: Iterable[R]) -> dict[int, R]:
    """Return the first row of each environment."""
    found: dict[int, R] = {}
    for row in rows:
        found.setdefault(row.environment_id, row)
    return found


L = TypeVar("L", RenderedCommand, ReadinessLook)


def of_targets(rows: QuerySet[L], targets: dict[int, int | None]) -> dict[int, L]:
    """Return each environment's row for its target."""
    wanted = rows.filter(target__in=[pk for pk in targets.values() if pk is not None])
    return {row.environment_id: row for row in wanted if targets.get(row.environment_id) == row.target_id}


def usual_seconds(environments: QuerySet[Environment, Any]) -> dict[int, tuple[float, int]]:
    """Return the median time of each environment's last restored rollbacks, and how many those were."""
    ended = (
        Rollback.objects.filter(environment__in=environments, outcome__in=RESTORED)
        .annotate(place=Window(RowNumber(), partition_by=F("environment"), order_by=F("pk").desc()))
        .filter(place__lte=ESTIMATE_FROM)
        .values_list("environment", "pressed_at", "ended_at")
    )
    times: dict[int, list[float]] = {}
    for environment, pressed_at, ended_at in ended:
        if ended_at is not None:
            times.setdefault(environment, []).append((ended_at - pressed_at).total_seconds())
    return {pk: (sorted(found)[len(found) // 2], len(found)) for pk, found in times.items()}


def decisive_findings(run_ids: Iterable[int | None]) -> dict[int, tuple[str, int]]:
    """Return each run's first finding that decided its verdict, a new one if any, and how many there are."""
    wanted = [pk for pk in run_ids if pk is not None]
    summed = list(
        Finding.objects.filter(probe_run__run__in=wanted, level=F("probe_run__run__verdict"))
        .values("probe_run__run", "probe_run")
        .annotate(new=Min("pk", filter=Q(already_failing=False)), first=Min("pk"), number=Count("pk"))
        .order_by("probe_run")
    )
    # In the order of reading, which is that of the probes' rows, not in the order in which they happened to answer.
    chosen: dict[int, int] = {}
    numbers: Counter[int] = Counter()
    for row in summed:
        numbers[row["probe_run__run"]] += row["number"]
        if row["new"] is not None:
            chosen.setdefault(row["probe_run__run"], row["new"])
    for row in summed:
        chosen.setdefault(row["probe_run__run"], row["first"])
    findings = Finding.objects.select_related("probe_run").in_bulk(chosen.values())
    return {run: (_told(findings[pk]), numbers[run]) for run, pk in chosen.items() if pk in findings}


def _told(finding: Finding) -> str:
    return f"{finding.probe_run.key}: {finding.sentence}"
