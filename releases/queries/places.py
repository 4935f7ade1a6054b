"""Environments as the board shows them: recorded, observed, in progress, and whether the way back is open.

The number of queries does not grow with the environments. The readiness items are made by the same functions as for one
environment, from facts that are read here for all; a test keeps the two agreeing.
"""

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet
from django.utils import timezone

from releases.models import (
    Deployment,
    Environment,
    ReadinessLook,
    RenderedCommand,
    Rollback,
    Service,
)
from releases.queries import place_rows
from releases.queries.board import NOT_BACK, Back, Frozen, Instance, Live, OpenRollback, Place, Started, Trouble
from releases.queries.probe_counts import counted
from releases.queries.readiness import Facts, items_of, workers_by_queue
from releases.queries.standing import (
    Progress,
    Standing,
    progress_among,
    rollback_of,
    standing,
)
from releases.queries.timings import told
from releases.states import RollbackStatus, Verdict


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
    rows = list(place_rows.with_subqueries(environments))
    within = environments.order_by().values("pk")  # as a list of hundreds it would be written out in every statement
    extra = {row.pk: vars(row) for row in rows}
    live = [row.live for row in rows if row.live is not None]
    failed = place_rows.failed(extra[row.pk]["latest"] for row in rows if extra[row.pk]["latest"] != row.live_id)
    targets = {row.pk: extra[row.pk]["target"] for row in rows}
    target_rows = place_rows.deployments(targets.values())
    last_rollbacks = place_rows.rollbacks(extra[row.pk]["last_rollback"] for row in rows)
    on = place_rows.now_on(set(extra))
    open_rollbacks = place_rows.by_environment(on.rollbacks.select_related("target__release"))
    freezes = place_rows.by_environment(on.freezes)
    started = place_rows.by_environment(on.started.select_related("release").order_by("-pk"))
    executing = place_rows.by_environment(on.executing)
    progress = progress_among(counted(on.runs))
    rendered = place_rows.of_targets(RenderedCommand.objects.defer("argv", "terminal"), targets)
    looks = place_rows.of_targets(ReadinessLook.objects.all(), targets)
    workers = workers_by_queue()
    now = timezone.now()
    usual = place_rows.usual_seconds(within) if last_rollbacks else {}
    decisive = place_rows.decisive_findings(
        deployment.verify_run_id for deployment in live if deployment.verdict not in ("", Verdict.PASS)
    )

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
            live=_live(now_live, progress, decisive) if now_live else None,
            progress=progress.get(checked) or (progress.get(now_live.pk) if now_live else None),
            started=_started(begun) if begun else None,
            frozen=Frozen(freeze.pk, freeze.frozen_by, freeze.frozen_at, freeze.reason) if freeze else None,
            rollback=_open(open_rollback, progress) if open_rollback else None,
            troubles=tuple(_troubles(row, failed.get(row.pk), last_rollbacks.get(row.pk))),
            back=_back(facts, seconds, ground) if now_live else None,
            instances=instances,
            observed_at=row.observed_at,
            mixed=_disagrees(row, instances),
        )

    return [make(row) for row in rows]


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


def _live(
    deployment: Deployment,
    progress: dict[int, Progress],
    decisive: dict[int, tuple[str, int]],
) -> Live:
    rollback = rollback_of(deployment)
    finding, number = decisive.get(deployment.verify_run_id or 0, ("", 0))
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
        p95=told(deployment.response_time),
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


def _troubles(row: Environment, failed: Deployment | None, rollback: Rollback | None) -> Iterable[Trouble]:
    """Return what went wrong since the live deployment, as long as nothing was deployed after it."""
    if rollback is not None and row.live_id in (rollback.undone_id, rollback.deployment_id):
        ended = rollback.ended_at or rollback.pressed_at
        if rollback.status == RollbackStatus.DONE and rollback.outcome in NOT_BACK:
            yield Trouble(
                rollback.outcome, rollback.tag, ended, f"{rollback.tag}: {rollback.detail}", rollback=rollback.pk
            )
        elif rollback.status == RollbackStatus.REFUSED:
            yield Trouble("refused", rollback.tag, ended, f"{rollback.tag}: {rollback.detail}", rollback=rollback.pk)
    if failed is not None:
        says = f"{failed.tag} of {failed.release.version} was reported as failed"
        ended = failed.finished_at or failed.started_at
        yield Trouble("failed", failed.tag, ended, says, deployment=failed.pk, release=failed.release_id)


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
