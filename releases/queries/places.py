"""Environments as the board shows them: recorded, observed, in progress, and whether the way back is open.

The number of queries does not grow with the environments. The readiness items are made by the same functions as for one
environment, from facts that are read here for all; a test keeps the two agreeing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from django.db.models import Count, F, Manager, Min, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from releases.models import (
    Deployment,
    Environment,
    Execution,
    Finding,
    Freeze,
    ReadinessLook,
    RenderedCommand,
    Rollback,
    Service,
)
from releases.queries.board import NOT_BACK, Back, Frozen, Instance, Live, OpenRollback, Place, Started, Trouble
from releases.queries.readiness import Facts, items_of, workers_by_queue
from releases.queries.standing import Progress, Standing, progress_by_deployment, rollback_of, standing
from releases.queries.timings import Timing, headlines
from releases.queries.wayback import CANDIDATES_LIMIT, verified_now
from releases.states import (
    OPEN_ROLLBACK,
    DeploymentKind,
    DeploymentStatus,
    ExecutionStatus,
    Outcome,
    RollbackStatus,
)

ESTIMATE_FROM = 10
"""From how many rollbacks the usual time is taken."""
RESTORED = (Outcome.RESTORED, Outcome.RESTORED_WITH_DIFFERENCES)
"""Only these took the time until it was good again; the others say how soon it went wrong."""


def listed_places() -> list[Place]:
    """Return every environment that the catalogue names, by service, production first."""
    return places(Environment.objects.filter(listed=True, service__listed=True))


def places_of(service: Service) -> list[Place]:
    """Return the environments of one service; those that the catalogue no longer names come last."""
    return sorted(places(service.environments.all()), key=lambda place: not place.listed)


def place(environment: Environment) -> Place:
    return places(Environment.objects.filter(pk=environment.pk))[0]


def places(environments: QuerySet[Environment]) -> list[Place]:
    """Return what the board shows of these environments."""
    rows = list(_with_subqueries(environments))
    ids = [row.pk for row in rows]
    extra = {row.pk: vars(row) for row in rows}
    live = [row.live for row in rows if row.live is not None]
    latest = _deployments(extra[pk]["latest"] for pk in ids)
    targets = {pk: extra[pk]["verified_target"] or extra[pk]["finished_target"] for pk in ids}
    target_rows = _deployments(targets.values())
    last_rollbacks = _rollbacks(extra[pk]["last_rollback"] for pk in ids)
    open_rollbacks = _by_environment(
        Rollback.objects.filter(environment__in=ids, status__in=OPEN_ROLLBACK).select_related("target__release")
    )
    freezes = _by_environment(Freeze.objects.filter(environment__in=ids, lifted_at=None))
    started = _by_environment(
        Deployment.objects.filter(environment__in=ids, kind=DeploymentKind.DEPLOYMENT, status=DeploymentStatus.STARTED)
        .select_related("release")
        .order_by("-pk")
    )
    executing = _by_environment(Execution.objects.filter(environment__in=ids, status=ExecutionStatus.EXECUTING))
    rendered = _of_targets(RenderedCommand.objects, targets)
    looks = _of_targets(ReadinessLook.objects, targets)
    workers = workers_by_queue()
    now = timezone.now()
    usual = _usual_seconds(ids)
    progress = progress_by_deployment(
        [deployment.pk for deployment in live]
        + [deployment.pk for deployment in started.values()]
        + [rollback.deployment_id for rollback in open_rollbacks.values()]
    )
    decisive = _decisive_findings(deployment.verify_run_id for deployment in live)
    p95 = headlines(deployment.verify_run_id for deployment in live)

    def make(row: Environment) -> Place:
        now_live = row.live
        begun = started.get(row.pk)
        freeze = freezes.get(row.pk)
        target = target_rows.get(targets[row.pk] or 0)
        open_rollback = open_rollbacks.get(row.pk)
        checked = begun.pk if begun else now_live.pk if now_live else 0
        facts = Facts(
            now=now,
            live=now_live,
            target=target,
            rendered=rendered.get(row.pk),
            look=looks.get(row.pk),
            queue=row.act_queue,
            workers=workers.get(row.act_queue, []),
            executing=executing.get(row.pk),
            started=begun,
        )
        seconds, ground = usual.get(row.pk, (None, 0))
        instances = _observed(row)
        return Place(
            pk=row.pk,
            service=row.service.key,
            key=row.key,
            production=row.production,
            base_url=row.base_url,
            listed=row.listed and row.service.listed,
            live=_live(now_live, progress, decisive, p95) if now_live else None,
            progress=progress.get(checked) or (progress.get(now_live.pk) if now_live else None),
            started=_started(begun) if begun else None,
            frozen=Frozen(freeze.pk, freeze.frozen_by, freeze.frozen_at, freeze.reason) if freeze else None,
            rollback=_open(open_rollback, progress) if open_rollback else None,
            troubles=tuple(_troubles(row, latest.get(extra[row.pk]["latest"]), last_rollbacks.get(row.pk))),
            back=_back(facts, seconds, ground) if now_live else None,
            instances=instances,
            observed_at=row.observed_at,
            mixed=_disagrees(row, instances),
        )

    return [make(row) for row in rows]


def _with_subqueries(environments: QuerySet[Environment]) -> QuerySet[Environment]:
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
    ).order_by("-pk")
    return (
        environments.select_related("service", "live__release", "live__rollback")
        .annotate(
            latest=Subquery(newest),
            last_rollback=Subquery(newest_rollback),
            verified_target=Subquery(possible.filter(verified_now()).values("pk")[:1]),
            finished_target=Subquery(possible.values("pk")[:1]),
        )
        .order_by("service__key", "-production", "key")
    )


def _deployments(ids: Iterable[int | None]) -> dict[int, Deployment]:
    wanted = {pk for pk in ids if pk is not None}
    return Deployment.objects.select_related("release").in_bulk(wanted) if wanted else {}


def _rollbacks(ids: Iterable[int | None]) -> dict[int, Rollback]:
    return _by_environment(Rollback.objects.filter(pk__in=[pk for pk in ids if pk is not None]))


R = TypeVar("R", Rollback, Freeze, Deployment, Execution)


def _by_environment(rows: Iterable[R]) -> dict[int, R]:
    """Return the first row of each environment."""
    found: dict[int, R] = {}
    for row in rows:
        found.setdefault(row.environment_id, row)
    return found


L = TypeVar("L", RenderedCommand, ReadinessLook)


def _of_targets(rows: Manager[L], targets: dict[int, int | None]) -> dict[int, L]:
    """Return each environment's row for its target."""
    wanted = rows.filter(target__in=[pk for pk in targets.values() if pk is not None])
    return {row.environment_id: row for row in wanted if targets.get(row.environment_id) == row.target_id}


def _back(facts: Facts, seconds: float | None, ground: int) -> Back:
    items = tuple(items_of(facts))
    return Back(
        target=facts.target.release.version if facts.target else "",
        red=tuple(item.key for item in items if item.red),
        not_known=tuple(item.key for item in items if not item.known),
        seconds=seconds,
        ground=ground,
        items=items,
        looked_at=facts.looked.looked_at if facts.looked else None,
    )


def _usual_seconds(environments: Sequence[int]) -> dict[int, tuple[float, int]]:
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


def _decisive_findings(run_ids: Iterable[int | None]) -> dict[int, tuple[str, int]]:
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


def _live(
    deployment: Deployment,
    progress: dict[int, Progress],
    decisive: dict[int, tuple[str, int]],
    p95: dict[int, Timing],
) -> Live:
    rollback = rollback_of(deployment)
    run = deployment.verify_run_id or 0
    finding, number = decisive.get(run, ("", 0))
    return Live(
        pk=deployment.pk,
        release=deployment.release_id,
        version=deployment.release.version,
        owner=deployment.release.owner,
        since=deployment.finished_at or deployment.started_at,
        reported_by=deployment.reported_by,
        standing=standing(deployment, progress.get(deployment.pk)),
        regression=deployment.regression,
        bad=deployment.release.bad,
        despite_freeze=deployment.despite_freeze,
        during_rollback=deployment.during_rollback,
        rollback=rollback.pk if rollback else None,
        findings=number,
        finding=finding,
        p95=p95.get(run),
        accepted=deployment.stands_accepted,
    )


def _started(deployment: Deployment) -> Started:
    return Started(
        deployment.pk,
        deployment.release_id,
        deployment.release.version,
        deployment.started_at,
        deployment.reported_by,
    )


def _open(rollback: Rollback, progress: dict[int, Progress]) -> OpenRollback:
    checking = progress.get(rollback.deployment_id or 0)
    verifying = rollback.status == RollbackStatus.VERIFYING and checking is not None
    label = checking.label if verifying and checking else ""
    return OpenRollback(
        rollback.pk,
        rollback.requested_by,
        rollback.target.release.version,
        Standing(rollback.status, label),
        waits_for=rollback.detail,
        waits_since=rollback.pressed_at if rollback.status == RollbackStatus.QUEUED else None,
    )


def _troubles(row: Environment, latest: Deployment | None, rollback: Rollback | None) -> Iterable[Trouble]:
    """Return what went wrong since the live deployment, as long as nothing was deployed after it."""
    if rollback is not None and row.live_id in (rollback.undone_id, rollback.deployment_id):
        ended = rollback.ended_at or rollback.pressed_at
        if rollback.status == RollbackStatus.DONE and rollback.outcome in NOT_BACK:
            yield Trouble(
                rollback.outcome, rollback.tag, ended, f"{rollback.tag}: {rollback.detail}", rollback=rollback.pk
            )
        elif rollback.status == RollbackStatus.REFUSED:
            yield Trouble("refused", rollback.tag, ended, f"{rollback.tag}: {rollback.detail}", rollback=rollback.pk)
    if (
        latest is not None
        and latest.pk != row.live_id
        and latest.status == DeploymentStatus.FAILED
        and latest.kind == DeploymentKind.DEPLOYMENT
    ):
        says = f"{latest.tag} of {latest.release.version} was reported as failed"
        ended = latest.finished_at or latest.started_at
        yield Trouble("failed", latest.tag, ended, says, deployment=latest.pk, release=latest.release_id)


def _observed(row: Environment) -> tuple[Instance, ...]:
    return tuple(
        Instance(str(name), version if isinstance(version, str) else None)
        for name, version in sorted(row.observed.items())
    )


def _disagrees(row: Environment, instances: Sequence[Instance]) -> bool:
    """Whether an instance was seen to serve another version after the live one had been recorded."""
    if row.live is None or row.observed_at is None:
        return False
    if row.live.finished_at is not None and row.observed_at < row.live.finished_at:
        return False
    return any(instance.version not in (None, row.live.release.version) for instance in instances)
